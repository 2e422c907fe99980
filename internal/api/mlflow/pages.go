package mlflow

import (
	"context"
	_ "embed" // the schema
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"

	gql "github.com/graph-gophers/graphql-go"
	gqlerrors "github.com/graph-gophers/graphql-go/errors"

	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// pagesAddress is where MLflow's own web pages ask by GraphQL.
const pagesAddress = "/graphql"

//go:embed pages.graphql
var pagesSchema string

// pages is the schema, read when the first document comes: few servers are
// asked by MLflow's pages.
var pages = sync.OnceValue(func() *gql.Schema {
	return gql.MustParseSchema(pagesSchema, &pagesQuery{}, gql.UseStringDescriptions(), gql.UseFieldResolvers(),
		gql.MaxQueryLength(maxDocument), gql.MaxParallelism(1), gql.PanicHandler(pagePanics{}), gql.Logger(pagePanics{}))
})

func pagesRoutes() []route {
	return []route{plain("POST", "", pagesAddress, project(registry.ReadRuns), askByGraphQL)}
}

// document is what MLflow's pages send.
type document struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables"`
	Operation string         `json:"operationName"`
}

// documentAnswer has the errors as bare texts, as MLflow's has.
type documentAnswer struct {
	Data   any      `json:"data"`
	Errors []string `json:"errors"`
}

func askByGraphQL(c *call) error {
	if err := c.authorize(project(registry.ReadRuns)); err != nil {
		return err
	}
	var in document
	if err := httpx.DecodeJSON(c.r, &in, bodyLimit); err != nil {
		return err
	}
	if why := checkDocument(in.Query); why != "" {
		return c.send(documentAnswer{Errors: []string{why}})
	}
	ctx := context.WithValue(c.ctx(), callKey{}, c)
	res := pages().Exec(ctx, in.Query, in.Operation, in.Variables)
	out := documentAnswer{}
	for _, e := range res.Errors {
		out.Errors = append(out.Errors, c.complaint(e))
	}
	if res.Data != nil {
		out.Data = res.Data
	}
	return c.send(out)
}

// complaint gives the text of an error, and logs what is the server's fault.
func (c *call) complaint(e *gqlerrors.QueryError) string {
	if e.ResolverError == nil {
		return e.Message
	}
	body := spell(e.ResolverError)
	if body.Code == internalError {
		httpx.LogError(c.d.Log, c.r, e.ResolverError, http.StatusInternalServerError)
	}
	return body.Message
}

// pagePanics keeps the values of panics for those who run the server.
type pagePanics struct{}

func (pagePanics) MakePanicError(context.Context, any) *gqlerrors.QueryError {
	return &gqlerrors.QueryError{Message: "The server failed to answer this."}
}

func (pagePanics) LogPanic(ctx context.Context, value any) {
	c := callOf(ctx)
	c.d.Log.ErrorContext(ctx, "panic in a resolver", slog.Any("panic", value), slog.String("stack", string(debug.Stack())),
		slog.String("request_id", httpx.RequestIDFrom(ctx)))
}

type callKey struct{}

// callOf gives the request that a document came in.
func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

type pagesQuery struct{}

// pageError is in every answer of MLflow's schema; errors go beside the data here.
type pageError struct{ Code, Message, HelpURL *string }

type pageExperiment struct{ ExperimentID *string }

type experimentPage struct {
	Experiment *experimentNode
	APIError   *pageError
}

func (pagesQuery) MlflowGetExperiment(ctx context.Context, args struct{ Input *pageExperiment }) (*experimentPage, error) {
	c := callOf(ctx)
	var in experimentID
	if args.Input != nil {
		in.ID = deref(args.Input.ExperimentID)
	}
	found, err := getExperiment(c, in)
	if err != nil {
		return nil, err
	}
	return &experimentPage{Experiment: newExperimentNode(found.Experiment)}, nil
}

type pageRun struct{ RunID, RunUUID *string }

type runPage struct {
	Run      *runNode
	APIError *pageError
}

func (pagesQuery) MlflowGetRun(ctx context.Context, args struct{ Input *pageRun }) (*runPage, error) {
	c := callOf(ctx)
	var in runOrUUID
	if args.Input != nil {
		in.ID, in.UUID = deref(args.Input.RunID), deref(args.Input.RunUUID)
	}
	found, err := getRun(c, in)
	if err != nil {
		return nil, err
	}
	return &runPage{Run: newRunNodes(c, []runJSON{found.Run})[0]}, nil
}

type pageSearch struct {
	ExperimentIDs *[]*string
	Filter        *string
	RunViewType   *string
	MaxResults    *int32
	OrderBy       *[]*string
	PageToken     *string
}

type runsPage struct {
	Runs          *[]*runNode
	NextPageToken string
	APIError      *pageError
}

