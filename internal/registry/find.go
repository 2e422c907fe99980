package registry

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// FindQuery is a search over all that an actor may see.
type FindQuery struct {
	Page   Page
	Text   string
	Viewer Viewer
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

// maxFindText bounds what is searched for, in bytes.
const maxFindText = 500

// finds is the gate to searches over everything, which leave out what the actor
// may not see. Who may see no project by this token is refused.
func (s Session) finds(q *FindQuery) error {
	if err := s.scope(rule{scopes: readScopes}); err != nil {
		return err
	}
	if err := s.notAJob(); err != nil {
		return err
	}
	if len(q.Text) > maxFindText {
		return fault.Invalidf("search", "is too long (maximum is %d bytes)", maxFindText)
	}
	q.Viewer = s.viewer()
	return checkUTF8("search", q.Text)
}

// find asks the database, unless there is nothing to ask for.
func find[T any](ctx context.Context, s Session, q FindQuery, empty bool, ask func(Tx, FindQuery) (List[T], error)) (List[T], error) {
	if err := s.finds(&q); err != nil || empty {
		return List[T]{}, err
	}
	return view(ctx, s, func(tx Tx) (List[T], error) { return ask(tx, q) })
}

// FindModels lists models of all projects whose names have a part of text, the
// latest changed first; without a text, all.
func (s Session) FindModels(ctx context.Context, q FindQuery) (List[Model], error) {
	return find(ctx, s, q, false, func(tx Tx, q FindQuery) (List[Model], error) { return tx.FindModels(ctx, q) })
}

// FindVersions lists versions of all projects: those that begin with "1.2", or
// with "iris 1.2" those of models with that part of a name.
func (s Session) FindVersions(ctx context.Context, q FindQuery) (List[Version], error) {
	text := q.parse()
	return find(ctx, s, q, text.Semver == "", func(tx Tx, q FindQuery) (List[Version], error) { return tx.FindVersions(ctx, q, text) })
}

// FindTags lists metadata entries of models and versions of all projects: those
// whose key or value begins with a text, or with "key=value" both. It looks at
// a thousand that match, of each.
func (s Session) FindTags(ctx context.Context, q FindQuery) (List[FoundTag], error) {
	return find(ctx, s, q, strings.TrimSpace(q.Text) == "", func(tx Tx, q FindQuery) (List[FoundTag], error) { return tx.FindTags(ctx, q) })
}
