package mlflow

import (
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

type aliasName struct {
	modelName
	Alias string `field:"alias" check:"string required"`
}

type newAlias struct {
	aliasName
	Version string `field:"version" check:"string required"`
}

func setAlias(c *call, in newAlias) (none, error) {
	if err := c.checkAliasName(in.Alias); err != nil {
		return none{}, err
	}
	which, err := c.versionRef(in.Name, in.Version)
	if err != nil {
		return none{}, err
	}
	_, err = c.s.SetAlias(c.ctx(), c.ref, in.ref(), registry.AliasSpec{Name: in.Alias, Version: which})
	return none{}, c.unknown(err, in.Name, in.Version)
}

// deleteAlias is content when there is no such alias.
func deleteAlias(c *call, in aliasName) (none, error) {
	err := c.s.DeleteAlias(c.ctx(), c.ref, in.ref(), in.Alias, nil)
	if e, ok := fault.As(err); ok && e.Noun == "alias" {
		err = c.aliasForm(in.Alias)
	}
	return none{}, c.unknown(err, in.Name, "")
}

// getByAlias gives the version that an alias names. At GitLab's door the
// semantic version is one; "latest" is the highest number at the root, and the
// highest semantic version at GitLab's.
func getByAlias(c *call, in aliasName) (versionAnswer, error) {
	if c.door == atRoot && strings.EqualFold(in.Alias, registry.Latest) {
		return c.newest(in.Name)
	}
	which := registry.VersionRef{Alias: in.Alias}
	if _, err := registry.ParseSemver(in.Alias); err == nil && c.door == atGitLab {
		which = registry.VersionRef{Semver: in.Alias}
	}
	v, err := c.s.Version(c.ctx(), c.ref, in.ref(), which)
	return c.versionAnswer(v, c.unknown(c.unknownAlias(err, in.Alias), in.Name, which.Semver))
}

// unknownAlias words that an alias is not there; to MLflow it is a parameter
// that is not valid.
func (c *call) unknownAlias(err error, alias string) error {
	e, ok := fault.As(err)
	if !ok || e.Kind != fault.NotFound || e.Noun != "alias" || c.door == atGitLab {
		return err
	}
	if bad := c.aliasForm(alias); bad != nil {
		return bad
	}
	return &apiError{code: invalidParameter, kind: fault.NotFound, msg: "Registered model alias " + alias + " not found."}
}

// newest gives the version with the highest number.
func (c *call) newest(name string) (versionAnswer, error) {
	m, err := c.s.Model(c.ctx(), c.ref, registry.ModelRef{Name: name})
	if err != nil {
		return versionAnswer{}, c.unknown(err, name, "")
	}
	if len(m.Heads) == 0 {
		return versionAnswer{}, absent("Latest version not found for model " + name + ".")
	}
	return versionAnswer{c.version(last(m.Heads))}, nil
}

// last gives the version with the highest number.
func last(vs []registry.Version) registry.Version {
	out := vs[0]
	for _, v := range vs[1:] {
		if v.Number > out.Number {
			out = v
		}
	}
	return out
}
