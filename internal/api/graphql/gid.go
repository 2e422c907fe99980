package graphql

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// gid is a global id, as GitLab writes them: gid://gitlab/Ml::Model/1. It is
// the value of every scalar of the schema whose name ends with "ID". What a
// caller gives is taken as it is; whether it names the right sort of thing is
// seen by number.
type gid string

// gidApp begins all of them.
const gidApp = "gid://gitlab/"

// The sorts of things that have global ids.
const (
	gidModel      = "Ml::Model"
	gidVersion    = "Ml::ModelVersion"
	gidCandidate  = "Ml::Candidate"
	gidExperiment = "Ml::Experiment"
	gidPackage    = "Packages::Package"
	gidFile       = "Packages::PackageFile"
	gidUser       = "User"
	gidProject    = "Project"
	gidGroup      = "Group"
)

func globalID(sort string, id int64) gid { return gid(gidApp + sort + "/" + itoa(id)) }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// ImplementsGraphQLType names the scalars.
func (gid) ImplementsGraphQLType(name string) bool { return strings.HasSuffix(name, "ID") }

// UnmarshalGraphQL takes what a caller gave.
func (g *gid) UnmarshalGraphQL(v any) error {
	switch v := v.(type) {
	case string:
		*g = gid(v)
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			return err
		}
		*g = gid(raw)
	}
	return nil
}

// number gives the row that a global id of a sort of things means. What is well
// formed and can name no row is NotFound, with the noun.
func (g gid) number(sort, noun string) (int64, error) {
	rest, ok := strings.CutPrefix(string(g), "gid://")
	app, rest, slash := strings.Cut(rest, "/")
	what, id, end := strings.Cut(rest, "/")
	quoted := strconv.Quote(string(g))
	switch {
	case !ok || !slash || !end || app == "" || what == "" || id == "":
		return 0, fault.Invalidf("", "%s is not a valid Global ID", quoted)
	case app != "gitlab":
		return 0, fault.Invalidf("", "%s is not a Gitlab Global ID", quoted)
	case what != sort:
		return 0, fault.Invalidf("", "%s does not represent an instance of %s", quoted, sort)
	}
	return registry.ParseID(noun, id)
}

// row is number for mutations: what can name no row is row 0, which is missed
// behind the gate.
func (g gid) row(sort string) (int64, error) {
	id, err := g.number(sort, "")
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	return id, err
}

// number is a whole number. The schema says Int, which JSON does not bound to
// the 32 bits of GraphQL: steps and counts may be longer.
type number int64

// ImplementsGraphQLType names the scalar.
func (number) ImplementsGraphQLType(name string) bool { return name == "Int" }

// UnmarshalGraphQL takes what a caller gave.
func (n *number) UnmarshalGraphQL(v any) error {
	switch v := v.(type) {
	case int32:
		*n = number(v)
	case int64:
		*n = number(v)
	case int:
		*n = number(v)
	case float64:
		*n = number(v)
	default:
		return fault.Invalidf("", "a number is wanted")
	}
	return nil
}

// stamp is a time, as GitLab writes it.
type stamp time.Time

// ImplementsGraphQLType names the scalar.
func (stamp) ImplementsGraphQLType(name string) bool { return name == "Time" }

// UnmarshalGraphQL is for inputs, of which there are none.
func (stamp) UnmarshalGraphQL(any) error { return fault.Invalidf("", "no time is wanted here") }

// MarshalJSON writes whole seconds in UTC.
func (s stamp) MarshalJSON() ([]byte, error) {
	return time.Time(s).UTC().AppendFormat(nil, `"`+time.RFC3339+`"`), nil
}

// optional gives a pointer to a time, nil for none.
func optional(t time.Time) *stamp {
	if t.IsZero() {
		return nil
	}
	s := stamp(t)
	return &s
}

// text gives a pointer to a text, nil for none.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// some gives a pointer to a value.
func some[T any](v T) *T { return &v }
