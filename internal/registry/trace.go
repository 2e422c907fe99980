package registry

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Trace is the record of one call of an application. Its spans are rows, or files
// of the client's.
type Trace struct {
	ID            int64
	EID           string // chosen by the client, unique in the project
	ProjectID     int64
	ExperimentID  int64
	ExperimentIID int64
	Location      string // of the experiment's artifacts; empty: here
	ClientID      string // what the application calls the request
	State         TraceState
	At            time.Time     // when it began
	Duration      time.Duration // to the millisecond; negative: unknown
	Request       string        // what went in, cut short by the client
	Response      string        // what came out
	Tags          []Tag
	Metadata      []Tag // as tags, but not to be changed by people
	Told          bool  // a client has told state and times; else they are those of the spans
	Spans         []TraceSpan
	Assessments   []Assessment
	Amounts       []Amount // what it took; nil: nobody has counted
}

// Metadata that searches look at.
const (
	SessionMetadata = "mlflow.trace.session" // the conversation that a trace is of
	RunMetadata     = "mlflow.sourceRun"     // outer id of the run that it was made in
)

// TraceState tells how a trace ended.
type TraceState string

// The states of a trace.
const (
	TraceUnknown TraceState = "unspecified"
	TraceOK      TraceState = "ok"
	TraceError   TraceState = "error"
	TraceRunning TraceState = "in_progress"
)

// Limits of traces; texts in characters.
const (
	maxTraceID      = 100
	maxTracePreview = 20_000
	maxTraces       = 1000 // of one look-up or deletion by ids
)

// PutTrace keeps a trace in an experiment; without an id it gets one. One that is there already gets the
// new state and times, the texts unless they are empty, and the new tags and
// metadata besides its own.
func (s Session) PutTrace(ctx context.Context, ref ProjectRef, in ExperimentRef, t Trace) (Trace, error) {
	return update(ctx, s, func(tx Tx) (Trace, error) {
		e, err := s.activeExperiment(ctx, tx, ref, in)
		if err != nil {
			return Trace{}, err
		}
		t := t
		t.ProjectID, t.ExperimentID, t.Told = e.ProjectID, e.ID, true
		if t.EID == "" {
			t.EID = "tr-" + newEID()
		}
		if err := t.check(); err != nil {
			return Trace{}, err
		}
		there, err := tx.TracesByEID(ctx, t.ProjectID, []string{t.EID})
		if err != nil {
			return Trace{}, err
		}
		if len(there) > 0 {
			t.Request, t.Response = cmp.Or(t.Request, there[0].Request), cmp.Or(t.Response, there[0].Response)
		}
		if t.ID, err = tx.PutTrace(ctx, t); err != nil {
			return Trace{}, err
		}
		if err := describeTrace(ctx, tx, t); err != nil {
			return Trace{}, err
		}
		if err := s.assess(ctx, tx, t, t.Assessments); err != nil {
			return Trace{}, err
		}
		return wholeTrace(ctx, tx, t.ProjectID, t.EID)
	})
}

// describeTrace adds what is told of a trace besides its row.
func describeTrace(ctx context.Context, tx Tx, t Trace) error {
	if err := tx.SetTags(ctx, TraceTags, t.ID, t.Tags); err != nil {
		return err
	}
	if err := tx.SetTags(ctx, TraceMetadata, t.ID, t.Metadata); err != nil {
		return err
	}
	return tx.SetAmounts(ctx, t.ID, t.Amounts)
}

func (t Trace) check() error {
	if strings.TrimSpace(t.EID) == "" {
		return fault.Invalidf("trace_id", "is missing")
	}
	for _, l := range []struct {
		field, text string
		most        int
	}{{"trace_id", t.EID, maxTraceID}, {"client_request_id", t.ClientID, maxName}, {"request_preview", t.Request, maxTracePreview},
		{"response_preview", t.Response, maxTracePreview}} {
		if err := checkLength(l.field, l.text, l.most); err != nil {
			return err
		}
	}
	if !slices.Contains([]TraceState{TraceUnknown, TraceOK, TraceError, TraceRunning}, t.State) {
		return fault.Invalidf("state", "does not have a valid value")
	}
	if err := checkTags(t.Tags); err != nil {
		return err
	}
	if err := checkTags(t.Metadata); err != nil {
		return err
	}
	return checkAmounts(t.Amounts)
}

