package cli

import (
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/client"
)

// The shell waits while we look: better nothing than late.
const (
	completeTime  = time.Second
	completeLimit = 100 // of each sort
)

// completer finds what could be written next. An error is nothing found: there
// is no place to show one.
type completer struct {
	*remote
	ctx  context.Context
	args []string // before the word
	word string   // as far as it is written
}

// offer is what a completer finds; open tells that more can follow a word.
type offer struct {
	words []string
	open  bool
}

type finder func(completer) offer

// argFinders tell, by command, what its arguments are; the last goes for all
// that follow. nil is a file on this computer.
var argFinders = map[string][]finder{
	"vitrine push":          {nil, toModel},
	"vitrine pull":          {toVersion, toPath},
	"vitrine ls":            {toVersion},
	"vitrine search":        {toNothing, toProject},
	"vitrine show":          {toVersion},
	"vitrine rm":            {toVersion, toPath},
	"vitrine edit":          {toVersion},
	"vitrine compare":       {toVersion, toVersion},
	"vitrine logout":        {toServer},
	"vitrine servers use":   {toServer},
	"vitrine alias set":     {toVersion, toVersionOnly},
	"vitrine alias get":     {toVersion},
	"vitrine alias rm":      {toVersion},
	"vitrine alias history": {toVersion},
	"vitrine alias ls":      {toModel},
	"vitrine run start":     {toModel},
	"vitrine run exec":      {toModel, nil},
	"vitrine run ls":        {toModel},
	"vitrine run put":       {nil},
	"vitrine run show":      {toRun},
	"vitrine run finish":    {toRun},
	"vitrine run promote":   {toRun},
	"vitrine run rm":        {toRun},
}

// flagFinders tell what the values of flags are, whatever the command.
var flagFinders = map[string]finder{
	"on": toServer, "run": toRun, "project": toProject, "experiment": toExperiment, "expect": toVersionOnly,
}

// addCompletion gives every command below root what it completes.
func addCompletion(root *cobra.Command, env Env) {
	for _, cmd := range root.Commands() {
		addCompletion(cmd, env)
	}
	if root.RunE == nil {
		return
	}
	finders := argFinders[root.CommandPath()]
	root.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(finders) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, env, args, word, finders[min(len(args), len(finders)-1)])
	}
	for name, find := range flagFinders {
		if root.Flag(name) == nil {
			continue
		}
		// The only failure is a flag that the command does not have.
		_ = root.RegisterFlagCompletionFunc(name, func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			return complete(cmd, env, args, word, find)
		})
	}
}

