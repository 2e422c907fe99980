package registry

import "context"

// LoggedModels have outer ids. Look-ups find deleted ones, with the time.
type LoggedModels interface {
	InsertLoggedModel(ctx context.Context, m LoggedModel) (int64, error)
	LoggedModelByEID(ctx context.Context, projectID int64, eid string) (LoggedModel, error)
	// LoggedModelIDs finds ids by outer ids; missing ones are left out.
	LoggedModelIDs(ctx context.Context, projectID int64, eids []string) (map[string]int64, error)
	// UpdateLoggedModel writes status, package, UpdatedAt and DeletedAt.
	UpdateLoggedModel(ctx context.Context, m LoggedModel) error
	// InsertLoggedParams adds parameters; a key that exists is a Conflict.
	InsertLoggedParams(ctx context.Context, id int64, ps []Param) error
	LoggedParamsOf(ctx context.Context, ids []int64) (map[int64][]Param, error)
	// InsertLoggedMetric adds a point that a run has measured; one of the same
	// name, time and step stays as it is.
	InsertLoggedMetric(ctx context.Context, id, runID int64, m Metric) error
	// LoggedMetricsOf gives all points by name, time and step.
	LoggedMetricsOf(ctx context.Context, ids []int64) (map[int64][]LoggedMetric, error)
	// SearchLoggedModels knows eid, name, type, status, source_run,
	// experiment_id (the number, as a text), created_at, updated_at, params and
	// tags, and metrics: a condition asks whether there is such a point, an
	// order for the latest. With data sets only what was measured with one of
	// them counts. Without an order the latest made come first.
	SearchLoggedModels(ctx context.Context, experimentIDs []int64, q Search, data []DatasetRef) (Found[LoggedModel], error)
}

// Traces have outer ids that are unique in their project.
type Traces interface {
	// PutTrace inserts a trace, or writes all but the experiment of the one that
	// is there.
	PutTrace(ctx context.Context, t Trace) (int64, error)
	TraceByEID(ctx context.Context, projectID int64, eid string) (Trace, error)
	// TracesByEID finds several, in their order; missing ones are left out.
	TracesByEID(ctx context.Context, projectID int64, eids []string) ([]Trace, error)
	// DeleteTraces removes traces of an experiment and gives their outer ids.
	DeleteTraces(ctx context.Context, experimentID int64, d TraceDeletion) ([]string, error)
	// SearchTraces knows eid, client_id, state, at, duration (ms), ended_at, for
	// orders experiment_id, tags, and params, which are the metadata. Without an
	// order the latest come first.
	SearchTraces(ctx context.Context, experimentIDs []int64, q Search) (Found[Trace], error)
	// CountTraces counts those that meet all filters.
	CountTraces(ctx context.Context, experimentIDs []int64, fs ...Filter) (int64, error)
	// MeasureTraces answers a question about experiments.
	MeasureTraces(ctx context.Context, experimentIDs []int64, q Measure) ([]Measured, error)
	// SetAmounts adds amounts to a trace, in the place of those of the same name.
	SetAmounts(ctx context.Context, traceID int64, as []Amount) error
	AmountsOf(ctx context.Context, traceIDs []int64) (map[int64][]Amount, error)
}

// Spans are the steps of traces.
type Spans interface {
	// PutSpans inserts spans of a trace, or writes all of those that are there.
	PutSpans(ctx context.Context, traceID int64, ss []TraceSpan) error
	CountSpans(ctx context.Context, traceID int64) (int64, error)
	// CountedSteps gives the spans of a trace, in no order.
	CountedSteps(ctx context.Context, traceID int64) ([]CountedStep, error)
	// SpansOf gives the spans of traces, the first step first, the others as they
	// began, without models and amounts; fault.TooLarge when their contents have more bytes than limit.
	SpansOf(ctx context.Context, traceIDs []int64, limit int64) (map[int64][]TraceSpan, error)
	// LinkTraces links each trace with each target, once.
	LinkTraces(ctx context.Context, traceIDs []int64, kind TraceLink, targets []string) error
	// LinkAhead keeps links for traces of a project until PutTrace puts them.
	LinkAhead(ctx context.Context, projectID int64, eids []string, kind TraceLink, target string) error
}

// Assessments have outer ids that are unique in their trace.
type Assessments interface {
	// PutAssessment inserts an assessment, or writes all of the one that is there.
	PutAssessment(ctx context.Context, a Assessment) (int64, error)
	AssessmentByEID(ctx context.Context, traceID int64, eid string) (Assessment, error)
	// AssessmentsOf gives those of traces in the order of their coming, without
	// their metadata.
	AssessmentsOf(ctx context.Context, traceIDs []int64) (map[int64][]Assessment, error)
	DeleteAssessment(ctx context.Context, id int64) error
}

// EvalDatasets have outer ids that are unique in their project.
type EvalDatasets interface {
	// PutEvalDataset inserts a data set, or writes the one that is there.
	PutEvalDataset(ctx context.Context, d EvalDataset) (int64, error)
	EvalDatasetByEID(ctx context.Context, projectID int64, eid string) (EvalDataset, error)
	DeleteEvalDataset(ctx context.Context, id int64) error
	// SearchEvalDatasets knows name, created_by, updated_by, created_at,
	// updated_at and tags; experiments, unless there are none, bound it to their
	// data sets. Without an order the latest made come first.
	SearchEvalDatasets(ctx context.Context, projectID int64, experimentIDs []int64, q Search) (Found[EvalDataset], error)
	LinkEvalDataset(ctx context.Context, id int64, experimentIDs []int64) error
	UnlinkEvalDataset(ctx context.Context, id int64, experimentIDs []int64) error
	// EvalExperiments gives the ids of the experiments of a data set.
	EvalExperiments(ctx context.Context, id int64) ([]int64, error)
	// ExperimentIIDs gives the numbers of experiments, the lowest first.
	ExperimentIIDs(ctx context.Context, ids []int64) ([]int64, error)
}

// EvalRecordRows are the records of evaluation data sets.
type EvalRecordRows interface {
	EvalRecordsByHash(ctx context.Context, datasetID int64, hashes []string) (map[string]EvalRecord, error)
	// PutEvalRecord inserts a record, or writes the one of its hash, whose id,
	// inputs and origin stay.
	PutEvalRecord(ctx context.Context, datasetID int64, r EvalRecord) (int64, error)
	// ListEvalRecords goes on behind a place, and ends before it has more than so
	// many bytes, but for the first.
	ListEvalRecords(ctx context.Context, datasetID int64, after EvalPage, limit int, bytes int64) (List[EvalRecord], error)
	DeleteEvalRecords(ctx context.Context, datasetID int64, eids []string) (int64, error)
}
