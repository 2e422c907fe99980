package registry

import (
	"context"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// experimentPrefix begins the name of a model's own experiment, as in GitLab.
const experimentPrefix = "[model]"

// Models lists the models of a project.
func (s Session) Models(ctx context.Context, ref ProjectRef, q ModelQuery) (List[Model], error) {
	return view(ctx, s, func(tx Tx) (List[Model], error) {
		p, err := s.project(ctx, tx, ref, ReadModels)
		if err != nil {
			return List[Model]{}, err
		}
		q := q
		q.ProjectID = p.ID
		switch {
		case q.ID != 0, q.Name != "", q.Search != "":
		case q.Prompts:
			q.Page.Known = &p.PromptCount
		default:
			q.Page.Known = &p.ModelCount
		}
		l, err := tx.ListModels(ctx, q)
		if err != nil {
			return List[Model]{}, err
		}
		if q.Bare {
			for i := range l.Items {
				l.Items[i].ProjectPath = p.FullPath
			}
			return l, nil
		}
		return l, fillModels(ctx, tx, p, l.Items)
	})
}

// fillModels adds tags and aliases to models of one project, in two queries for
// all.
func fillModels(ctx context.Context, tx Tx, p Project, ms []Model) error {
	for i := range ms {
		ms[i].ProjectPath = p.FullPath
	}
	return describeModels(ctx, tx, ms)
}

// describeModels adds tags and aliases to models of any projects.
func describeModels(ctx context.Context, tx Tx, ms []Model) error {
	ids := make([]int64, len(ms))
	for i, m := range ms {
		ids[i] = m.ID
	}
	tags, err := tx.TagsOf(ctx, ModelTags, ids)
	if err != nil {
		return err
	}
	aliases, err := tx.AliasesOf(ctx, ids)
	if err != nil {
		return err
	}
	for i := range ms {
		ms[i].Tags, ms[i].Aliases = tags[ms[i].ID], aliases[ms[i].ID]
	}
	return nil
}

// Model gives one model.
func (s Session) Model(ctx context.Context, ref ProjectRef, which ModelRef) (Model, error) {
	return view(ctx, s, func(tx Tx) (Model, error) {
		_, m, err := s.model(ctx, tx, ref, which, ReadModels)
		if err != nil {
			return Model{}, err
		}
		one := []Model{m}
		err = fillHeads(ctx, tx, one)
		return one[0], err
	})
}

// fillHeads adds the latest version of each stage to models whose other parts
// are there.
func fillHeads(ctx context.Context, tx Tx, ms []Model) error {
	ids := make([]int64, len(ms))
	for i, m := range ms {
		ids[i] = m.ID
	}
	heads, err := tx.HeadsOf(ctx, ids)
	if err != nil {
		return err
	}
	var all []Version
	for _, m := range ms {
		all = append(all, heads[m.ID]...)
	}
	if err := tagVersions(ctx, tx, all); err != nil {
		return err
	}
	for i, m := range ms {
		n := len(heads[m.ID])
		ms[i].Heads, all = all[:n:n], all[n:]
		nameVersions(m, ms[i].Heads)
	}
	return nil
}

// model passes the gate and finds a model of the project.
func (s Session) model(ctx context.Context, tx Tx, ref ProjectRef, which ModelRef, p Permission) (Project, Model, error) {
	pr, err := s.project(ctx, tx, ref, p)
	if err != nil {
		return pr, Model{}, err
	}
	m, err := findModel(ctx, tx, pr.ID, which)
	if err != nil {
		return pr, m, err
	}
	one := []Model{m}
	err = fillModels(ctx, tx, pr, one)
	return pr, one[0], err
}

func findModel(ctx context.Context, tx Tx, projectID int64, which ModelRef) (Model, error) {
	if which.ID != 0 {
		return tx.ModelByID(ctx, projectID, which.ID)
	}
	m, err := tx.ModelByName(ctx, projectID, which.Name)
	if which.AnyCase && fault.Is(err, fault.NotFound) {
		return findFolded(ctx, tx, projectID, which.Name)
	}
	return m, err
}

// CreateModel makes a model and its experiment.
func (s Session) CreateModel(ctx context.Context, ref ProjectRef, spec ModelSpec) (Model, error) {
	return update(ctx, s, func(tx Tx) (Model, error) {
		p, err := s.project(ctx, tx, ref, WriteModels)
		if err != nil {
			return Model{}, err
		}
		return s.addModel(ctx, tx, p, spec)
	})
}

// addModel does the work of CreateModel behind the gate.
func (s Session) addModel(ctx context.Context, tx Tx, p Project, spec ModelSpec) (Model, error) {
	m := Model{ProjectID: p.ID, Name: spec.Name, Description: spec.Description, Prompt: isPrompt(spec.Tags),
		Author: UserRef{ID: s.actor.UserID}, CreatedAt: s.now(), UpdatedAt: s.now()}
	if err := s.rules.CheckModelName(m.Name); err != nil {
		return Model{}, err
	}
	if err := checkModel(m, spec.Tags); err != nil {
		return Model{}, err
	}
	if err := s.modelExperiment(ctx, tx, &m); err != nil {
		return Model{}, err
	}
	var err error
	if m.ID, err = tx.InsertModel(ctx, m); err != nil {
		return Model{}, err
	}
	if err := tx.SetTags(ctx, ModelTags, m.ID, spec.Tags); err != nil {
		return Model{}, err
	}
	if m, err = tx.ModelByID(ctx, p.ID, m.ID); err != nil {
		return Model{}, err
	}
	m.Tags, m.ProjectPath = spec.Tags, p.FullPath
	return m, s.note(ctx, tx, m.about(ModelCreated))
}

func checkModel(m Model, tags []Tag) error {
	if err := checkDescription(m.Description); err != nil {
		return err
	}
	return checkTags(tags)
}

// taken says that a model, or a prompt, has the name already.
func taken(old Model) error {
	noun := "model"
	if old.Prompt {
		noun = "prompt"
	}
	return fault.Conflictf(noun, "name", "has already been taken")
}

// modelExperiment makes the experiment of a new model. It is the only thing
// whose name a model can clash with besides another model's.
func (s Session) modelExperiment(ctx context.Context, tx Tx, m *Model) error {
	if old, err := tx.ModelByName(ctx, m.ProjectID, m.Name); !fault.Is(err, fault.NotFound) {
		if err == nil {
			err = taken(old)
		}
		return err
	}
	e := Experiment{ProjectID: m.ProjectID, Name: experimentPrefix + m.Name, Author: m.Author, CreatedAt: m.CreatedAt, UpdatedAt: m.CreatedAt}
	var err error
	if e.IID, err = tx.NextExperiment(ctx, m.ProjectID); err != nil {
		return err
	}
	m.ExperimentIID = e.IID
	m.ExperimentID, err = tx.InsertExperiment(ctx, e)
	return err
}

// EditModel changes a model.
func (s Session) EditModel(ctx context.Context, ref ProjectRef, which ModelRef, e ModelEdit) (Model, error) {
	return update(ctx, s, func(tx Tx) (Model, error) {
		_, m, err := s.model(ctx, tx, ref, which, WriteModels)
		if err != nil {
			return Model{}, err
		}
		old := m.Name
		set(&m.Description, e.Description)
		m.UpdatedAt = s.now()
		if e.Tags != nil {
			m.Tags = *e.Tags
		}
		if err := checkModel(m, m.Tags); err != nil {
			return Model{}, err
		}
		if err := s.renameModel(ctx, tx, &m, e.Name); err != nil {
			return Model{}, err
		}
		if err := tx.UpdateModel(ctx, m); err != nil {
			return Model{}, err
		}
		if err := replaceTags(ctx, tx, ModelTags, m.ID, e.Tags); err != nil {
			return Model{}, err
		}
		if err := markPrompt(ctx, tx, &m, m.Tags); err != nil {
			return Model{}, err
		}
		if err := s.note(ctx, tx, edited(m, old)); err != nil {
			return Model{}, err
		}
		one := []Model{m}
		err = fillHeads(ctx, tx, one)
		return one[0], err
	})
}

// renameModel gives a model a new name, which changes each of its versions. A
// name that stays may be one that the session's rules would not allow.
func (s Session) renameModel(ctx context.Context, tx Tx, m *Model, name *string) error {
	if name == nil || *name == m.Name {
		return nil
	}
	m.Name = *name
	if err := s.rules.CheckModelName(m.Name); err != nil {
		return err
	}
	return tx.TouchVersions(ctx, m.ID, m.UpdatedAt)
}

// SetModelTag sets one metadata entry of a model.
func (s Session) SetModelTag(ctx context.Context, ref ProjectRef, which ModelRef, t Tag) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		_, m, err := s.model(ctx, tx, ref, which, WriteModels)
		if err != nil {
			return err
		}
		if err := checkTags([]Tag{t}); err != nil {
			return err
		}
		if err := tx.SetTags(ctx, ModelTags, m.ID, []Tag{t}); err != nil {
			return err
		}
		if err := s.note(ctx, tx, m.about(ModelTagged).with(t.Key)); err != nil || t.Key != PromptTag {
			return err
		}
		return markPrompt(ctx, tx, &m, []Tag{t})
	})
}

