package mlflow

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

func historyRoutes() []route {
	read := project(registry.ReadRuns)
	return []route{
		plain("GET", "2.0", "/mlflow/metrics/get-history", read, metricHistory),
		v2("GET", "/mlflow/metrics/get-history-bulk", read, metricHeads),
		v2("GET", "/mlflow/metrics/get-history-bulk-interval", read, metricSamples),
	}
}

type historyQuery struct {
	ID         string `field:"run_id" check:"string required"`
	UUID       string `field:"run_uuid"`
	Key        string `field:"metric_key" check:"string required"`
	PageToken  string `field:"page_token" check:"string"`
	MaxResults *int64 `field:"max_results"`
}

type historyAnswer struct {
	Metrics       []metricJSON `json:"metrics,omitempty"`
	NextPageToken string       `json:"next_page_token,omitempty"`
}

// historyStep is how many points are read at a time.
const historyStep = 10_000

// metricHistory answers with one page, or, when none is asked for, with the
// whole history: read and sent in stretches, for it may be of any length.
func metricHistory(c *call) error {
	var in historyQuery
	if err := decode(c.r, c.door, &in); err != nil {
		return err
	}
	if in.ID == "" {
		in.ID = in.UUID
	}
	after, err := parsePageToken(in.PageToken)
	if err != nil {
		return err
	}
	if in.MaxResults == nil {
		return c.wholeHistory(in, after)
	}
	if *in.MaxResults <= 0 {
		return invalid(fmt.Sprintf("Invalid value %d for parameter 'max_results' supplied. It must be a positive integer.", *in.MaxResults))
	}
	found, err := c.s.MetricPoints(c.ctx(), c.ref, runRef(in.ID), in.Key, after, int(min(*in.MaxResults, registry.MaxFound)))
	if err != nil {
		return err
	}
	out := historyAnswer{}
	for _, m := range found.Items {
		out.Metrics = append(out.Metrics, metricWire(m))
	}
	if out.NextPageToken, err = pageToken(found.Next); err != nil {
		return err
	}
	return c.send(out)
}

func (c *call) wholeHistory(in historyQuery, after registry.Mark) error {
	var enc *json.Encoder
	for {
		found, err := c.s.MetricPoints(c.ctx(), c.ref, runRef(in.ID), in.Key, after, historyStep)
		if err != nil {
			return err
		}
		if enc == nil && len(found.Items) == 0 {
			return c.send(none{})
		}
		for _, m := range found.Items {
			before := ","
			if enc == nil {
				c.w.Header().Set("Content-Type", "application/json")
				enc, before = json.NewEncoder(c.w), `{"metrics": [`
			}
			if _, err := c.w.Write([]byte(before)); err != nil {
				return err
			}
			if err := enc.Encode(metricWire(m)); err != nil {
				return err
			}
		}
		if after = found.Next; len(after.Keys) == 0 {
			_, err := c.w.Write([]byte("]}"))
			return err
		}
	}
}

// headsQuery names its runs by run_id, repeated; the message is MLflow's own
// for its page, not one of its protocol's.
type headsQuery struct {
	IDs        []string `field:"run_id"`
	Key        *string  `field:"metric_key"`
	MaxResults *int64   `field:"max_results"`
}

// headsAnswer has a list always, as MLflow's has.
type headsAnswer struct {
	Metrics []metricJSON `json:"metrics"`
}

func metricHeads(c *call, in headsQuery) (headsAnswer, error) {
	switch n := len(in.IDs); {
	case n == 0:
		return headsAnswer{}, invalid("GetMetricHistoryBulk request must specify at least one run_id.")
	case n > registry.MaxHistories:
		return headsAnswer{}, invalid(fmt.Sprintf("GetMetricHistoryBulk request cannot specify more than %d run_ids. Received %d run_ids.", registry.MaxHistories, n))
	case in.Key == nil:
		return headsAnswer{}, invalid("GetMetricHistoryBulk request must specify a metric_key.")
	}
	limit := registry.MaxHeads
	if in.MaxResults != nil {
		limit = int(min(max(*in.MaxResults, 0), registry.MaxHeads))
	}
	slices.Sort(in.IDs)
	found, err := c.s.MetricHeads(c.ctx(), c.ref, runRefs(in.IDs), *in.Key, limit)
	return headsAnswer{metricsOfRuns(found)}, err
}

func runRefs(ids []string) []registry.RunRef {
	out := make([]registry.RunRef, len(ids))
	for i, id := range ids {
		out[i] = runRef(id)
	}
	return out
}

func metricsOfRuns(found []registry.RunMetrics) []metricJSON {
	out := []metricJSON{}
	for _, r := range found {
		for _, m := range r.Metrics {
			w := metricWire(m)
			w.RunID = r.EID
			out = append(out, w)
		}
	}
	return out
}

type samplesQuery struct {
	IDs        []string `field:"run_ids" check:"required array strings"`
	Key        string   `field:"metric_key" check:"required string"`
	StartStep  *int64   `field:"start_step" check:"int"`
	EndStep    *int64   `field:"end_step" check:"int"`
	MaxResults *int64   `field:"max_results" check:"int"`
}

func metricSamples(c *call, in samplesQuery) (historyAnswer, error) {
	steps, most, err := in.bounds()
	if err != nil {
		return historyAnswer{}, err
	}
	found, err := c.s.MetricSamples(c.ctx(), c.ref, runRefs(in.IDs), in.Key, steps, most)
	return historyAnswer{Metrics: metricsOfRuns(found)}, err
}

func (in samplesQuery) bounds() (*registry.Steps, int, error) {
	most := int64(registry.MaxSamples)
	if in.MaxResults != nil {
		most = *in.MaxResults
	}
	switch n := len(in.IDs); {
	case n > registry.MaxHistories:
		return nil, 0, invalid(fmt.Sprintf("GetMetricHistoryBulkInterval request must specify at most %d run_ids. Received %d run_ids.", registry.MaxHistories, n) + seeDocs)
	case most < 1 || most > registry.MaxSamples:
		return nil, 0, invalid("max_results must be between 1 and " + strconv.Itoa(registry.MaxSamples) + "." + seeDocs)
	case (in.StartStep == nil) != (in.EndStep == nil):
		return nil, 0, invalid("If either start step or end step are specified, both must be specified.")
	case in.StartStep == nil:
		return nil, int(most), nil
	case *in.StartStep > *in.EndStep:
		return nil, 0, invalid(fmt.Sprintf("end_step must be greater than start_step. Found start_step=%d and end_step=%d.", *in.StartStep, *in.EndStep))
	}
	return &registry.Steps{First: *in.StartStep, Last: *in.EndStep}, int(most), nil
}