// wholeTrace finds a trace with tags and metadata.
func wholeTrace(ctx context.Context, tx Tx, projectID int64, eid string) (Trace, error) {
	t, err := tx.TraceByEID(ctx, projectID, eid)
	if err != nil {
		return Trace{}, err
	}
	one := []Trace{t}
	err = fillTraces(ctx, tx, one)
	return one[0], err
}

// fillTraces adds tags, metadata, amounts and assessments, in five queries for all.
func fillTraces(ctx context.Context, tx Tx, ts []Trace) error {
	ids := make([]int64, len(ts))
	for i, t := range ts {
		ids[i] = t.ID
	}
	tags, err := tx.TagsOf(ctx, TraceTags, ids)
	if err != nil {
		return err
	}
	metadata, err := tx.TagsOf(ctx, TraceMetadata, ids)
	if err != nil {
		return err
	}
	amounts, err := tx.AmountsOf(ctx, ids)
	if err != nil {
		return err
	}
	assessments, err := assessmentsOf(ctx, tx, ids)
	for i, t := range ts {
		ts[i].Tags, ts[i].Metadata, ts[i].Amounts, ts[i].Assessments = tags[t.ID], metadata[t.ID], amounts[t.ID], assessments[t.ID]
	}
	return err
}

// Trace gives one trace.
func (s Session) Trace(ctx context.Context, ref ProjectRef, eid string) (Trace, error) {
	return view(ctx, s, func(tx Tx) (Trace, error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return Trace{}, err
		}
		return wholeTrace(ctx, tx, p.ID, eid)
	})
}

// Traces finds traces by their ids; missing ones are left out, and with
// experiments so are those of others.
func (s Session) Traces(ctx context.Context, ref ProjectRef, eids []string, in []ExperimentRef) ([]Trace, error) {
	return view(ctx, s, func(tx Tx) ([]Trace, error) { return s.tracesIn(ctx, tx, ref, eids, in) })
}

// TraceSearch is a Search for traces of some experiments.
type TraceSearch struct {
	Search
	Experiments []ExperimentRef // those that there are not are left out
}

// SearchTraces finds traces of a project, with tags and metadata.
func (s Session) SearchTraces(ctx context.Context, ref ProjectRef, q TraceSearch) (Found[Trace], error) {
	return view(ctx, s, func(tx Tx) (Found[Trace], error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return Found[Trace]{}, err
		}
		if err := q.check(); err != nil {
			return Found[Trace]{}, err
		}
		ids, err := experimentIDs(ctx, tx, p, q.Experiments)
		if err != nil || len(ids) == 0 {
			return Found[Trace]{}, err
		}
		f, err := tx.SearchTraces(ctx, ids, q.Search)
		if err != nil {
			return f, err
		}
		return f, fillTraces(ctx, tx, f.Items)
	})
}

// TraceOverlap asks how many traces of some experiments meet Base, and of these
// how many First, Second, and both.
type TraceOverlap struct {
	Experiments         []ExperimentRef // those that there are not are left out
	Base, First, Second Filter
}

// TraceCounts are numbers of traces: all, and those that meet filters.
type TraceCounts struct{ All, First, Second, Both int64 }

// OverlapTraces counts the traces that filters meet.
func (s Session) OverlapTraces(ctx context.Context, ref ProjectRef, q TraceOverlap) (TraceCounts, error) {
	return view(ctx, s, func(tx Tx) (n TraceCounts, err error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return n, err
		}
		first, second := slices.Concat(q.Base, q.First), slices.Concat(q.Base, q.Second)
		if err := (Search{Filter: slices.Concat(first, q.Second)}).check(); err != nil {
			return n, err
		}
		ids, err := experimentIDs(ctx, tx, p, q.Experiments)
		if err != nil || len(ids) == 0 {
			return n, err
		}
		if n.All, err = tx.CountTraces(ctx, ids, q.Base); err != nil {
			return n, err
		}
		if n.First, err = tx.CountTraces(ctx, ids, first); err != nil {
			return n, err
		}
		if n.Second, err = tx.CountTraces(ctx, ids, second); err != nil {
			return n, err
		}
		n.Both, err = tx.CountTraces(ctx, ids, first, second)
		return n, err
	})
}