func (pagesQuery) MlflowSearchRuns(ctx context.Context, args struct{ Input *pageSearch }) (*runsPage, error) {
	c := callOf(ctx)
	var in runSearch
	if s := args.Input; s != nil {
		in = runSearch{ExperimentIDs: given(s.ExperimentIDs), Filter: deref(s.Filter), OrderBy: given(s.OrderBy), PageToken: deref(s.PageToken)}
		if s.MaxResults != nil {
			n := min(int64(*s.MaxResults), defaultRuns)
			in.MaxResults = &n
		}
		if s.RunViewType != nil {
			in.ViewType.read([]byte(`"` + *s.RunViewType + `"`))
		}
	}
	found, err := searchRuns(c, in)
	if err != nil {
		return nil, err
	}
	runs := newRunNodes(c, found.Runs)
	return &runsPage{Runs: &runs, NextPageToken: found.NextPageToken}, nil
}

type pageHistory struct {
	RunIDs             *[]*string
	MetricKey          *string
	StartStep, EndStep *int32
	MaxResults         *int32
}

type historyPage struct {
	Metrics  *[]metricNode
	APIError *pageError
}

func (pagesQuery) MlflowGetMetricHistoryBulkInterval(ctx context.Context, args struct{ Input *pageHistory }) (*historyPage, error) {
	c := callOf(ctx)
	var in samplesQuery
	if h := args.Input; h != nil {
		in = samplesQuery{IDs: given(h.RunIDs), Key: deref(h.MetricKey), StartStep: widened(h.StartStep), EndStep: widened(h.EndStep), MaxResults: widened(h.MaxResults)}
	}
	found, err := metricSamples(c, in)
	if err != nil {
		return nil, err
	}
	nodes := metricNodes(found.Metrics)
	return &historyPage{Metrics: &nodes}, nil
}

type datasetsPage struct {
	DatasetSummaries *[]summaryNode
	APIError         *pageError
}

type summaryNode struct{ ExperimentID, Name, Digest, Context string }

func (pagesQuery) MlflowSearchDatasets(ctx context.Context, args struct {
	Input *struct{ ExperimentIDs *[]*string }
}) (*datasetsPage, error) {
	var in inputDatasetSearch
	if args.Input != nil {
		in.ExperimentIDs = given(args.Input.ExperimentIDs)
	}
	found, err := searchInputDatasets(callOf(ctx), in)
	if err != nil {
		return nil, err
	}
	nodes := make([]summaryNode, len(found.Summaries))
	for i, d := range found.Summaries {
		nodes[i] = summaryNode(d)
	}
	return &datasetsPage{DatasetSummaries: &nodes}, nil
}

type pageFolder struct{ RunID, RunUUID, Path, PageToken *string }

type folderNode struct {
	RootURI       string
	Files         *[]fileNode
	NextPageToken string
	APIError      *pageError
}

type fileNode struct {
	Path     string
	IsDir    bool
	FileSize longString
}

func (pagesQuery) MlflowListArtifacts(ctx context.Context, args struct{ Input *pageFolder }) (*folderNode, error) {
	var in runFolderQuery
	if f := args.Input; f != nil {
		in = runFolderQuery{runOrUUID: runOrUUID{runID{deref(f.RunID)}, deref(f.RunUUID)}, Path: deref(f.Path), PageToken: deref(f.PageToken)}
	}
	found, err := listArtifacts(callOf(ctx), in)
	if err != nil {
		return nil, err
	}
	nodes := make([]fileNode, len(found.Files))
	for i, f := range found.Files {
		nodes[i] = fileNode{f.Path, f.Dir, longString(f.Size)}
	}
	return &folderNode{RootURI: found.RootURI, Files: &nodes, NextPageToken: found.NextPageToken}, nil
}

type pageVersions struct {
	Filter     *string
	MaxResults *longString
	OrderBy    *[]*string
	PageToken  *string
}

type versionsPage struct {
	ModelVersions *[]versionNode
	NextPageToken string
	APIError      *pageError
}

func (pagesQuery) MlflowSearchModelVersions(ctx context.Context, args struct{ Input *pageVersions }) (*versionsPage, error) {
	var in shelfSearch
	if s := args.Input; s != nil {
		in = shelfSearch{Filter: deref(s.Filter), MaxResults: (*int64)(s.MaxResults), OrderBy: given(s.OrderBy), PageToken: deref(s.PageToken)}
	}
	found, err := searchVersions(callOf(ctx), in)
	if err != nil {
		return nil, err
	}
	nodes := make([]versionNode, len(found.Versions))
	for i, v := range found.Versions {
		nodes[i] = newVersionNode(v)
	}
	return &versionsPage{ModelVersions: &nodes, NextPageToken: found.NextPageToken}, nil
}