func complete(cmd *cobra.Command, env Env, args []string, word string, find finder) ([]string, cobra.ShellCompDirective) {
	if find == nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completeTime)
	defer cancel()
	env.Stderr = io.Discard
	r := &remote{env: env, home: flagText(cmd, "project"),
		choice: choice{server: flagText(cmd, "server"), on: flagText(cmd, "on"), token: flagText(cmd, "token")}}
	if r.connect() != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	o := find(completer{remote: r, ctx: ctx, args: args, word: word})
	var out []string
	for _, w := range o.words {
		if strings.HasPrefix(w, word) && plain(w) == w {
			out = append(out, w)
		}
	}
	if o.open {
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func flagText(cmd *cobra.Command, name string) string {
	if f := cmd.Flag(name); f != nil {
		return f.Value.String()
	}
	return ""
}

func toNothing(completer) offer { return offer{} }

func toServer(c completer) offer {
	saved, err := loadSignIns(c.env)
	if err != nil {
		return offer{}
	}
	return offer{words: saved.names()}
}

func toProject(c completer) offer {
	return offer{words: c.projects("")}
}

// projects lists the projects that a word could begin to name, each with an
// ending.
func (c completer) projects(ending string) []string {
	ps, err := c.c.SomeProjects(c.ctx, c.word, completeLimit)
	if err == nil && len(ps) == 0 {
		// A GitLab does not search in the path above a project.
		ps, err = c.c.SomeProjects(c.ctx, c.word[strings.LastIndexByte(c.word, '/')+1:], completeLimit)
	}
	if err != nil {
		return nil
	}
	out := make([]string, len(ps))
	for i, p := range ps {
		out[i] = p.Path + ending
	}
	return out
}

// toModel offers projects, and the models of the one that is written.
func toModel(c completer) offer {
	o := offer{open: true}
	if home := c.project(); home != "" && !strings.Contains(c.word, "/") {
		o.words = append(o.words, c.models(home, "", c.word)...)
	}
	if i := strings.LastIndexByte(c.word, '/'); i > 0 {
		o.words = append(o.words, c.models(c.word[:i], c.word[:i+1], c.word[i+1:])...)
	}
	if len(o.words) == 0 {
		o.words = c.projects("/")
	}
	return o
}

// models lists models of a project, each with a beginning.
func (c completer) models(project, beginning, search string) []string {
	ms, err := c.c.SomeModels(c.ctx, project, search, completeLimit)
	if err != nil {
		return nil
	}
	out := make([]string, len(ms))
	for i, m := range ms {
		out[i] = beginning + m.Name
	}
	return out
}

// toVersion is toModel that goes on after ":" with versions and after "@" with
// aliases.
func toVersion(c completer) offer {
	i := strings.LastIndexAny(c.word, ":@")
	if i <= 0 {
		return toModel(c)
	}
	words := c.versions(c.word[:i], c.word[i:i+1], c.word[:i])
	return offer{words: words}
}

// toVersionOnly offers versions and aliases of the model before.
func toVersionOnly(c completer) offer {
	if len(c.args) == 0 {
		return offer{}
	}
	model, _, _ := cutLast(c.args[0], "@")
	if strings.HasPrefix(c.word, "@") {
		return offer{words: c.versions(model, "@", "")}
	}
	words := c.versions(model, ":", "")
	for i, w := range words {
		words[i] = strings.TrimPrefix(w, ":")
	}
	return offer{words: words}
}

// versions lists the versions (sep ":") or aliases ("@") of a model, each with
// a beginning and sep.
func (c completer) versions(model, sep, beginning string) []string {
	ref, err := c.ref(model)
	if err != nil {
		return nil
	}
	m, err := c.model(c.ctx, ref)
	if err != nil {
		return nil
	}
	var out []string
	if sep == "@" {
		as, err := c.c.Aliases(c.ctx, ref.Project, m)
		if err != nil {
			return nil
		}
		for _, a := range as {
			out = append(out, beginning+sep+a.Name)
		}
		return out
	}
	vs, err := c.c.SomeVersions(c.ctx, ref.Project, m, completeLimit)
	if err != nil {
		return nil
	}
	for _, v := range vs {
		out = append(out, beginning+sep+v.Version)
	}
	return out
}

// toPath offers the files of the version before.
func toPath(c completer) offer {
	ref, err := c.ref(c.args[0])
	if err != nil {
		return offer{}
	}
	_, v, err := c.modelVersion(c.ctx, ref)
	if err != nil {
		return offer{}
	}
	files, err := c.c.SomeFiles(c.ctx, client.VersionPlace(ref.Project, v.ID), c.word, completeLimit)
	if err != nil {
		return offer{}
	}
	out := make([]string, len(files))
	for i, f := range files {
		out[i] = f.Path
	}
	return offer{words: out}
}

// toRun offers the youngest runs of the project that is known or written.
func toRun(c completer) offer {
	project, beginning := c.project(), ""
	if p, _, ok := cutLast(c.word, "#"); ok {
		project, beginning = p, p+"#"
	}
	if project == "" {
		return offer{words: c.projects("#"), open: true}
	}
	runs, err := c.c.Runs(c.ctx, project, client.RunQuery{Limit: completeLimit})
	if err != nil {
		return offer{}
	}
	out := make([]string, len(runs))
	for i, r := range runs {
		out[i] = beginning + strconv.FormatInt(r.Number, 10)
	}
	return offer{words: out}
}

// toExperiment offers the experiments of the project before, or of the one that
// is known.
func toExperiment(c completer) offer {
	project := c.project()
	if len(c.args) > 0 {
		project = c.args[0]
	}
	es, err := c.c.SomeExperiments(c.ctx, project, c.word, completeLimit)
	if err != nil {
		return offer{}
	}
	out := make([]string, len(es))
	for i, e := range es {
		out[i] = e.Name
	}
	return offer{words: out}
}