// DeleteModelTag removes one metadata entry of a model.
func (s Session) DeleteModelTag(ctx context.Context, ref ProjectRef, which ModelRef, key string) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		_, m, err := s.model(ctx, tx, ref, which, WriteModels)
		if err != nil {
			return err
		}
		if err := deleteTag(ctx, tx, ModelTags, m.ID, key); err != nil {
			return err
		}
		if err := s.note(ctx, tx, m.about(ModelTagged).with(key)); err != nil || key != PromptTag {
			return err
		}
		return markPrompt(ctx, tx, &m, nil)
	})
}

// deleteTag removes one key; to the store, no key means all of them.
func deleteTag(ctx context.Context, tx Tx, o TagOwner, id int64, key string) error {
	if key == "" {
		return fault.Missing("tag", key)
	}
	return tx.DeleteTag(ctx, o, id, key)
}

// DeleteModel removes a model with its versions, candidates and files.
func (s Session) DeleteModel(ctx context.Context, ref ProjectRef, which ModelRef) error {
	_, err := s.RemoveModel(ctx, ref, which)
	return err
}

// RemoveModel is DeleteModel for those who want to tell what it was.
func (s Session) RemoveModel(ctx context.Context, ref ProjectRef, which ModelRef) (Model, error) {
	return update(ctx, s, func(tx Tx) (Model, error) {
		_, m, err := s.model(ctx, tx, ref, which, WriteModels)
		if err != nil {
			return Model{}, err
		}
		e, err := tx.ExperimentByIID(ctx, m.ProjectID, m.ExperimentIID)
		if err != nil {
			return Model{}, err
		}
		if err := s.r.traceFiles.dropAll(ctx, tx, e); err != nil {
			return Model{}, err
		}
		if err := tx.DeleteModel(ctx, m); err != nil {
			return Model{}, err
		}
		return m, s.note(ctx, tx, m.about(ModelDeleted))
	})
}

