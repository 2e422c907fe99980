package graphql

import (
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// What GitLab's own pages ask about models, experiments and files: the fields of
// its documents below app/assets/javascripts, in their forms.
const (
	personFields = `id name avatarUrl webUrl`
	pageFields   = `pageInfo { ...PageInfo }`
	pageFragment = ` fragment PageInfo on PageInfo { hasNextPage hasPreviousPage startCursor endCursor }`
	loggedFields = `id name iid eid status
		params { nodes { id name value } } metadata { nodes { id name value } } metrics { nodes { id name value step } }
		ciJob { id webPath name pipeline { id mergeRequest { id iid title webUrl } user { id avatarUrl webUrl username name } } }
		_links { showPath artifactPath }`
	versionFields = `id createdAt artifactsCount author { ` + personFields + ` } version packageId description descriptionHtml
		candidate { ` + loggedFields + ` } _links { showPath }`
	pageVars = `$first: Int, $last: Int, $after: String, $before: String`
	pageUse  = `after: $after, before: $before, first: $first, last: $last`

	getModel = `query getModel($id: MlModelID!) { mlModel(id: $id) { id createdAt author { ` + personFields + ` } description descriptionHtml name
		versionCount candidateCount defaultExperimentPath latestVersion { ` + versionFields + ` } } }`
	getModelVersion = `query getModelVersion($modelId: MlModelID!, $modelVersionId: MlModelVersionID!) { mlModel(id: $modelId) { id name
		version(modelVersionId: $modelVersionId) { ` + versionFields + ` } } }`
	getModels = `query getModels($fullPath: ID!, $name: String, $orderBy: MlModelsOrderBy, $sort: SortDirectionEnum, ` + pageVars + `) {
		project(fullPath: $fullPath) { id mlModels(name: $name, orderBy: $orderBy, sort: $sort, ` + pageUse + `) { count
		nodes { id name versionCount createdAt author { ` + personFields + ` } latestVersion { id version _links { showPath } } _links { showPath } } ` +
		pageFields + ` } } }` + pageFragment
	searchModels = `query searchModels($fullPath: ID!, $name: String) { project(fullPath: $fullPath) { id mlModels(name: $name) { count
		nodes { id name createdAt latestVersion { id version } } } } }`
	getModelVersions = `query getModelVersions($id: MlModelID!, $version: String, $orderBy: MlModelVersionsOrderBy, $sort: SortDirectionEnum, ` + pageVars + `) {
		mlModel(id: $id) { id versions(version: $version, orderBy: $orderBy, sort: $sort, ` + pageUse + `) { count
		nodes { id version createdAt author { ` + personFields + ` } _links { showPath } } ` + pageFields + ` } } }` + pageFragment
	candidateFields = `count nodes { id eid ciJob { id name webPath } creator { ` + personFields + ` } name status createdAt _links { showPath } } ` + pageFields
	getCandidates   = `query getModelCandidates($id: MlModelID!, ` + pageVars + `) { mlModel(id: $id) { id candidates(` + pageUse + `) { ` +
		candidateFields + ` } } }` + pageFragment
	getExperiments = `query getExperiments($fullPath: ID!, $name: String, $orderBy: MlModelsOrderBy, $sort: SortDirectionEnum, ` + pageVars + `) {
		project(fullPath: $fullPath) { id mlExperiments(name: $name, orderBy: $orderBy, sort: $sort, ` + pageUse + `) { count
		nodes { id name candidateCount updatedAt path modelId creator { ` + personFields + ` } } ` + pageFields + ` } } }` + pageFragment
	getExperimentCandidates = `query getExperimentCandidates($id: MlExperimentID!, ` + pageVars + `) { mlExperiment(id: $id) { id candidates(` +
		pageUse + `) { ` + candidateFields + ` } } }` + pageFragment
	getPackageFiles = `query getPackageFiles($id: PackagesPackageID!, ` + pageVars + `) { package(id: $id) { id packageFiles(` + pageUse + `) { ` +
		pageFields + ` nodes { id fileMd5 fileName fileSha1 fileSha256 size createdAt downloadPath } } } }` + pageFragment

	links       = `{ id _links { showPath } } errors`
	createModel = `mutation createModel($projectPath: ID!, $name: String!, $description: String) {
		mlModelCreate(input: { projectPath: $projectPath, name: $name, description: $description }) { model ` + links + ` } }`
	editModel = `mutation editModel($projectPath: ID!, $modelId: Int, $name: String!, $description: String) {
		mlModelEdit(input: { projectPath: $projectPath, modelId: $modelId, name: $name, description: $description }) { model ` + links + ` } }`
	destroyModel  = `mutation destroyModel($projectPath: ID!, $id: MlModelID!) { mlModelDestroy(input: { projectPath: $projectPath, id: $id }) { errors } }`
	createVersion = `mutation createModelVersion($projectPath: ID!, $modelId: MlModelID!, $version: String!, $description: String) {
		mlModelVersionCreate(input: { projectPath: $projectPath, modelId: $modelId, version: $version, description: $description }) {
		modelVersion { id _links { showPath importPath } } errors } }`
	promote = `mutation promoteModelVersion($projectPath: ID!, $modelId: MlModelID!, $version: String!, $description: String, $candidateId: MlCandidateID!) {
		mlModelVersionCreate(input: { projectPath: $projectPath, modelId: $modelId, version: $version, description: $description, candidateId: $candidateId }) {
		modelVersion { id _links { showPath importPath } } errors } }`
	editVersion = `mutation editModelVersion($projectPath: ID!, $modelId: MlModelID!, $version: String!, $description: String!) {
		mlModelVersionEdit(input: { projectPath: $projectPath, modelId: $modelId, version: $version, description: $description }) { modelVersion ` + links + ` } }`
	deleteVersion = `mutation deleteModelVersion($id: MlModelVersionID!) { mlModelVersionDelete(input: { id: $id }) { errors } }`
)

// TestFrontEndQueries runs the queries of GitLab's pages.
func TestFrontEndQueries(t *testing.T) {
	w := newWorld(t)
	furnish(t, w)
	iris, tulip := globalID(gidModel, w.IDs["private/model"]), globalID(gidModel, w.IDs["private/tulip"])
	models := data(t, w, "guest", getModels, map[string]any{"fullPath": "root/private", "orderBy": "NAME", "sort": "ASC", "first": 30})
	same(t, dig(t, models, "project.mlModels.count"), any(2.0))
	same(t, dig(t, models, "project.mlModels.nodes.1.latestVersion.version"), any("1.1.0"))
	found := data(t, w, "guest", searchModels, map[string]any{"fullPath": "root/private", "name": "iri"})
	same(t, dig(t, found, "project.mlModels.nodes.0.id"), any(string(iris)))
	vs := data(t, w, "guest", getModelVersions, map[string]any{"id": tulip, "orderBy": "VERSION", "last": 1})
	same(t, dig(t, vs, "mlModel.versions.nodes.0.version"), any("1.0.0"))
	same(t, dig(t, vs, "mlModel.versions.pageInfo.hasPreviousPage"), any(true))
	vs = data(t, w, "guest", getModelVersions, map[string]any{"id": tulip, "version": "1."})
	same(t, dig(t, vs, "mlModel.versions.count"), any(2.0))
	cs := data(t, w, "guest", getCandidates, map[string]any{"id": iris, "first": 20})
	same(t, dig(t, cs, "mlModel.candidates.nodes.0.name"), any("first"))
	es := data(t, w, "guest", getExperiments, map[string]any{"fullPath": "root/private", "name": "tul"})
	same(t, dig(t, es, "project.mlExperiments.nodes.0.candidateCount"), any(3.0))
	same(t, dig(t, es, "project.mlExperiments.nodes.0.modelId"), any(string(tulip)))
	es = data(t, w, "guest", getExperiments, map[string]any{"fullPath": "root/private", "name": "[model]iris"})
	es = data(t, w, "guest", getExperimentCandidates, map[string]any{"id": dig(t, es, "project.mlExperiments.nodes.0.id"), "first": 20})
	same(t, dig(t, es, "mlExperiment.candidates.count"), any(2.0))
}

// TestFrontEndVersion runs what the page of a model and that of a version ask.
func TestFrontEndVersion(t *testing.T) {
	w := newWorld(t)
	furnish(t, w)
	iris, version := globalID(gidModel, w.IDs["private/model"]), globalID(gidVersion, w.IDs["private/version"])
	m := data(t, w, "guest", getModel, map[string]any{"id": iris})
	same(t, dig(t, m, "mlModel.candidateCount"), any(1.0))
	same(t, dig(t, m, "mlModel.defaultExperimentPath"), any("/root/private/-/ml/experiments/1"))
	v := data(t, w, "guest", getModelVersion, map[string]any{"modelId": iris, "modelVersionId": version})
	for _, got := range []any{dig(t, m, "mlModel.latestVersion"), dig(t, v, "mlModel.version")} {
		same(t, dig(t, got, "id"), any(string(version)))
		same(t, dig(t, got, "artifactsCount"), any(1.0))
		same(t, dig(t, got, "candidate.params.nodes.1.name"), any("lr"))
		same(t, dig(t, got, "candidate.metrics.nodes.1.value"), any(0.75))
		same(t, dig(t, got, "candidate.metrics.nodes.1.step"), any(1.0))
		same(t, dig(t, got, "candidate.metadata.nodes.0.value"), any("blue"))
		same(t, dig(t, got, "candidate._links.artifactPath"), any("/root/private/-/packages/1"))
		same(t, dig(t, got, "candidate.ciJob"), any(nil))
	}
	fs := data(t, w, "reporter", getPackageFiles, map[string]any{"id": dig(t, v, "mlModel.version.packageId"), "first": 20})
	same(t, dig(t, fs, "package.packageFiles.nodes.0.fileName"), any("dir%2Fmodel.bin"))
	same(t, dig(t, fs, "package.packageFiles.nodes.0.size"), any("7"))
	same(t, dig(t, fs, "package.packageFiles.nodes.0.downloadPath"), any("/api/v4/projects/2/packages/ml_models/1/files/dir/model.bin"))
	other := data(t, w, "guest", getModelVersion, map[string]any{"modelId": globalID(gidModel, w.IDs["private/tulip"]), "modelVersionId": version})
	same(t, dig(t, other, "mlModel.version"), any(nil)) // of another model
}

// TestFrontEndMutations runs the mutations of GitLab's pages.
func TestFrontEndMutations(t *testing.T) {
	w := newWorld(t)
	do := func(name, document string, vars map[string]any) any {
		t.Helper()
		vars["projectPath"] = "root/private"
		if name == "mlModelVersionDelete" {
			delete(vars, "projectPath")
		}
		out := dig(t, data(t, w, "developer", document, vars), name)
		same(t, dig(t, out, "errors"), any([]any{}))
		return out
	}
	id := dig(t, do("mlModelCreate", createModel, map[string]any{"name": "rose", "description": "red"}), "model.id")
	n, err := gid(id.(string)).number(gidModel, "model")
	apitest.OK(t, err)
	do("mlModelEdit", editModel, map[string]any{"modelId": n, "name": "rose", "description": "white"})
	do("mlModelEdit", editModel, map[string]any{"name": "rose", "description": "yellow"})
	v := do("mlModelVersionCreate", createVersion, map[string]any{"modelId": id, "version": "1.0.0"})
	do("mlModelVersionEdit", editVersion, map[string]any{"modelId": id, "version": "1.0.0", "description": "first"})
	got := data(t, w, "developer", getModel, map[string]any{"id": id})
	same(t, dig(t, got, "mlModel.description"), any("yellow"))
	same(t, dig(t, got, "mlModel.latestVersion.description"), any("first"))
	same(t, dig(t, got, "mlModel.latestVersion.author.name"), any("Developer"))
	do("mlModelVersionDelete", deleteVersion, map[string]any{"id": dig(t, v, "modelVersion.id")})
	do("mlModelDestroy", destroyModel, map[string]any{"id": id})
	same(t, dig(t, data(t, w, "developer", getModel, map[string]any{"id": id}), "mlModel"), any(nil))

	iris := globalID(gidModel, w.IDs["private/model"])
	run := dig(t, data(t, w, "developer", getCandidates, map[string]any{"id": iris}), "mlModel.candidates.nodes.0.id")
	do("mlModelVersionCreate", promote, map[string]any{"modelId": iris, "version": "3.0.0", "candidateId": run})
	r, err := w.Registry.As(auth.System()).Run(t.Context(), registry.ProjectRef{ID: w.IDs["private"]}, registry.RunRef{IID: w.IDs["private/run"]})
	apitest.OK(t, err)
	if r.VersionID == 0 {
		t.Error("the run was not promoted")
	}
}
