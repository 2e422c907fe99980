package cli

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/client"
)

// logOptions are the flags of run log.
type logOptions struct {
	metrics []string
	params  []string
	tags    []string
	step    int64
	stepped bool // step was given
	streamOptions
}

func runLogCommand(env Env) *cobra.Command {
	r := &remote{env: env}
	o := logOptions{streamOptions: streamOptions{every: flushEvery}}
	var run *string
	var cmd *cobra.Command
	cmd = r.command("log", "Log metrics, parameters and metadata, by flags or from standard input", cobra.NoArgs, func(ctx context.Context, _ []string) error {
		o.stepped = cmd.Flags().Changed("step")
		ref, err := r.run(*run)
		if err != nil {
			return err
		}
		return r.log(ctx, ref, o)
	})
	run = r.runFlag(cmd)
	cmd.Long = `Log to a run: what the flags say, or, without such flags, what comes on standard input
until it ends. A training can write into it for hours: lines are sent in batches, while
the server is away they wait, and what cannot be sent at all goes to a file that can be
sent later. A failure to log never ends the training.

A line is one of:
  acc=0.9 loss=0.1 step=3            metrics; also with commas between them
  {"acc": 0.9, "loss": 0.1, "step": 3}
  {"metrics": {"acc": 0.9}, "params": {"lr": 0.1}, "tags": {"k": "v"}, "step": 3}
  param lr=0.1 batch=32              parameters, which are written once
  tag note="two words"               metadata
A JSON object may have a timestamp (seconds or milliseconds since 1970, or RFC 3339). A
metric without a step gets the number of its values before it. All other lines are taken
for other output of the training and left alone.`
	cmd.Example = `  vitrine run log --metric acc=0.9 --metric loss=0.1 --step 3
  vitrine run log --param lr=0.1 --tag dataset=iris
  python train.py | vitrine run log --tee`
	f := cmd.Flags()
	f.StringArrayVar(&o.metrics, "metric", nil, "metric, as name=number (repeatable)")
	f.StringArrayVar(&o.params, "param", nil, "parameter, as key=value (repeatable)")
	f.StringArrayVar(&o.tags, "tag", nil, "metadata, as key=value (repeatable)")
	f.Int64Var(&o.step, "step", 0, "step of the metrics")
	f.BoolVar(&o.tee, "tee", false, "print the lines of standard input on standard output too")
	f.DurationVar(&o.every, "every", flushEvery, "how long lines of standard input wait for others before they are sent")
	return cmd
}

func (r *remote) log(ctx context.Context, ref client.RunRef, o logOptions) error {
	if len(o.metrics)+len(o.params)+len(o.tags) > 0 {
		return r.logOnce(ctx, ref, o)
	}
	if r.asks() {
		return usagef("give --metric, --param or --tag, or pipe lines into it; see vitrine run log --help")
	}
	if o.stepped {
		return usagef("--step is for --metric; lines of standard input tell their step themselves")
	}
	if o.every <= 0 {
		return usagef("--every has to be more than 0")
	}
	if err := r.connect(); err != nil {
		return err
	}
	// A wrong name is told now, and not after hours.
	if _, err := r.c.Run(ctx, ref); err != nil {
		return err
	}
	return r.stream(ctx, ref, r.env.Stdin, o.streamOptions)
}

// logOnce logs what the flags say.
func (r *remote) logOnce(ctx context.Context, ref client.RunRef, o logOptions) error {
	metrics, err := metricPairs(o.metrics, o.step, time.Now())
	if err != nil {
		return err
	}
	params, err := tagsOf("--param", o.params)
	if err != nil {
		return err
	}
	tags, err := tagsOf("--tag", o.tags)
	if err != nil {
		return err
	}
	if err := r.connect(); err != nil {
		return err
	}
	b := reading{params: paramsOf(params), metrics: metrics, tags: tags}
	if err := r.logReading(ctx, ref, b); err != nil {
		return err
	}
	if r.json {
		return show(r.env.Stdout, logged{Run: ref.String(), Params: len(params), Metrics: len(metrics), Tags: len(tags)}, true)
	}
	return nil
}

// metricPairs reads the name=number pairs of --metric.
func metricPairs(texts []string, step int64, at time.Time) ([]client.Metric, error) {
	out := make([]client.Metric, len(texts))
	for i, s := range texts {
		k, v, ok := strings.Cut(s, "=")
		n, err := strconv.ParseFloat(v, 64)
		if !ok || k == "" || err != nil {
			return nil, usagef("--metric %q is not of the form name=number", s)
		}
		out[i] = client.Metric{Name: k, Value: client.Number(n), Step: step, Timestamp: at.UnixMilli()}
	}
	return out, nil
}

// logReading sends a reading with at most [client.MaxBatch] of each sort.
// Sending it twice does no harm.
func (r *remote) logReading(ctx context.Context, ref client.RunRef, b reading) error {
	if len(b.params) > 0 {
		if err := r.c.LogParams(ctx, ref, b.params); err != nil {
			return err
		}
	}
	if len(b.metrics) > 0 {
		if err := r.c.LogMetrics(ctx, ref, b.metrics); err != nil {
			return err
		}
	}
	if len(b.tags) > 0 {
		return r.c.SetRunMetadata(ctx, ref, b.tags)
	}
	return nil
}