// changeTrace passes the gate and runs fn on a trace.
func (s Session) changeTrace(ctx context.Context, ref ProjectRef, eid string, fn func(Tx, Trace) error) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		t, err := s.traceToChange(ctx, tx, ref, eid)
		if err != nil {
			return err
		}
		return fn(tx, t)
	})
}

// traceToChange passes the gate and finds a trace, without what it has.
func (s Session) traceToChange(ctx context.Context, tx Tx, ref ProjectRef, eid string) (Trace, error) {
	p, err := s.project(ctx, tx, ref, WriteRuns)
	if err != nil {
		return Trace{}, err
	}
	return tx.TraceByEID(ctx, p.ID, eid)
}

// TraceEnd tells how a trace that has begun went on.
type TraceEnd struct {
	At       time.Time
	State    TraceState
	Tags     []Tag // are added
	Metadata []Tag // is added
	Amounts  []Amount
}

// EndTrace tells how and when a trace ended, which is not before it began.
func (s Session) EndTrace(ctx context.Context, ref ProjectRef, eid string, end TraceEnd) (Trace, error) {
	return update(ctx, s, func(tx Tx) (Trace, error) {
		t, err := s.traceToChange(ctx, tx, ref, eid)
		if err != nil {
			return t, err
		}
		if end.At.Before(t.At) {
			return t, fault.Invalidf("timestamp_ms", "is before the trace began")
		}
		t.State, t.Duration, t.Tags, t.Metadata, t.Amounts = end.State, end.At.Sub(t.At), end.Tags, end.Metadata, end.Amounts
		if err := t.check(); err != nil {
			return t, err
		}
		if _, err := tx.PutTrace(ctx, t); err != nil {
			return t, err
		}
		if err := describeTrace(ctx, tx, t); err != nil {
			return t, err
		}
		return wholeTrace(ctx, tx, t.ProjectID, eid)
	})
}

// SetTraceTag sets one tag of a trace.
func (s Session) SetTraceTag(ctx context.Context, ref ProjectRef, eid string, tag Tag) error {
	return s.changeTrace(ctx, ref, eid, func(tx Tx, t Trace) error {
		if err := checkTags([]Tag{tag}); err != nil {
			return err
		}
		return tx.SetTags(ctx, TraceTags, t.ID, []Tag{tag})
	})
}

// DeleteTraceTag removes one tag of a trace.
func (s Session) DeleteTraceTag(ctx context.Context, ref ProjectRef, eid, key string) error {
	return s.changeTrace(ctx, ref, eid, func(tx Tx, t Trace) error {
		if key == "" {
			return fault.Missing("tag", key)
		}
		return tx.DeleteTag(ctx, TraceTags, t.ID, key)
	})
}

// TraceDeletion names traces of an experiment by their ids, or those that began
// by a time, the oldest first.
type TraceDeletion struct {
	EIDs  []string
	Until time.Time // when there are no ids
	Most  int       // with Until; 0: as many as go at once
}

// DeleteTraces removes traces for good, with the files beside them, and tells how
// many there were, at most a thousand at a time.
func (s Session) DeleteTraces(ctx context.Context, ref ProjectRef, in ExperimentRef, d TraceDeletion) (int64, error) {
	return update(ctx, s, func(tx Tx) (int64, error) {
		p, err := s.project(ctx, tx, ref, WriteRuns)
		if err != nil {
			return 0, err
		}
		if len(d.EIDs) > maxTraces {
			return 0, fault.Invalidf("request_ids", "has too many entries (maximum is %d)", maxTraces)
		}
		e, err := tx.ExperimentByIID(ctx, p.ID, in.IID)
		if err != nil {
			return 0, ifThere(err)
		}
		if d.Most <= 0 || d.Most > maxTraces {
			d.Most = maxTraces
		}
		return s.r.traceFiles.drop(ctx, tx, e, d)
	})
}

