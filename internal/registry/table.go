package registry

import "context"

// RunTable is the runs of an experiment as a table: the columns that any run
// has, and the rows in stretches, by their numbers.
type RunTable struct {
	Experiment Experiment
	Params     []string // names, sorted
	Metrics    []string

	s   Session
	ref ProjectRef
}

// RunTable begins a table of an experiment's runs.
func (s Session) RunTable(ctx context.Context, ref ProjectRef, which ExperimentRef) (RunTable, error) {
	return view(ctx, s, func(tx Tx) (RunTable, error) {
		e, err := s.experiment(ctx, tx, ref, which, ReadRuns)
		if err != nil {
			return RunTable{}, err
		}
		t := RunTable{Experiment: e, s: s, ref: ref}
		t.Params, t.Metrics, err = tx.RunKeys(ctx, e.ID)
		return t, err
	})
}

// Rows calls fn with the runs, at most MaxLimit at a time, until fn fails. Each
// stretch is read by itself, so that a slow reader holds nothing up; a run that
// is made meanwhile comes at the end.
func (t RunTable) Rows(ctx context.Context, fn func([]Run) error) error {
	q := RunQuery{Experiment: &ExperimentRef{IID: t.Experiment.IID}, Order: Order{By: "id"}, Page: Page{Limit: MaxLimit, NoTotal: true}}
	for {
		l, err := t.s.Runs(ctx, t.ref, q)
		if err != nil {
			return err
		}
		if err := fn(l.Items); err != nil || !l.More {
			return err
		}
		q.Page.After = l.Next
	}
}
