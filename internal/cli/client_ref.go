package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/client"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// modelRef names a model, and perhaps one of its versions.
type modelRef struct {
	Project string // full path, or a number
	Model   string
	Version string // semantic version
	Alias   string // never together with Version
}

const refForm = "PROJECT/MODEL[:VERSION|@ALIAS], as team/vision/resnet:1.0.0"

// parseRef reads PROJECT/MODEL[:VERSION|@ALIAS]. The model is what follows the
// last slash; one with slashes in its name follows a double slash.
func parseRef(s string) (modelRef, error) {
	r, rest, err := cutVersion(s)
	if err != nil {
		return modelRef{}, err
	}
	i, width := strings.Index(rest, "//"), 2
	if i < 0 {
		i, width = strings.LastIndexByte(rest, '/'), 1
	}
	if i < 0 {
		return modelRef{}, usagef("%q names no project: write %s, or give --project or VITRINE_PROJECT", s, refForm)
	}
	r.Project, r.Model = rest[:i], rest[i+width:]
	// A name can have an "@" in it, which then is not that of an alias.
	if at := strings.LastIndexByte(r.Model, '@'); at >= 0 && r.Version == "" {
		r.Model, r.Alias = r.Model[:at], r.Model[at+1:]
		if r.Alias == "" {
			return modelRef{}, usagef("%q ends in an empty alias: write %s", s, refForm)
		}
	}
	for _, part := range []string{r.Project, r.Model} {
		if part == "" || strings.HasPrefix(part, "/") || strings.HasSuffix(part, "/") || strings.Contains(part, "//") {
			return modelRef{}, usagef("%q is not of the form %s", s, refForm)
		}
	}
	if strings.ContainsAny(r.Alias, "/") {
		return modelRef{}, usagef("%q is no alias: write %s", r.Alias, refForm)
	}
	return r, nil
}

// ref reads a reference, which may leave its project out where one is known.
func (r *remote) ref(s string) (modelRef, error) { return parseRef(r.qualified(s)) }

// cutVersion takes ":VERSION" off; neither projects nor models have a colon.
func cutVersion(s string) (modelRef, string, error) {
	if strings.Contains(s, "://") {
		return modelRef{}, "", usagef("%q is an address: give the server with --server, and write %s", s, refForm)
	}
	rest, semver, has := strings.Cut(s, ":")
	switch {
	case has && semver == "":
		return modelRef{}, "", usagef("%q ends in an empty version: write %s", s, refForm)
	case strings.ContainsAny(semver, "/:@ "):
		return modelRef{}, "", usagef("%q is no version: write %s", semver, refForm)
	}
	return modelRef{Version: semver}, rest, nil
}

// String writes the reference so that parseRef reads it again.
func (r modelRef) String() string {
	sep := "/"
	if strings.Contains(r.Model, "/") {
		sep = "//"
	}
	s := r.Project + sep + r.Model
	switch {
	case r.Version != "":
		return s + ":" + r.Version
	case r.Alias != "":
		return s + "@" + r.Alias
	case strings.Contains(r.Model, "@"):
		return s + "@latest"
	}
	return s
}

// model finds the model of a reference.
func (r *remote) model(ctx context.Context, ref modelRef) (client.Model, error) {
	return r.c.FindModel(ctx, ref.Project, ref.Model)
}

// reached is model for a command that has not connected yet.
func (r *remote) reached(ctx context.Context, ref modelRef) (client.Model, error) {
	if err := r.connect(); err != nil {
		return client.Model{}, err
	}
	return r.model(ctx, ref)
}

// modelVersion finds the version of a reference, the latest unless it names
// another.
func (r *remote) modelVersion(ctx context.Context, ref modelRef) (client.Model, client.Version, error) {
	m, err := r.model(ctx, ref)
	if err != nil {
		return m, client.Version{}, err
	}
	if ref.Version != "" {
		v, err := r.c.FindVersion(ctx, ref.Project, m, ref.Version)
		return m, v, err
	}
	alias := ref.Alias
	if alias == "" {
		alias = "latest"
	}
	v, err := r.c.ResolveAlias(ctx, ref.Project, m, alias)
	if fault.Is(err, fault.NotFound) && m.VersionCount == 0 {
		err = &fault.Error{Kind: fault.NotFound, Noun: "version", Name: alias, Err: err,
			Msg: fmt.Sprintf("version not found: %s has none yet; push one with: vitrine push PATH %s", ref.bare(), ref.bare())}
	}
	return m, v, err
}

// bare is the reference without version and alias.
func (r modelRef) bare() modelRef { return modelRef{Project: r.Project, Model: r.Model} }

// projectOf finds the project that s begins with: all of it, or all but what
// follows the last slash.
func (r *remote) projectOf(ctx context.Context, s string) (p client.Project, rest string, err error) {
	if project, model, ok := strings.Cut(s, "//"); ok {
		p, err = r.c.Project(ctx, project)
		return p, model, err
	}
	p, err = r.c.Project(ctx, s)
	i := strings.LastIndexByte(s, '/')
	if !fault.Is(err, fault.NotFound) || i <= 0 {
		return p, "", err
	}
	p, perr := r.c.Project(ctx, s[:i])
	if fault.Is(perr, fault.NotFound) {
		return p, "", err // about all of what was written
	}
	return p, s[i+1:], perr
}
