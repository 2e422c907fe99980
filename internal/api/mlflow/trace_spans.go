package mlflow

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// sizeKey is the metadata in which a client tells how many spans it sends.
const sizeKey = "mlflow.trace.sizeStats"

// exported reports whether all spans that the client speaks of have come.
func exported(t registry.Trace) bool {
	i := slices.IndexFunc(t.Metadata, func(m registry.Tag) bool { return m.Key == sizeKey })
	if i < 0 {
		return len(t.Spans) > 0
	}
	var size struct {
		Spans int `json:"num_spans"`
	}
	err := json.Unmarshal([]byte(t.Metadata[i].Value), &size)
	return len(t.Spans) > 0 && (err != nil || len(t.Spans) >= size.Spans)
}

// spansElsewhere reports whether the client has put the spans into artifacts.
func spansElsewhere(t registry.Trace) bool {
	return !slices.Contains(t.Tags, registry.Tag{Key: spansKey, Value: spansHere})
}

var errElsewhere = &apiError{code: invalidParameter, kind: fault.Invalid, msg: "The spans of this trace are an artifact, where its tag " + traceFilesTag + " says."}

type traceQuery struct {
	ID      string `field:"trace_id" check:"string required"`
	Partial bool   `field:"allow_partial"`
}

// patience is how long a reader waits, time by time, for spans that are still on
// their way (get_trace of mlflow/store/tracking/sqlalchemy_store.py).
var patience = []time.Duration{time.Second, 2 * time.Second}

func getSpannedTrace(c *call, in traceQuery) (traceAnswer, error) {
	for again := 0; ; again++ {
		ts, err := c.s.SpannedTraces(c.ctx(), c.ref, []string{in.ID}, nil)
		switch {
		case err != nil:
			return traceAnswer{}, err
		case len(ts) == 0:
			return traceAnswer{}, noTrace(in.ID)
		case spansElsewhere(ts[0]):
			return traceAnswer{}, errElsewhere
		case in.Partial || exported(ts[0]):
			t, err := spannedWire(ts[0])
			return traceAnswer{t}, err
		case again == len(patience):
			return traceAnswer{}, &apiError{code: resourceDoesNotExist, kind: fault.NotFound,
				msg: "Trace with ID " + in.ID + " is not fully exported yet, please try again later."}
		}
		select {
		case <-time.After(patience[again]):
		case <-c.ctx().Done():
			return traceAnswer{}, c.ctx().Err()
		}
	}
}

func spannedWire(t registry.Trace) (traceJSON, error) {
	out := traceJSON{Info: traceWire(t)}
	for _, s := range t.Spans {
		wire, err := spanWire(t.EID, s)
		if err != nil {
			return out, err
		}
		out.Spans = append(out.Spans, wire)
	}
	return out, nil
}

type spannedAnswer struct {
	Traces []traceJSON `json:"traces,omitempty"`
}

// getSpannedTraces gives those of the traces whose spans have all come.
func getSpannedTraces(c *call, in traceIDs) (spannedAnswer, error) {
	experiments, err := in.in()
	if err != nil {
		return spannedAnswer{}, err
	}
	ts, err := c.s.SpannedTraces(c.ctx(), c.ref, in.IDs, experiments)
	if err != nil {
		return spannedAnswer{}, err
	}
	var out spannedAnswer
	for _, t := range ts {
		if spansElsewhere(t) {
			return spannedAnswer{}, errElsewhere
		}
		if !exported(t) {
			continue
		}
		wire, err := spannedWire(t)
		if err != nil {
			return spannedAnswer{}, err
		}
		out.Traces = append(out.Traces, wire)
	}
	return out, nil
}

type tracesOfRun struct {
	IDs []string `field:"trace_ids" check:"array strings required"`
	Run string   `field:"run_id" check:"string required"`
}

// maxLinks is how many traces a request links at most (link_traces_to_run of
// mlflow/store/tracking/sqlalchemy_store.py).
const maxLinks = 100

func linkTraces(c *call, in tracesOfRun) (none, error) {
	if len(in.IDs) > maxLinks {
		return none{}, invalid("Cannot link more than " + strconv.Itoa(maxLinks) + " traces to a run in a single request. Provided " +
			strconv.Itoa(len(in.IDs)) + " traces.")
	}
	return none{}, c.s.LinkTraces(c.ctx(), c.ref, in.IDs, in.Run)
}

type promptsOfTrace struct {
	ID      string `field:"trace_id" check:"string required"`
	Prompts []struct {
		Name    string `field:"name"`
		Version string `field:"version"`
	} `field:"prompt_versions" check:"array required"`
}

func linkPrompts(c *call, in promptsOfTrace) (none, error) {
	prompts := make([]string, len(in.Prompts))
	for i, p := range in.Prompts {
		if _, ok := rowID(p.Version); !ok || p.Name == "" {
			return none{}, invalid("A version of a prompt has a name and a number, not '" + cutTo(p.Name, maxQuoted) + "' and '" + cutTo(p.Version, maxQuoted) + "'.")
		}
		prompts[i] = p.Name + "/" + p.Version
	}
	return none{}, c.s.LinkPrompts(c.ctx(), c.ref, in.ID, prompts)
}