// TraceFiles is where clients put files beside traces: Area, and in it the folder
// of a trace, which is empty if it is elsewhere.
type TraceFiles struct {
	Area   PackageRef
	Folder func(e Experiment, eid string) string // nil: nowhere
}

// drop removes traces with the files beside them, and tells how many there were.
func (f TraceFiles) drop(ctx context.Context, tx Tx, e Experiment, d TraceDeletion) (int64, error) {
	gone, err := tx.DeleteTraces(ctx, e.ID, d)
	if err != nil || len(gone) == 0 || f.Folder == nil {
		return int64(len(gone)), err
	}
	var paths []string
	for _, eid := range gone {
		if path := f.Folder(e, eid); path != "" {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return int64(len(gone)), nil
	}
	k, err := tx.PackageOf(ctx, e.ProjectID, f.Area)
	if err != nil {
		return int64(len(gone)), ifThere(err)
	}
	return int64(len(gone)), tx.DeleteFolders(ctx, k.ID, paths)
}

// dropAll removes all traces of an experiment that goes for good.
func (f TraceFiles) dropAll(ctx context.Context, tx Tx, e Experiment) error {
	for n := int64(maxTraces); n == maxTraces; {
		var err error
		if n, err = f.drop(ctx, tx, e, allTraces(maxTraces)); err != nil {
			return err
		}
	}
	return nil
}

// allTraces names traces of whatever time, at most so many.
func allTraces(most int) TraceDeletion {
	return TraceDeletion{Until: time.UnixMicro(math.MaxInt64), Most: most}
}

// maxLinks bounds the links of one request.
const maxLinks = 100

// LinkTraces says that traces belong to a run, besides the one that they were
// made in. Traces that there are not yet will, when they come.
func (s Session) LinkTraces(ctx context.Context, ref ProjectRef, eids []string, run string) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		p, err := s.project(ctx, tx, ref, WriteRuns)
		if err != nil {
			return err
		}
		if len(eids) > maxLinks {
			return fault.Invalidf("trace_ids", "has too many entries (maximum is %d)", maxLinks)
		}
		ts, err := tx.TracesByEID(ctx, p.ID, eids)
		if err != nil {
			return err
		}
		ids, ahead := make([]int64, len(ts)), slices.Clone(eids)
		for i, t := range ts {
			ids[i] = t.ID
			ahead = slices.DeleteFunc(ahead, func(eid string) bool { return eid == t.EID })
		}
		if err := linkToRun(ctx, tx, p.ID, ids, run); err != nil {
			return err
		}
		for _, eid := range ahead {
			if err := checkLength("trace_ids", eid, maxTraceID); err != nil {
				return err
			}
		}
		return tx.LinkAhead(ctx, p.ID, ahead, RunLink, run)
	})
}

func linkToRun(ctx context.Context, tx Tx, projectID int64, ids []int64, run string) error {
	if _, err := (RunRef{EID: run, Deleted: true}).find(ctx, tx, projectID); err != nil {
		return err
	}
	return tx.LinkTraces(ctx, ids, RunLink, []string{run})
}

// LinkPrompts says which versions of prompts, as "name/1", a trace has used.
func (s Session) LinkPrompts(ctx context.Context, ref ProjectRef, eid string, prompts []string) error {
	return s.changeTrace(ctx, ref, eid, func(tx Tx, t Trace) error {
		if len(prompts) > maxLinks {
			return fault.Invalidf("prompt_versions", "has too many entries (maximum is %d)", maxLinks)
		}
		for _, p := range prompts {
			if err := checkLength("prompt_versions", p, 2*maxName); err != nil {
				return err
			}
		}
		return tx.LinkTraces(ctx, []int64{t.ID}, PromptLink, prompts)
	})
}

// TraceLink is a kind of things that traces belong to.
type TraceLink string

// What traces are linked to: runs by their outer id, versions of prompts as
// "name/1".
const (
	RunLink    TraceLink = "run"
	PromptLink TraceLink = "prompt"
)
