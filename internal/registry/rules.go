package registry

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Rules say which names a caller may give to models and aliases: each door has
// those of its product. What was named under other rules is read and changed
// under any.
type Rules uint8

// The rules.
const (
	// AddressRules are GitLab's: names that stand in an address as they are.
	AddressRules Rules = iota
	// FreeRules are MLflow's: any text that its own addresses can tell from
	// what follows.
	FreeRules
)

// Under gives the session under other rules; those of As are AddressRules.
func (s Session) Under(r Rules) Session {
	s.rules = r
	return s
}

// MaxFreeName bounds the names of models under FreeRules, in characters.
const MaxFreeName = 500

// ModelNameForm is what AddressRules allow in the names of models.
const ModelNameForm = `^[A-Za-z0-9._\-/@]+$`

var (
	modelName = regexp.MustCompile(ModelNameForm)
	aliasName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._\-]*$`)
	freeAlias = regexp.MustCompile(`^[\p{L}\p{N}_\-]+$`)
	// numberAlias looks like a version's number in MLflow's addresses.
	numberAlias = regexp.MustCompile(`^[vV]\p{Nd}+$`)
)

// CheckModelName checks the name of a model.
func (r Rules) CheckModelName(s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return fault.Invalidf("name", "can't be blank")
	case r == AddressRules && utf8.RuneCountInString(s) > maxName:
		return fault.Invalidf("name", "is too long (maximum is 255 characters)")
	case utf8.RuneCountInString(s) > MaxFreeName:
		return fault.Invalidf("name", "is too long (maximum is 500 characters)")
	case r == AddressRules && !modelName.MatchString(s):
		return fault.Invalidf("name", "is invalid")
	case r == FreeRules && strings.ContainsAny(s, "/:"):
		return fault.Invalidf("name", "cannot contain '/' or ':'")
	case r == FreeRules && (s == "." || strings.HasPrefix(s, "..")):
		return fault.Invalidf("name", "cannot be '.' or begin with '..'")
	}
	return checkUTF8("name", s)
}

// Latest is the alias that every model has: its highest release, or its
// highest pre-release while there is no release. It cannot be set.
const Latest = "latest"

// ReservedAlias reports whether MLflow's addresses read a name as something
// else than an alias: "latest" in any case, or v and a number.
func ReservedAlias(s string) bool { return strings.EqualFold(s, Latest) || numberAlias.MatchString(s) }

// CheckAlias checks the name of an alias.
func (r Rules) CheckAlias(s string) error {
	switch {
	case s == Latest, r == FreeRules && strings.EqualFold(s, Latest):
		return &fault.Error{Kind: fault.Invalid, Noun: "alias", Field: "name", Msg: "is reserved: latest always names the highest version"}
	case r == FreeRules && ReservedAlias(s):
		return &fault.Error{Kind: fault.Invalid, Noun: "alias", Field: "name", Msg: "is reserved: it looks like the number of a version"}
	case r == FreeRules && utf8.RuneCountInString(s) <= maxName && freeAlias.MatchString(s):
		return nil
	case r == FreeRules:
		return fault.Invalidf("name", "is invalid: letters, digits, '_' and '-' are allowed, at most 255")
	case len(s) > maxName || !aliasName.MatchString(s):
		return fault.Invalidf("name", "is invalid: letters, digits, '_', '-' and '.' are allowed, at most 255")
	}
	return nil
}