// Limits of tags, in characters: MLflow's own for keys, GitLab's for values.
const (
	maxTagKey   = 255
	maxTagValue = 100_000 // as MLflow has it for versions, where prompts keep their texts
)

func checkTags(tags []Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case t.Key == "":
			return fault.Invalidf("metadata", "has an entry without a name")
		case len([]rune(t.Key)) > maxTagKey:
			return fault.Invalidf("metadata", "has a name that is too long (maximum is 255 characters)")
		case len([]rune(t.Value)) > maxTagValue:
			return fault.Invalidf("metadata", "has a value that is too long (maximum is %d characters)", maxTagValue)
		case seen[t.Key]:
			return fault.Invalidf("metadata", "has the name %q twice", t.Key)
		}
		seen[t.Key] = true
		if err := checkUTF8("metadata", t.Key+t.Value); err != nil {
			return err
		}
	}
	return nil
}

// valueOf gives the value of a key, "" when there is none.
func valueOf(tags []Tag, key string) string {
	for _, t := range tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

// replaceTags writes the whole set anew; nil leaves it.
func replaceTags(ctx context.Context, tx Tx, o TagOwner, id int64, tags *[]Tag) error {
	if tags == nil {
		return nil
	}
	if err := checkTags(*tags); err != nil {
		return err
	}
	if err := tx.DeleteTag(ctx, o, id, ""); err != nil {
		return err
	}
	return tx.SetTags(ctx, o, id, *tags)
}
