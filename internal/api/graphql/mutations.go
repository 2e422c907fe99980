package graphql

import (
	"context"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// payload is what every mutation gives back.
type payload struct {
	ClientMutationID *string
	Errors           []string
}

type modelPayload struct {
	payload
	Message *string
	Model   *modelNode
}

type versionPayload struct {
	payload
	ModelVersion *versionNode
}

// modelOutcome is the payload of a mutation on a model.
func modelOutcome(ctx context.Context, client *string, m registry.Model, err error) (*modelPayload, error) {
	rules, err := broken(err)
	if err != nil {
		return nil, err
	}
	out := &modelPayload{payload: payload{client, rules}}
	if len(rules) == 0 {
		out.Model = visiting(ctx).models([]registry.Model{m}).nodes[0]
	}
	return out, nil
}

func versionOutcome(ctx context.Context, client *string, r registry.Version, err error) (*versionPayload, error) {
	rules, err := broken(err)
	if err != nil {
		return nil, err
	}
	out := &versionPayload{payload: payload{client, rules}}
	if len(rules) == 0 {
		out.ModelVersion = visiting(ctx).versions(registry.ProjectRef{ID: r.ProjectID}, map[int64]registry.Version{r.ID: r}).nodes[0]
	}
	return out, nil
}

func inProject(path gql.ID) registry.ProjectRef { return registry.ProjectRef{Path: string(path)} }

// value gives what a pointer points to, or nothing.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

type createModelInput struct {
	ClientMutationID *string
	ProjectPath      gql.ID
	Name             string
	Description      *string
}

// MlModelCreate makes a model.
func (*root) MlModelCreate(ctx context.Context, args struct{ Input createModelInput }) (*modelPayload, error) {
	in := args.Input
	m, err := visiting(ctx).s.CreateModel(ctx, inProject(in.ProjectPath), registry.ModelSpec{Name: in.Name, Description: value(in.Description)})
	return modelOutcome(ctx, in.ClientMutationID, m, err)
}

type editModelInput struct {
	ClientMutationID *string
	ProjectPath      gql.ID
	ModelID          *int32
	Name             string
	Description      *string
}

// MlModelEdit changes the description of a model, which is found by its number
// or, without one, by its name. As in GitLab it does not change the name.
func (*root) MlModelEdit(ctx context.Context, args struct{ Input editModelInput }) (*modelPayload, error) {
	in := args.Input
	which := registry.ModelRef{Name: in.Name}
	if in.ModelID != nil {
		which = registry.ModelRef{ID: int64(*in.ModelID)}
	}
	m, err := visiting(ctx).s.EditModel(ctx, inProject(in.ProjectPath), which, registry.ModelEdit{Description: in.Description})
	return modelOutcome(ctx, in.ClientMutationID, m, err)
}

type deleteModelInput struct {
	ClientMutationID *string
	ProjectPath      gql.ID
	ID               gid
}

// MlModelDelete removes a model and gives what it was.
func (*root) MlModelDelete(ctx context.Context, args struct{ Input deleteModelInput }) (*modelPayload, error) {
	in := args.Input
	id, err := in.ID.row(gidModel)
	if err != nil {
		return nil, err
	}
	m, err := visiting(ctx).s.RemoveModel(ctx, inProject(in.ProjectPath), registry.ModelRef{ID: id})
	return modelOutcome(ctx, in.ClientMutationID, m, err)
}

// MlModelDestroy removes a model.
func (r *root) MlModelDestroy(ctx context.Context, args struct{ Input deleteModelInput }) (*modelPayload, error) {
	return r.MlModelDelete(ctx, args)
}

type createVersionInput struct {
	ClientMutationID *string
	ProjectPath      gql.ID
	ModelID          gid
	Version          *string
	Description      *string
	CandidateID      *gid
}

// MlModelVersionCreate makes a version, or promotes a candidate to one.
func (*root) MlModelVersionCreate(ctx context.Context, args struct{ Input createVersionInput }) (*versionPayload, error) {
	in := args.Input
	spec := registry.VersionSpec{Semver: value(in.Version), Description: value(in.Description)}
	model, err := in.ModelID.row(gidModel)
	if err == nil && in.CandidateID != nil {
		// A candidate that cannot be has to be missed, not forgotten.
		if spec.RunID, err = in.CandidateID.row(gidCandidate); spec.RunID == 0 {
			spec.RunID = -1
		}
	}
	if err != nil {
		return nil, err
	}
	v, err := visiting(ctx).s.CreateVersion(ctx, inProject(in.ProjectPath), registry.ModelRef{ID: model}, spec)
	return versionOutcome(ctx, in.ClientMutationID, v, err)
}

type editVersionInput struct {
	ClientMutationID *string
	ProjectPath      gql.ID
	ModelID          gid
	Version          string
	Description      string
}

// MlModelVersionEdit changes the description of a version, which is found by
// its model and semantic version.
func (*root) MlModelVersionEdit(ctx context.Context, args struct{ Input editVersionInput }) (*versionPayload, error) {
	in := args.Input
	model, err := in.ModelID.row(gidModel)
	if err != nil {
		return nil, err
	}
	v, err := visiting(ctx).s.EditVersion(ctx, inProject(in.ProjectPath), registry.ModelRef{ID: model}, registry.VersionRef{Semver: in.Version},
		registry.VersionEdit{Description: &in.Description})
	return versionOutcome(ctx, in.ClientMutationID, v, err)
}

type deleteVersionInput struct {
	ClientMutationID *string
	ID               gid
}

// MlModelVersionDelete removes a version and gives what it was. A version that
// the caller may not see is answered as one that is not there: GitLab tells the
// two apart, and so tells which ids there are.
func (*root) MlModelVersionDelete(ctx context.Context, args struct{ Input deleteVersionInput }) (*versionPayload, error) {
	in := args.Input
	id, err := in.ID.row(gidVersion)
	if err != nil {
		return nil, err
	}
	v, err := visiting(ctx).s.RemoveVersion(ctx, registry.ProjectRef{VersionID: id}, id)
	if fault.Is(err, fault.NotFound) {
		err = fault.Missing("version", itoa(id))
	}
	return versionOutcome(ctx, in.ClientMutationID, v, err)
}
