package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/client"
)

// runListOptions are the flags of run ls.
type runListOptions struct {
	client.RunQuery
	experiment string
}

func runListCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	var o runListOptions
	cmd := r.command("ls [PROJECT|PROJECT/MODEL]", "List runs", cobra.MaximumNArgs(1), func(ctx context.Context, args []string) error {
		return r.listRuns(ctx, strings.Join(args, ""), o)
	})
	cmd.Long = "List the runs of a project, an experiment (--experiment) or a model, the youngest first;\nor the best first, by a metric (--by)."
	cmd.Example = "  vitrine run ls team/vision\n  vitrine run ls team/vision/resnet --by accuracy --limit 5\n  vitrine run ls team/vision --experiment sweep --status failed"
	f := cmd.Flags()
	f.StringVar(&o.experiment, "experiment", "", "only those of this experiment, by name or number")
	f.StringVar(&o.Status, "status", "", "only those: running, scheduled, finished, failed or killed")
	f.StringVar(&o.Search, "search", "", "only those with this in their name")
	f.StringVar(&o.Metric, "by", "", "order by this metric, the highest first; only runs that have it")
	f.BoolVar(&o.Ascending, "asc", false, "the oldest or lowest first")
	f.IntVar(&o.Limit, "limit", 50, "how many at most; 0: all")
	return cmd
}

func (r *remote) listRuns(ctx context.Context, where string, o runListOptions) error {
	if o.Limit < 0 {
		return usagef("--limit has to be 0 or more")
	}
	if where = cmp.Or(where, r.project()); where == "" {
		return usagef("name a project or a model, or give --project or VITRINE_PROJECT")
	}
	if err := r.connect(); err != nil {
		return err
	}
	p, name, err := r.projectOf(ctx, r.qualified(where))
	if err != nil {
		return err
	}
	if name != "" {
		m, err := r.c.FindModel(ctx, p.Path, name)
		if err != nil {
			return err
		}
		o.ModelID = m.ID
	}
	if o.experiment != "" {
		e, err := r.foundExperiment(ctx, p.Path, o.experiment)
		if err != nil {
			return err
		}
		o.ExperimentID = e.Number
	}
	runs, err := r.c.Runs(ctx, p.Path, o.RunQuery)
	if err != nil {
		return err
	}
	return show(r.env.Stdout, runList(runs, o.Metric), r.json)
}

// foundExperiment finds an experiment by number or name.
func (r *remote) foundExperiment(ctx context.Context, project, text string) (client.Experiment, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return r.c.Experiment(ctx, project, n)
	}
	return r.c.FindExperiment(ctx, project, text)
}

func runList(runs []client.Run, by string) table {
	return listOf(runs, []string{"RUN", "NAME", "STATUS", "STARTED", "TOOK", "METRICS"}, func(v client.Run) []string {
		return []string{strconv.FormatInt(v.Number, 10), v.Name, v.Status, timeText(v.StartedAt), tookText(v), metricsText(v.Metrics, by)}
	})
}

// tookText is how long a run took, or "-" while it runs.
func tookText(v client.Run) string {
	if v.EndedAt.IsZero() || v.StartedAt.IsZero() {
		return "-"
	}
	return durationText(max(v.EndedAt.Sub(v.StartedAt), 0).Round(time.Millisecond))
}

const metricsShown = 4 // in a row of a table

// metricsText names some metrics, the one that matters first.
func metricsText(ms []client.Metric, first string) string {
	ms = slices.Clone(ms)
	slices.SortStableFunc(ms, func(a, b client.Metric) int {
		return cmp.Compare(rank(a.Name, first), rank(b.Name, first))
	})
	var parts []string
	for i, m := range ms {
		if i == metricsShown {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, m.Name+"="+shortNumber(m.Value))
	}
	return orDash(strings.Join(parts, " "))
}

func rank(name, first string) int {
	if name == first {
		return 0
	}
	return 1
}

// shortNumber is a number for tables: six digits that count.
func shortNumber(n client.Number) string {
	if s := n.String(); len(s) <= 8 || strings.Contains(s, "I") {
		return s
	}
	return strconv.FormatFloat(float64(n), 'g', 6, 64)
}

// shownRun is the answer of run show.
type shownRun struct {
	client.Run
	Files []client.File `json:"files"`
}

func runShowCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	cmd := r.oneRun("show", "Show a run", r.showRun)
	cmd.Long = "Show a run with its parameters, the latest value of each metric, its metadata and files."
	cmd.Example = "  vitrine run show team/vision#12\n  vitrine run show 12 --project team/vision --json"
	return cmd
}

func (r *remote) showRun(ctx context.Context, ref client.RunRef) error {
	v, err := r.c.Run(ctx, ref)
	if err != nil {
		return err
	}
	place, err := r.c.RunFiles(ctx, ref)
	if err != nil {
		return err
	}
	files, err := r.c.Files(ctx, place)
	if err != nil {
		return err
	}
	if r.json {
		return show(r.env.Stdout, shownRun{v, orEmpty(files)}, true)
	}
	w := r.env.Stdout
	fmt.Fprintf(w, "%s  %s  %s\n", plain(ref.String()), plain(v.Name), v.Status)
	for _, f := range [][2]string{{"id", v.ID}, {"started", timeText(v.StartedAt)}, {"took", tookText(v)}, {"page", v.WebURL}} {
		fmt.Fprintf(w, "  %-9s %s\n", f[0], plain(f[1]))
	}
	if v.JobID != 0 {
		fmt.Fprintf(w, "  %-9s %d\n", "CI job", v.JobID)
	}
	var rows [][]string
	for _, p := range v.Params {
		rows = append(rows, []string{"param", p.Name, p.Value})
	}
	for _, m := range v.Metrics {
		rows = append(rows, []string{"metric", m.Name, m.Value.String() + " at step " + strconv.FormatInt(m.Step, 10)})
	}
	for _, t := range v.Metadata {
		rows = append(rows, []string{"tag", t.Name, t.Value})
	}
	fmt.Fprintln(w)
	logged := listOf(rows, []string{"LOGGED", "NAME", "VALUE"}, func(r []string) []string { return r })
	if err := show(w, logged, false); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return show(w, fileList(files), false)
}
