package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/api/graphql"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/sqlstore"
)

const (
	graphModels = 1_000 // models of the graphql measure
	graphAsked  = 20    // requests of one of its turns
)

// The documents that are compared: what REST shows of a model, and that with
// its versions, which REST has to be asked for model by model, and their runs.
const (
	modelFields = `id name description createdAt author { id username name webUrl } versionCount candidateCount defaultExperimentPath
		latestVersion { id version } _links { showPath }`
	nestedFields = modelFields + ` versions(first: 3) { nodes { version artifactsCount candidate { eid params { nodes { name value } } } } }`
)

// modelsBy gives the address of a document on a page of 100 models.
func modelsBy(fields string) string {
	q := `{ project(fullPath: "root/graph") { mlModels(first: 100, orderBy: ID) { nodes { ` + fields + ` } pageInfo { hasNextPage endCursor } } } }`
	return graphql.Path + "?query=" + url.QueryEscape(strings.Join(strings.Fields(q), " "))
}

// graphql is the sixth measure: see the top of main.go.
func (b *bench) graphql() error {
	data := filepath.Join(b.dir, "graphql")
	var at place
	ours, err := b.filled(data, func(f *filler) (err error) {
		at, err = f.project("graph", graphModels, 1)
		return err
	})
	if err != nil {
		return err
	}
	defer ours.stop()
	rest := fmt.Sprintf("%s/api/v4/projects/%d/ml/models?per_page=100", ours.base, at.project)
	if err := b.against("GraphQL, 100 of 1,000 models", ours.base+modelsBy(modelFields), []string{rest}, 2.5); err != nil {
		return err
	}
	all := []string{rest}
	for id := int64(1); id <= 100; id++ {
		all = append(all, fmt.Sprintf("%s/api/v4/projects/%d/ml/models/%d/versions?per_page=3", ours.base, at.project, id))
	}
	if err := b.against("the same with versions, runs, params", ours.base+modelsBy(nestedFields), all, 0.5); err != nil {
		return err
	}
	return b.statements(data)
}

// against asks by GraphQL and, in turns, for all that gives as much by REST,
// and adds a row.
func (b *bench) against(what, url string, rest []string, most float64) error {
	var ours, baseline []time.Duration
	for turn := range b.rounds + 1 {
		for range graphAsked {
			x, err := b.sum([]string{url})
			if err != nil {
				return err
			}
			y, err := b.sum(rest)
			if err != nil {
				return err
			}
			if turn > 0 {
				ours, baseline = append(ours, x), append(baseline, y)
			}
		}
	}
	b.table.slower(what, ours, baseline, most)
	return nil
}

// sum is the time that several requests take, one after another.
func (b *bench) sum(urls []string) (time.Duration, error) {
	begin := time.Now()
	for _, url := range urls {
		if _, err := b.ask(url); err != nil {
			return 0, err
		}
	}
	return time.Since(begin), nil
}

// statements counts what the documents ask of the database.
func (b *bench) statements(data string) (err error) {
	store, err := sqlstore.Open(b.ctx, "sqlite:"+filepath.Join(data, "vitrine.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	door := graphql.New(graphql.Options{Registry: registry.New(store, nil, registry.Options{}), Auth: auth.NewAuthenticator(store, nil),
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	for _, row := range []struct {
		what, fields string
		bound        float64
	}{{"statements of the page", modelFields, 3}, {"statements with 100 lists", nestedFields, 6}} {
		count := 0
		for range 2 { // the second time, the token is known
			count = 0
			store.Watch(func(string) { count++ })
			r := httptest.NewRequestWithContext(b.ctx, http.MethodGet, modelsBy(row.fields), nil)
			r.Header.Set("Private-Token", token)
			w := httptest.NewRecorder()
			door.Handler.ServeHTTP(w, r)
			store.Watch(nil)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"hasNextPage":true`) {
				return fmt.Errorf("graphql: %d %.300s", w.Code, w.Body)
			}
		}
		b.table.most(row.what, "", float64(count), row.bound, "")
	}
	return nil
}
