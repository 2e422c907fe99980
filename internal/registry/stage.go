package registry

import (
	"context"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// VersionStage is how far a version has come (MLflow). Several versions of a
// model may be at one stage.
type VersionStage string

// The stages of a version.
const (
	NoStage    VersionStage = "none"
	Staging    VersionStage = "staging"
	Production VersionStage = "production"
	Retired    VersionStage = "archived"
)

// VersionStages are all stages, in the order in which versions go through them.
var VersionStages = []VersionStage{NoStage, Staging, Production, Retired}

// ParseVersionStage reads the name of a stage, whatever its case.
func ParseVersionStage(s string) (VersionStage, error) {
	v := VersionStage(strings.ToLower(s))
	return v, v.valid()
}

func (v VersionStage) valid() error {
	if !slices.Contains(VersionStages, v) {
		return fault.Invalidf("stage", "does not have a valid value")
	}
	return nil
}

// Serving reports whether versions at the stage are in use.
func (v VersionStage) Serving() bool { return v == Staging || v == Production }

// StageMove puts a version at a stage.
type StageMove struct {
	Stage VersionStage
	// RetireOthers archives the versions that are at the stage already, which
	// has to be a serving one.
	RetireOthers bool
}

// MoveToStage changes the stage of a version.
func (s Session) MoveToStage(ctx context.Context, ref ProjectRef, model ModelRef, which VersionRef, move StageMove) (Version, error) {
	return update(ctx, s, func(tx Tx) (Version, error) {
		m, v, err := s.version(ctx, tx, ref, model, which, WriteModels)
		if err != nil {
			return Version{}, err
		}
		if err := move.Stage.valid(); err != nil {
			return Version{}, err
		}
		if move.RetireOthers && !move.Stage.Serving() {
			return Version{}, fault.Invalidf("archive_existing_versions", "needs a stage that is in use: staging or production")
		}
		if move.RetireOthers {
			if err := tx.RetireVersions(ctx, m.ID, move.Stage, s.now()); err != nil {
				return Version{}, err
			}
		}
		v.Stage, v.UpdatedAt = move.Stage, s.now()
		if err := tx.UpdateVersion(ctx, v); err != nil {
			return Version{}, err
		}
		if err := s.note(ctx, tx, v.about(VersionStaged).with(string(v.Stage))); err != nil {
			return Version{}, err
		}
		return v, s.touchModel(ctx, tx, m)
	})
}

// touchModel marks a model as changed by what happened to its versions.
func (s Session) touchModel(ctx context.Context, tx Tx, m Model) error {
	return tx.TouchModel(ctx, m.ID, s.now())
}
