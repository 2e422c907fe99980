package registry

import (
	"context"
	"regexp"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// DuplicateRule says whether a file of a generic package may be uploaded again,
// as GitLab's package settings do. The zero rule lets everything.
type DuplicateRule struct {
	Refused bool
	// Except is a regular expression; for packages whose whole name or whole
	// version matches, the opposite holds. Empty matches none.
	Except string
}

// check refuses what is no regular expression. Go's take time in proportion to
// the text, whatever they are.
func (r DuplicateRule) check() error {
	if len(r.Except) > maxName {
		return fault.Invalidf("generic_duplicate_exception_regex", "is too long (maximum is 255 characters)")
	}
	if _, err := r.pattern(); err != nil {
		return fault.Invalidf("generic_duplicate_exception_regex", "not valid RE2 syntax: %v", err)
	}
	return nil
}

func (r DuplicateRule) pattern() (*regexp.Regexp, error) {
	return regexp.Compile(`\A(?:` + r.Except + `)\z`)
}

// refuses reports whether a file of a package may be there once only.
func (r DuplicateRule) refuses(name, version string) bool {
	if r.Except == "" {
		return r.Refused
	}
	p, err := r.pattern()
	excepted := err == nil && (p.MatchString(name) || p.MatchString(version))
	return r.Refused != excepted
}

// checkDuplicate refuses a file that a generic package has already, where the
// project wants that.
func checkDuplicate(ctx context.Context, tx Tx, p Project, ref PackageRef, k Package, path string) error {
	if !ref.generic() || k.ID == 0 || !p.Duplicates.refuses(k.Name, k.Version) {
		return nil
	}
	_, err := tx.FileAt(ctx, p.ID, PackageRef{PackageID: k.ID}, path)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	}
	return fault.Conflictf("package", "", "Duplicate package is not allowed")
}
