package registry

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Limits of one batch of logged data, and of its texts, as MLflow has them.
const (
	maxBatch      = 1000
	maxKey        = 250  // characters of a parameter's or metric's name
	maxParamValue = 6000 // characters
)

// LogRun adds parameters, metrics and metadata to a run, all of them or none,
// and gives the run.
func (s Session) LogRun(ctx context.Context, ref ProjectRef, which RunRef, d RunData) (Run, error) {
	return update(ctx, s, func(tx Tx) (Run, error) {
		pr, r, err := s.activeRun(ctx, tx, ref, which)
		if err != nil {
			return Run{}, err
		}
		if err := logData(ctx, tx, r, d); err != nil {
			return Run{}, err
		}
		one := []Run{r}
		err = fillRuns(ctx, tx, pr, one)
		return one[0], err
	})
}

// Log does the same and gives nothing, for those who log often.
func (s Session) Log(ctx context.Context, ref ProjectRef, which RunRef, d RunData) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		_, r, err := s.activeRun(ctx, tx, ref, which)
		if err != nil {
			return err
		}
		return logData(ctx, tx, r, d)
	})
}

func logData(ctx context.Context, tx Tx, r Run, d RunData) error {
	if err := checkData(d); err != nil {
		return err
	}
	if d.Name != "" && (d.Name != r.Name || r.NameHidden) {
		r.Name, r.NameHidden = d.Name, false
		if err := checkTitle(r.Name); err != nil {
			return err
		}
		if err := tx.UpdateRun(ctx, r); err != nil {
			return err
		}
	}
	if err := logParams(ctx, tx, r.ID, d.Params); err != nil {
		return err
	}
	if err := tx.InsertMetrics(ctx, r.ID, d.Metrics); err != nil {
		return err
	}
	if err := logOfModels(ctx, tx, r, d.Metrics); err != nil {
		return err
	}
	return tx.SetTags(ctx, RunTags, r.ID, d.Tags)
}

func checkData(d RunData) error {
	if n := max(len(d.Params), len(d.Metrics), len(d.Tags)); n > maxBatch {
		return fault.Invalidf("", "a batch holds at most %d entries of one sort, this one has %d", maxBatch, n)
	}
	for _, p := range d.Params {
		if err := checkKey("params", p.Key); err != nil {
			return err
		}
		if len([]rune(p.Value)) > maxParamValue {
			return fault.Invalidf("params", "has a value that is too long (maximum is 6000 characters)")
		}
		if err := checkUTF8("params", p.Value); err != nil {
			return err
		}
	}
	for _, m := range d.Metrics {
		if err := checkKey("metrics", m.Key); err != nil {
			return err
		}
		if err := m.checkMeasured(); err != nil {
			return err
		}
	}
	return checkTags(d.Tags)
}

func checkKey(field, key string) error {
	switch {
	case key == "":
		return fault.Invalidf(field, "has an entry without a name")
	case len([]rune(key)) > maxKey:
		return fault.Invalidf(field, "has a name that is too long (maximum is 250 characters)")
	}
	return checkUTF8(field, key)
}

// logParams writes parameters once: the same value again is fine, another one
// is not, because a run's inputs do not change.
func logParams(ctx context.Context, tx Tx, runID int64, ps []Param) error {
	if len(ps) == 0 {
		return nil
	}
	stored, err := tx.ParamsOf(ctx, []int64{runID})
	if err != nil {
		return err
	}
	have := make(map[string]string, len(stored[runID]))
	for _, p := range stored[runID] {
		have[p.Key] = p.Value
	}
	fresh := ps[:0:0]
	var changed ParamsChanged
	for _, p := range ps {
		old, ok := have[p.Key]
		switch {
		case !ok:
			fresh = append(fresh, p)
			have[p.Key] = p.Value
		case old != p.Value:
			changed = append(changed, ParamChange{Key: p.Key, Old: old, New: p.Value})
		}
	}
	if changed != nil {
		return changed
	}
	return tx.InsertParams(ctx, runID, fresh)
}

// ParamChange is a parameter that came again with another value.
type ParamChange struct{ Key, Old, New string }

// ParamsChanged refuses to write parameters again; its kind is fault.Invalid.
type ParamsChanged []ParamChange

// Error names the first of them.
func (e ParamsChanged) Error() string { return e.Unwrap().Error() }

// Unwrap gives it as an error about one field.
func (e ParamsChanged) Unwrap() error {
	return &fault.Error{Kind: fault.Invalid, Noun: "param", Name: e[0].Key, Field: "params",
		Msg: "has " + e[0].Key + " already, with another value; parameters are written once"}
}

// DeleteRunTag removes one metadata entry of a run.
func (s Session) DeleteRunTag(ctx context.Context, ref ProjectRef, which RunRef, key string) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		_, r, err := s.activeRun(ctx, tx, ref, which)
		if err != nil {
			return err
		}
		if key == "" {
			return fault.Missing("tag", key)
		}
		return tx.DeleteTag(ctx, RunTags, r.ID, key)
	})
}

