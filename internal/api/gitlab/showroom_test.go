package gitlab

import (
	"context"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// The showroom is the world of the examples in the OpenAPI document: what its
// readers see. It is made anew from nothing, so that the fixture of the other
// tests can grow without changing a number in the document.
//
// The group vision has the project vision/flowers with the model iris, whose
// version 1.0.0 (alias champion) has the file onnx/model.onnx; the candidate
// "deep" with a metric, a parameter, a metadata entry and a file; the
// experiment "sweep"; the generic package raw-data 2026.11; and an upload of
// onnx/large.onnx that has no byte yet. ada made all of it and is an administrator, grace is a developer, alan is no member.
var showroom = apitest.NewTemplate(func(ctx context.Context, all *apitest.World) error {
	w := &world{all: all, reg: all.Registry, tokens: all.Tokens, ids: all.IDs}
	return w.furnish(ctx)
})

// newShowroom copies the showroom. Its ids have the names that world.address
// looks for.
func newShowroom(t *testing.T) *world {
	t.Helper()
	return worldOf(t, showroom, worldOptions{})
}

func (w *world) furnish(ctx context.Context) error {
	sys := w.reg.As(auth.System())
	if _, _, err := sys.SetUp(ctx, registry.Setup{Password: "correct horse", Token: "root-token-for-tests"}); err != nil {
		return err
	}
	for _, u := range []registry.UserSpec{{Username: "ada", Name: "Ada Lovelace", Admin: true}, {Username: "grace", Name: "Grace Hopper"}, {Username: "alan", Name: "Alan Turing"}} {
		u.Email = u.Username + "@example.org"
		made, err := sys.CreateUser(ctx, u)
		if err != nil {
			return err
		}
		w.ids[u.Username] = made.ID
	}
	w.ids["owner"], w.ids["planner"] = w.ids["grace"], w.ids["grace"] // see address
	if _, err := w.token(ctx, "ada", "ada", "api"); err != nil {
		return err
	}
	var err error
	if w.ids["token"], err = w.token(ctx, "laptop", "ada", "read_model_registry", "write_model_registry"); err != nil {
		return err
	}
	k, err := sys.CreateImpersonationToken(ctx, w.ids["grace"], registry.TokenSpec{Name: "support", Scopes: []string{"read_api"}})
	if err != nil {
		return err
	}
	w.ids["impersonation"] = k.ID
	ada := w.reg.As(auth.Actor{UserID: w.ids["ada"], Username: "ada", Admin: true, Scopes: auth.AllScopes})
	return w.furnishPlaces(ctx, ada)
}

func (w *world) furnishPlaces(ctx context.Context, ada registry.Session) error {
	g, err := ada.CreateGroup(ctx, registry.GroupSpec{Name: "Vision", Path: "vision", Description: "Models that see.", Visibility: registry.Internal})
	if err != nil {
		return err
	}
	if _, err := ada.CreateGroup(ctx, registry.GroupSpec{Name: "Medical", Path: "medical", ParentID: g.ID, Visibility: registry.Private}); err != nil {
		return err
	}
	if _, err := ada.CreateGroup(ctx, registry.GroupSpec{Name: "Hearing", Path: "hearing", Visibility: registry.Internal}); err != nil {
		return err
	}
	p, err := ada.CreateProject(ctx, registry.ProjectSpec{Name: "flowers", NamespaceID: g.ID, Description: "Tells flowers apart.", Visibility: registry.Internal})
	if err != nil {
		return err
	}
	w.ids["group"], w.ids["private"] = g.ID, p.ID
	places := []registry.PlaceRef{{Project: registry.ProjectRef{ID: p.ID}}, {Group: registry.NamespaceRef{ID: g.ID}, InGroup: true}}
	for _, place := range places {
		if _, err := ada.AddMember(ctx, place, registry.MemberSpec{UserID: w.ids["grace"], Role: registry.Developer}); err != nil {
			return err
		}
	}
	for i, place := range places {
		k, err := ada.CreateAccessToken(ctx, place, registry.AccessTokenSpec{TokenSpec: registry.TokenSpec{Name: "nightly", Scopes: []string{"api"}}, Role: registry.Developer})
		if err != nil {
			return err
		}
		w.ids[[]string{"private/token", "group/token"}[i]] = k.ID
		w.tokens[[]string{"project", "group"}[i]] = k.Secret
		d, err := ada.CreateDeployToken(ctx, place, registry.DeployTokenSpec{Name: "servers", Username: "web", Scopes: []string{"read_package_registry"}})
		if err != nil {
			return err
		}
		w.ids[[]string{"private/deploy", "group/deploy"}[i]] = d.ID
	}
	return w.furnishModels(ctx, ada, registry.ProjectRef{ID: p.ID})
}

func (w *world) furnishModels(ctx context.Context, ada registry.Session, ref registry.ProjectRef) error {
	m, err := ada.CreateModel(ctx, ref, registry.ModelSpec{Name: "iris", Description: "Knows three kinds of iris.", Tags: []registry.Tag{{Key: "framework", Value: "onnx"}}})
	if err != nil {
		return err
	}
	v, err := ada.CreateVersion(ctx, ref, registry.ModelRef{ID: m.ID}, registry.VersionSpec{Description: "Trained on the whole set.", Tags: []registry.Tag{{Key: "quantized", Value: "no"}}})
	if err != nil {
		return err
	}
	r, err := ada.CreateRun(ctx, ref, registry.RunSpec{ModelID: m.ID, Name: "deep", JobID: 1207, Data: registry.RunData{
		Params: []registry.Param{{Key: "lr", Value: "0.01"}}, Tags: []registry.Tag{{Key: "gpu", Value: "a100"}},
		Metrics: []registry.Metric{{Key: "loss", Value: 0.25, Step: 1, At: exampleTime}}}})
	if err != nil {
		return err
	}
	e, err := ada.CreateExperiment(ctx, ref, registry.ExperimentSpec{Name: "sweep"})
	if err != nil {
		return err
	}
	if _, err := ada.CreateRun(ctx, ref, registry.RunSpec{Experiment: &registry.ExperimentRef{IID: e.IID}, Name: "first", Data: registry.RunData{
		Params: []registry.Param{{Key: "lr", Value: "0.1"}}, Metrics: []registry.Metric{{Key: "loss", Value: 0.5, At: exampleTime}}}}); err != nil {
		return err
	}
	if _, err := ada.SetAlias(ctx, ref, registry.ModelRef{ID: m.ID}, registry.AliasSpec{Name: "champion", Version: registry.VersionRef{ID: v.ID}}); err != nil {
		return err
	}
	w.ids["private/model"], w.ids["private/version"], w.ids["private/run"], w.ids["private/experiment"] = m.ID, v.ID, r.IID, e.IID
	for _, f := range []struct {
		pkg           registry.PackageRef
		path, content string
	}{{registry.PackageRef{VersionID: v.ID}, "onnx/model.onnx", "weights"},
		{registry.PackageRef{VersionID: v.ID}, "config.json", `{"architectures":["ViTForImageClassification"],"num_hidden_layers":12,"hidden_size":768}`}, {registry.PackageRef{RunIID: r.IID}, "train.log", "epoch 1"},
		{registry.PackageRef{Generic: "raw-data", Version: "2026.11"}, "iris.csv", "5.1,3.5,1.4,0.2\n"}} {
		if err := apitest.Put(ctx, ada, ref, f.pkg, f.path, f.content); err != nil {
			return err
		}
	}
	u, err := ada.BeginUpload(ctx, ref, registry.PackageRef{VersionID: v.ID}, "onnx/large.onnx", registry.UploadOptions{PutOptions: registry.PutOptions{Size: 7_000_000_000}})
	w.tokens["upload"] = u.EID
	return err
}
