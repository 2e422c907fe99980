package registry

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// FindQuery is a search over all that an actor may see, or what of that is in a
// place.
type FindQuery struct {
	Page   Page
	Text   string
	In     *PlaceRef // nil: everywhere
	Viewer Viewer
	// What In names, for a Store: one project that the viewer may see, or all in
	// a namespace and below.
	ProjectID, NamespaceID int64
}

// VersionText is a search for versions: those that begin with Semver, of models
// that have Name in their names; one of them may be empty.
type VersionText struct{ Name, Semver string }

// parse splits "iris 1.2", "iris:1.2", "iris/1.2" or "1.2" before the version; a
// text without one is a name.
func (q FindQuery) parse() VersionText {
	text := strings.TrimSpace(q.Text)
	i := strings.LastIndexAny(text, " :/@")
	last := strings.TrimPrefix(text[i+1:], "v")
	if r, _ := utf8.DecodeRuneInString(last); !unicode.IsDigit(r) {
		return VersionText{Name: text}
	}
	return VersionText{Name: strings.TrimSpace(text[:max(i, 0)]), Semver: last}
}

// FoundTag is a metadata entry that a search met, with what it is on: a model, or
// one of its versions.
type FoundTag struct {
	Tag
	ProjectPath string
	ModelID     int64
	ModelName   string
	VersionID   int64 // 0: it is on the model
	Semver      string
}

// MaxFindText bounds what is searched for, in characters.
const MaxFindText = 500

// CheckFindText checks a text that is searched for.
func CheckFindText(text string) error {
	if utf8.RuneCountInString(text) > MaxFindText {
		return fault.Invalidf("search", "is too long (maximum is %d characters)", MaxFindText)
	}
	return checkUTF8("search", text)
}

// MayFind reports, as an error, whether the actor may list what they may see in
// all places.
func (s Session) MayFind() error {
	if err := s.scope(rule{scopes: readScopes}); err != nil {
		return err
	}
	return s.notAJob()
}

// finds is the gate to searches, which leave out what the actor may not see. Who
// may see no project by this token is refused; places have their own gate.
func (s Session) finds(q *FindQuery) error {
	if q.In == nil {
		if err := s.MayFind(); err != nil {
			return err
		}
	}
	q.Viewer = s.viewer()
	return CheckFindText(q.Text)
}

// find asks the database, unless there is nothing to ask for.
func find[T any](ctx context.Context, s Session, q FindQuery, empty bool, ask func(Tx, FindQuery) (List[T], error)) (List[T], error) {
	if err := s.finds(&q); err != nil || empty && q.In == nil {
		return List[T]{}, err
	}
	return view(ctx, s, func(tx Tx) (List[T], error) {
		q := q
		if err := s.findsIn(ctx, tx, &q); err != nil || empty {
			return List[T]{}, err
		}
		return ask(tx, q)
	})
}

// findsIn is the gate to the place of a search.
func (s Session) findsIn(ctx context.Context, tx Tx, q *FindQuery) error {
	switch {
	case q.In == nil:
		return nil
	case q.In.InGroup:
		n, _, err := s.namespace(ctx, tx, q.In.Group, NoRole)
		q.NamespaceID = n.ID
		return err
	}
	p, err := s.project(ctx, tx, q.In.Project, ReadModels)
	q.ProjectID = p.ID
	return err
}

// FindModels lists models of all projects whose names have a part of text, the
// latest changed first; without a text, all.
func (s Session) FindModels(ctx context.Context, q FindQuery) (List[Model], error) {
	return find(ctx, s, q, false, func(tx Tx, q FindQuery) (List[Model], error) {
		l, err := tx.FindModels(ctx, q)
		if err != nil {
			return l, err
		}
		return l, describeModels(ctx, tx, l.Items)
	})
}

// FindVersions lists versions of all projects: those that begin with "1.2", or
// with "iris 1.2" those of models with that part of a name.
func (s Session) FindVersions(ctx context.Context, q FindQuery) (List[Version], error) {
	text := q.parse()
	return find(ctx, s, q, text.Semver == "", func(tx Tx, q FindQuery) (List[Version], error) {
		l, err := tx.FindVersions(ctx, q, text)
		if err != nil {
			return l, err
		}
		return l, describeVersions(ctx, tx, l.Items)
	})
}

// FindTags lists metadata entries of models and versions of all projects: those
// whose key or value begins with a text, or with "key=value" both. They come in
// no order, so that there is no next page: More says that some are left out.
func (s Session) FindTags(ctx context.Context, q FindQuery) (List[FoundTag], error) {
	return find(ctx, s, q, strings.TrimSpace(q.Text) == "", func(tx Tx, q FindQuery) (List[FoundTag], error) { return tx.FindTags(ctx, q) })
}
