package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/client"
)

// startOptions are the flags of run start and run exec.
type startOptions struct {
	experiment string
	name       string
	params     []string
	tags       []string
}

func (o *startOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.experiment, "experiment", "", "name or number of the experiment; a new name makes it")
	f.StringVar(&o.name, "name", "", "name of the run (default: one is made up)")
	f.StringArrayVar(&o.params, "param", nil, "parameter, as key=value (repeatable)")
	f.StringArrayVar(&o.tags, "tag", nil, "metadata, as key=value (repeatable)")
}

const startHelp = `A run belongs to an experiment of a project (--experiment), or it is a candidate of a
model (PROJECT/MODEL), which can be promoted to a version. Experiment and model are
made if they are missing.

In a job of GitLab CI or GitHub Actions the run gets the job, its page and the commit
as metadata.`

func runStartCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var o startOptions
	cmd := r.command("start [PROJECT|PROJECT/MODEL]", "Start a run, and print its name for VITRINE_RUN", cobra.MaximumNArgs(1),
		func(ctx context.Context, args []string) error { return r.start(ctx, strings.Join(args, ""), o) })
	cmd.Long = "Start a run. Its name, PROJECT#NUMBER, is printed on standard output.\n\n" + startHelp
	cmd.Example = `  export VITRINE_RUN=$(vitrine run start team/vision/resnet --param lr=0.1)
  vitrine run start team/vision --experiment sweep --name second-try`
	o.flags(cmd)
	return cmd
}

func (r *remote) start(ctx context.Context, where string, o startOptions) error {
	run, ref, err := r.startRun(ctx, where, o)
	if err != nil {
		return err
	}
	if r.json {
		return show(r.env.Stdout, run, true)
	}
	_, err = fmt.Fprintln(r.env.Stdout, ref)
	return err
}

// startRun makes a run and tells people about it.
func (r *remote) startRun(ctx context.Context, where string, o startOptions) (client.Run, client.RunRef, error) {
	spec, err := o.spec(r.env)
	if err != nil {
		return client.Run{}, client.RunRef{}, err
	}
	if o.experiment == "" {
		where = r.qualified(where)
	} else if where == "" {
		where = r.project()
	}
	if err := checkHome(where, o.experiment); err != nil {
		return client.Run{}, client.RunRef{}, err
	}
	if err := r.connect(); err != nil {
		return client.Run{}, client.RunRef{}, err
	}
	project, err := r.runHome(ctx, where, o.experiment, &spec)
	if err != nil {
		return client.Run{}, client.RunRef{}, err
	}
	run, err := r.c.StartRun(ctx, project, spec)
	if err != nil {
		return run, client.RunRef{}, err
	}
	ref := r.c.Ref(project, run)
	r.say("Started run %d (%s), id %s.", run.Number, plain(run.Name), run.ID)
	return run, ref, nil
}

func (o startOptions) spec(env Env) (client.RunSpec, error) {
	spec := client.RunSpec{Name: o.name}
	params, err := tagsOf("--param", o.params)
	if err != nil {
		return spec, err
	}
	spec.Params = paramsOf(params)
	tags, err := tagsOf("--tag", o.tags)
	spec.JobID, spec.Metadata = ciJob(env)
	spec.Metadata = mergeTags(spec.Metadata, tags)
	return spec, err
}

// paramsOf makes parameters of pairs.
func paramsOf(pairs []client.Tag) []client.Param {
	out := make([]client.Param, len(pairs))
	for i, p := range pairs {
		out[i] = client.Param(p)
	}
	return out
}

// tagsOf reads the key=value pairs of a flag.
func tagsOf(flag string, texts []string) ([]client.Tag, error) {
	var out []client.Tag
	for _, s := range texts {
		k, v, ok := strings.Cut(s, "=")
		if !ok || k == "" {
			return nil, usagef("%s %q is not of the form key=value", flag, s)
		}
		out = append(out, client.Tag{Name: k, Value: v})
	}
	return out, nil
}

// checkHome finds what is missing before anything is sent.
func checkHome(where, experiment string) error {
	if experiment != "" {
		if where == "" {
			return usagef("name the project of the experiment, or give --project or VITRINE_PROJECT")
		}
		return nil
	}
	if where == "" {
		return usagef("name a model (PROJECT/MODEL), or an experiment (PROJECT --experiment NAME)")
	}
	ref, err := parseRef(where)
	if err == nil && (ref.Version != "" || ref.Alias != "") {
		return usagef("a run is not of a version: leave out what follows %s", ref.bare())
	}
	return err
}

// runHome finds or makes where a run is to be, and gives the project.
func (r *remote) runHome(ctx context.Context, where, experiment string, spec *client.RunSpec) (string, error) {
	if experiment != "" {
		e, err := r.experiment(ctx, where, experiment)
		spec.ExperimentID = e.Number
		return where, err
	}
	ref, err := parseRef(where)
	if err != nil {
		return "", err
	}
	m, err := r.madeModel(ctx, ref)
	spec.ModelID = m.ID
	return ref.Project, err
}

// experiment finds an experiment by number or name, and makes it by name.
func (r *remote) experiment(ctx context.Context, project, text string) (client.Experiment, error) {
	e, err := r.foundExperiment(ctx, project, text)
	if _, noNumber := strconv.ParseInt(text, 10, 64); noNumber == nil || !missing(err, "experiment") {
		return e, err
	}
	e, err = r.c.CreateExperiment(ctx, project, text)
	if taken(err) { // by a start at the same time
		return r.c.FindExperiment(ctx, project, text)
	}
	return e, err
}

// ciJob tells about the CI job that we are in: GitLab's number of it, and
// metadata that links to it.
func ciJob(env Env) (int64, []client.Tag) {
	var tags []client.Tag
	add := func(name, value string) {
		if value != "" {
			tags = append(tags, client.Tag{Name: name, Value: value})
		}
	}
	if env.Getenv("GITHUB_ACTIONS") == "true" {
		page := env.Getenv("GITHUB_SERVER_URL") + "/" + env.Getenv("GITHUB_REPOSITORY") + "/actions/runs/" + env.Getenv("GITHUB_RUN_ID")
		add("ci.job_url", page)
		add("git.commit", env.Getenv("GITHUB_SHA"))
		add("git.ref", env.Getenv("GITHUB_REF_NAME"))
		return 0, tags
	}
	id, err := strconv.ParseInt(env.Getenv("CI_JOB_ID"), 10, 64)
	if err != nil {
		return 0, nil
	}
	add("ci.job_url", env.Getenv("CI_JOB_URL"))
	add("git.commit", env.Getenv("CI_COMMIT_SHA"))
	add("git.ref", env.Getenv("CI_COMMIT_REF_NAME"))
	return id, tags
}

// madeModel finds a model, or makes it.
func (r *remote) madeModel(ctx context.Context, ref modelRef) (client.Model, error) {
	m, err := r.model(ctx, ref)
	if missing(err, "model") {
		m, err = r.c.CreateModel(ctx, ref.Project, client.ModelSpec{Name: ref.Model})
		if taken(err) { // by somebody at the same time
			m, err = r.model(ctx, ref)
		}
	}
	return m, naming(err, "model "+ref.bare().String())
}