// HideRunName takes the name of a run out of its tags; the run keeps it, and the
// next name shows again. One that is hidden already is fault.NotFound.
func (s Session) HideRunName(ctx context.Context, ref ProjectRef, which RunRef) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		_, r, err := s.activeRun(ctx, tx, ref, which)
		if err != nil {
			return err
		}
		if r.NameHidden {
			return fault.Missing("tag", r.Name)
		}
		r.NameHidden, r.UpdatedAt = true, s.now()
		return tx.UpdateRun(ctx, r)
	})
}

// ChangeRunTag replaces one metadata entry by what change makes of it, which
// gets "" where there is none and may be called again: it depends on nothing
// else.
func (s Session) ChangeRunTag(ctx context.Context, ref ProjectRef, which RunRef, key string, change func(string) (string, error)) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		_, r, err := s.activeRun(ctx, tx, ref, which)
		if err != nil {
			return err
		}
		all, err := tx.TagsOf(ctx, RunTags, []int64{r.ID})
		if err != nil {
			return err
		}
		t := Tag{Key: key}
		if t.Value, err = change(valueOf(all[r.ID], key)); err != nil {
			return err
		}
		return logData(ctx, tx, r, RunData{Tags: []Tag{t}})
	})
}

// Limits of data sets, in characters, as MLflow has them.
const (
	maxInputs       = 1000
	maxInputName    = 500
	maxInputDigest  = 36
	maxInputSource  = 65_535
	maxInputSchema  = 1_048_575
	maxInputProfile = 16_777_215
	maxInputTag     = 500
)

// LogInputs adds to the data sets and logged models that a run was fed with.
func (s Session) LogInputs(ctx context.Context, ref ProjectRef, which RunRef, ins []Input, models []ModelLink) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		_, r, err := s.activeRun(ctx, tx, ref, which)
		if err != nil {
			return err
		}
		if err := checkInputs(ins, models); err != nil {
			return err
		}
		if err := tx.PutInputs(ctx, r, ins); err != nil {
			return err
		}
		return tx.PutRunModels(ctx, r.ID, false, models)
	})
}

// LogOutputs adds to the logged models that a run has made; one that is there
// already is fault.Conflict.
func (s Session) LogOutputs(ctx context.Context, ref ProjectRef, which RunRef, models []ModelLink) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		_, r, err := s.activeRun(ctx, tx, ref, which)
		if err != nil {
			return err
		}
		if err := checkInputs(nil, models); err != nil {
			return err
		}
		_, made, err := tx.RunModelsOf(ctx, []int64{r.ID})
		if err != nil {
			return err
		}
		for _, m := range models {
			if slices.ContainsFunc(made[r.ID], func(l ModelLink) bool { return l.Model == m.Model }) {
				return &fault.Error{Kind: fault.Conflict, Noun: "output", Name: m.Model, Field: "models", Msg: "has " + m.Model + ", which is an output of the run already"}
			}
		}
		return tx.PutRunModels(ctx, r.ID, true, models)
	})
}

func checkInputs(ins []Input, models []ModelLink) error {
	if len(ins) > maxInputs || len(models) > maxInputs {
		return fault.Invalidf("", "a run takes at most %d inputs and outputs at a time", maxInputs)
	}
	for _, in := range ins {
		if err := in.check(); err != nil {
			return err
		}
	}
	for _, m := range models {
		if strings.TrimSpace(m.Model) == "" {
			return fault.Invalidf("models", "has an entry without an id")
		}
		if err := checkLength("models", m.Model, maxName); err != nil {
			return err
		}
	}
	return nil
}

func (in Input) check() error {
	for _, t := range []struct {
		field, value string
		most         int
	}{{"name", in.Name, maxInputName}, {"digest", in.Digest, maxInputDigest}, {"source_type", in.SourceType, maxName},
		{"source", in.Source, maxInputSource}, {"schema", in.Schema, maxInputSchema}, {"profile", in.Profile, maxInputProfile}} {
		if err := checkLength(t.field, t.value, t.most); err != nil {
			return err
		}
	}
	for _, t := range in.Tags {
		if t.Key == "" {
			return fault.Invalidf("tags", "has an entry without a name")
		}
		if err := checkLength("tags", t.Key+t.Value, maxName+maxInputTag); err != nil {
			return err
		}
	}
	return nil
}

func checkLength(field, s string, most int) error {
	if len(s) > most && utf8.RuneCountInString(s) > most {
		return fault.Invalidf(field, "is too long (maximum is %d characters)", most)
	}
	return checkUTF8(field, s)
}

// maxSummaries bounds an answer about data sets.
const maxSummaries = 1000

// InputSummaries lists the data sets of experiments, each once for every
// context in which it was used.
func (s Session) InputSummaries(ctx context.Context, ref ProjectRef, experiments []ExperimentRef) ([]InputSummary, error) {
	return view(ctx, s, func(tx Tx) ([]InputSummary, error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return nil, err
		}
		ids, err := experimentIDs(ctx, tx, p, experiments)
		if err != nil {
			return nil, err
		}
		return tx.InputSummaries(ctx, ids, maxSummaries)
	})
}

