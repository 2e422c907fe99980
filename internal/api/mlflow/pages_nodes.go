package mlflow

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// longString is a whole number that JavaScript gets as a text.
type longString int64

// ImplementsGraphQLType names the scalar.
func (longString) ImplementsGraphQLType(name string) bool { return name == "LongString" }

// UnmarshalGraphQL reads what a variable holds.
func (n *longString) UnmarshalGraphQL(in any) error {
	v, err := strconv.ParseInt(fmt.Sprint(in), 10, 64)
	*n = longString(v)
	return err
}

// MarshalJSON implements json.Marshaler.
func (n longString) MarshalJSON() ([]byte, error) {
	return []byte(strconv.Quote(strconv.FormatInt(int64(n), 10))), nil
}

// given are the members of a list that are texts.
func given(in *[]*string) []string {
	var out []string
	if in == nil {
		return nil
	}
	for _, s := range *in {
		if s != nil {
			out = append(out, *s)
		}
	}
	return out
}

func widened(n *int32) *int64 {
	if n == nil {
		return nil
	}
	w := int64(*n)
	return &w
}

type experimentNode struct {
	ExperimentID, Name, ArtifactLocation, LifecycleStage, Workspace string
	LastUpdateTime, CreationTime                                    longString
	Tags                                                            []tagJSON
	EffectiveTraceArchivalRetention                                 *string
}

func newExperimentNode(e experimentJSON) *experimentNode {
	return &experimentNode{ExperimentID: e.ID, Name: e.Name, ArtifactLocation: e.ArtifactLocation, LifecycleStage: e.LifecycleStage, Workspace: e.Workspace,
		LastUpdateTime: longString(e.LastUpdateTime), CreationTime: longString(e.CreationTime), Tags: e.Tags}
}

type metricNode struct {
	Key, RunID      string
	Value           *float64 // nil: no number, which JSON has no word for
	Timestamp, Step longString
}

func metricNodes(in []metricJSON) []metricNode {
	out := make([]metricNode, len(in))
	for i, m := range in {
		out[i] = metricNode{Key: m.Key, RunID: m.RunID, Timestamp: longString(m.Timestamp), Step: longString(m.Step)}
		if v := float64(m.Value); !math.IsNaN(v) && !math.IsInf(v, 0) {
			out[i].Value = &v
		}
	}
	return out
}

type runInfoNode struct {
	RunID, RunUUID, RunName, ExperimentID, UserID, Status, ArtifactURI, LifecycleStage string
	StartTime, EndTime                                                                 longString
}

type runDataNode struct {
	Metrics []metricNode
	Params  []tagJSON
	Tags    []tagJSON
}

type runInputsNode struct {
	DatasetInputs []datasetInputNode
	ModelInputs   []modelNode
}

type datasetInputNode struct {
	Tags    []tagJSON
	Dataset datasetJSON
}

type runOutputsNode struct{ ModelOutputs []modelNode }

type modelNode struct {
	ModelID string
	Step    longString
}

// runNode is a run of a document. What is around it is asked once for all runs
// that came with it.
type runNode struct {
	Info    runInfoNode
	Data    runDataNode
	Inputs  runInputsNode
	Outputs runOutputsNode
	around  *runsAround
}

func newRunNodes(c *call, runs []runJSON) []*runNode {
	around := &runsAround{call: c, runs: runs}
	around.versions = sync.OnceValues(around.findVersions)
	around.experiments = sync.OnceValues(around.findExperiments)
	out := make([]*runNode, len(runs))
	for i, r := range runs {
		info := runInfoNode{RunID: r.Info.ID, RunUUID: r.Info.UUID, RunName: r.Info.Name, ExperimentID: r.Info.ExperimentID, UserID: r.Info.UserID,
			Status: r.Info.Status.String(), ArtifactURI: r.Info.ArtifactURI, LifecycleStage: r.Info.LifecycleStage,
			StartTime: longString(r.Info.StartTime), EndTime: longString(r.Info.EndTime)}
		n := &runNode{Info: info, Data: runDataNode{metricNodes(r.Data.Metrics), r.Data.Params, r.Data.Tags}, around: around}
		for _, in := range r.Inputs.Datasets {
			n.Inputs.DatasetInputs = append(n.Inputs.DatasetInputs, datasetInputNode(in))
		}
		for _, in := range r.Inputs.Models {
			n.Inputs.ModelInputs = append(n.Inputs.ModelInputs, modelNode{ModelID: in.ID})
		}
		if r.Outputs != nil {
			for _, made := range r.Outputs.Models {
				n.Outputs.ModelOutputs = append(n.Outputs.ModelOutputs, modelNode{made.ID, longString(made.Step)})
			}
		}
		out[i] = n
	}
	return out
}

// Experiment gives the run's experiment.
func (n *runNode) Experiment(context.Context) (*experimentNode, error) {
	found, err := n.around.experiments()
	return found[n.Info.ExperimentID], err
}

// ModelVersions gives the versions that were registered from the run.
func (n *runNode) ModelVersions(context.Context) ([]versionNode, error) {
	found, err := n.around.versions()
	return found[n.Info.RunID], err
}

type versionNode struct {
	Name, Version, UserID, CurrentStage, Description, Source, RunID, Status string
	CreationTimestamp, LastUpdatedTimestamp                                 longString
	Tags                                                                    []tagJSON
}

func newVersionNode(w versionJSON) versionNode {
	return versionNode{Name: w.Name, Version: w.Version, UserID: w.UserID, CurrentStage: w.Stage, Description: w.Description, Source: w.Source, RunID: w.RunID,
		Status: w.Status, CreationTimestamp: longString(w.CreatedAt), LastUpdatedTimestamp: longString(w.UpdatedAt), Tags: w.Tags}
}

type runsAround struct {
	call        *call
	runs        []runJSON
	versions    func() (map[string][]versionNode, error)
	experiments func() (map[string]*experimentNode, error)
}

func (a *runsAround) findVersions() (map[string][]versionNode, error) {
	ids := make([]string, len(a.runs))
	for i, r := range a.runs {
		ids[i] = r.Info.ID
	}
	q := registry.ShelfSearch{NoPrompts: true, Search: registry.Search{Limit: registry.MaxFound, Order: []registry.Sort{{Key: "updated_at", Desc: true}},
		Filter: registry.Filter{{Subject: registry.OfRow, Key: "run", Op: registry.In, Value: ids}}}}
	found, err := a.call.s.SearchVersions(a.call.ctx(), a.call.ref, q)
	out := map[string][]versionNode{}
	for _, v := range found.Items {
		w := a.call.version(v)
		out[w.RunID] = append(out[w.RunID], newVersionNode(w))
	}
	return out, err
}

func (a *runsAround) findExperiments() (map[string]*experimentNode, error) {
	ids := map[int64]bool{}
	for _, r := range a.runs {
		iid, err := strconv.ParseInt(r.Info.ExperimentID, 10, 64)
		if err != nil {
			return nil, err
		}
		ids[iid] = true
	}
	q := registry.ExperimentSearch{Search: registry.Search{Stage: registry.AnyStage, Limit: len(ids),
		Filter: registry.Filter{{Subject: registry.OfRow, Key: "id", Op: registry.In, Value: slices.Collect(maps.Keys(ids))}}}}
	found, err := a.call.s.SearchExperiments(a.call.ctx(), a.call.ref, q)
	out := map[string]*experimentNode{}
	for _, e := range found.Items {
		n := newExperimentNode(a.call.experiment(e))
		out[n.ExperimentID] = n
	}
	return out, err
}