// MetricHistory gives all points of one metric of a run, by step.
func (s Session) MetricHistory(ctx context.Context, ref ProjectRef, which RunRef, key string, p Page) (List[Metric], error) {
	return view(ctx, s, func(tx Tx) (List[Metric], error) {
		_, r, err := s.run(ctx, tx, ref, which, ReadRuns)
		if err != nil {
			return List[Metric]{}, err
		}
		return tx.MetricHistory(ctx, r.ID, key, p)
	})
}

// MetricPoints gives the points of one metric of a run in order of time, step
// and value; a metric that there is not has none.
func (s Session) MetricPoints(ctx context.Context, ref ProjectRef, which RunRef, key string, after Mark, limit int) (Found[Metric], error) {
	return view(ctx, s, func(tx Tx) (Found[Metric], error) {
		_, r, err := s.run(ctx, tx, ref, which, ReadRuns)
		if err != nil {
			return Found[Metric]{}, err
		}
		return tx.MetricPoints(ctx, r.ID, key, after, limit)
	})
}

// Limits of histories of several runs, as MLflow has them.
const (
	MaxHistories = 100
	MaxHeads     = 25_000 // points
	MaxSamples   = 2500   // points of a run
)

// RunMetrics are points of one run.
type RunMetrics struct {
	EID     string
	Metrics []Metric
}

// MetricHeads gives the first points of one metric of runs, in the order of the
// runs and of time, limit in all.
func (s Session) MetricHeads(ctx context.Context, ref ProjectRef, runs []RunRef, key string, limit int) ([]RunMetrics, error) {
	return s.histories(ctx, ref, runs, func(tx Tx, ids []int64) (map[int64][]Metric, error) {
		return tx.MetricHeads(ctx, ids, key, min(limit, MaxHeads))
	})
}

// MetricSamples gives an even part, of up to most points, of one metric of each
// run in order of step, time and value.
func (s Session) MetricSamples(ctx context.Context, ref ProjectRef, runs []RunRef, key string, steps *Steps, most int) ([]RunMetrics, error) {
	return s.histories(ctx, ref, runs, func(tx Tx, ids []int64) (map[int64][]Metric, error) {
		return tx.MetricSamples(ctx, ids, key, steps, min(most, MaxSamples))
	})
}

// histories passes the gate, finds the runs, and puts what read gives in their
// order; runs that there are not have nothing.
func (s Session) histories(ctx context.Context, ref ProjectRef, runs []RunRef, read func(Tx, []int64) (map[int64][]Metric, error)) ([]RunMetrics, error) {
	return view(ctx, s, func(tx Tx) ([]RunMetrics, error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return nil, err
		}
		if len(runs) > MaxHistories {
			return nil, fault.Invalidf("run_ids", "has too many entries (maximum is %d)", MaxHistories)
		}
		eids := make([]string, len(runs))
		for i, r := range runs {
			eids[i] = r.EID
		}
		known, err := tx.RunIDs(ctx, p.ID, eids)
		if err != nil {
			return nil, err
		}
		var ids []int64
		for _, e := range eids {
			if id, ok := known[e]; ok {
				ids = append(ids, id)
			}
		}
		points, err := read(tx, ids)
		out := make([]RunMetrics, len(eids))
		for i, e := range eids {
			out[i] = RunMetrics{e, points[known[e]]}
		}
		return out, err
	})
}

// Histories are the points of metrics in more than one way.
type Histories interface {
	// MetricPoints gives the points of one metric in order of time, step and
	// value; a run that has none gives nothing.
	MetricPoints(ctx context.Context, runID int64, key string, after Mark, limit int) (Found[Metric], error)
	// MetricHeads gives, in that order, the first points of runs, of one run
	// after the other, limit in all.
	MetricHeads(ctx context.Context, runIDs []int64, key string, limit int) (map[int64][]Metric, error)
	// MetricSamples gives up to most points of each run in order of step, time
	// and value, evenly chosen, with the first and the last; of one, the last.
	MetricSamples(ctx context.Context, runIDs []int64, key string, steps *Steps, most int) (map[int64][]Metric, error)
	// MetricTips gives the metrics of a run, up to limit, by name.
	MetricTips(ctx context.Context, runID int64, limit int) ([]MetricTip, error)
}

// MetricTip is where a metric of a run has come to.
type MetricTip struct {
	Metric       // the latest
	Points int64 // logged so far
}

// Pulse is what changes while a run is at work.
type Pulse struct {
	Status RunStatus
	Tips   []MetricTip // by name, at most maxTips
}

// maxTips bounds the metrics of a pulse.
const maxTips = 1000

// Pulse tells how far a run has come. It is for those who ask often: it reads
// no points.
func (s Session) Pulse(ctx context.Context, ref ProjectRef, which RunRef) (Pulse, error) {
	return view(ctx, s, func(tx Tx) (Pulse, error) {
		_, r, err := s.run(ctx, tx, ref, which, ReadRuns)
		if err != nil {
			return Pulse{}, err
		}
		tips, err := tx.MetricTips(ctx, r.ID, maxTips)
		return Pulse{r.Status, tips}, err
	})
}
