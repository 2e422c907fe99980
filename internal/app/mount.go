package app

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/vitrine-ml/vitrine/internal/api/gitlab"
	"github.com/vitrine-ml/vitrine/internal/api/graphql"
	"github.com/vitrine-ml/vitrine/internal/api/hub"
	"github.com/vitrine-ml/vitrine/internal/api/mlflow"
	"github.com/vitrine-ml/vitrine/internal/api/oci"
	"github.com/vitrine-ml/vitrine/internal/apidoc"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/markdown"
	"github.com/vitrine-ml/vitrine/internal/web"
)

// handler is the whole server: the doors in the order in which they are asked,
// behind what they share. Answers without an end end when draining is closed.
func (a *App) handler(draining <-chan struct{}) (http.Handler, error) {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	prose := markdown.New()
	pages, err := web.New(web.Options{Registry: a.Registry, Auth: a.authn, Log: a.Log, Prose: prose, URL: a.Config.URL, Version: a.build.Version, Draining: draining,
		Workspace: mlflow.Workspace, Reference: oci.Reference, Safety: a.scanner,
		Health: a.health})
	if err != nil {
		return nil, err
	}
	mounts := []httpx.Mount{
		mlflow.New(mlflow.Options{Registry: a.Registry, Auth: a.authn, Log: a.Log, URL: a.Config.URL}), // before gitlab: it is below one of its addresses
		hub.New(hub.Options{Registry: a.Registry, Auth: a.authn, Log: a.Log, URL: a.Config.URL}),       // the same
		gitlab.New(gitlab.Options{Registry: a.Registry, Auth: a.authn, Log: a.Log, URL: a.Config.URL, Safety: a.scanner,
			Version: a.build.Version, Revision: a.build.Revision}),
		graphql.New(graphql.Options{Registry: a.Registry, Auth: a.authn, Log: a.Log, Prose: prose, URL: a.Config.URL,
			Version: a.build.Version, Revision: a.build.Revision}),
		oci.New(oci.Options{Registry: a.Registry, Auth: a.authn, Log: a.Log, URL: a.Config.URL}),
		apidoc.New(),
		a.operations(metrics),
		pages, // takes what is left
	}
	return httpx.Chain(
		httpx.RequestID(),
		httpx.AccessLog(a.Log, isProbe),
		httpx.Metrics(metrics),
		httpx.Recover(a.Log, nil),
	)(httpx.Dispatch(mounts, nil)), nil
}

func isProbe(r *http.Request) bool {
	switch r.URL.Path {
	case "/health", "/-/health", "/-/readiness", "/-/metrics":
		return true
	}
	return false
}

// readyTime bounds the questions of the readiness probe.
const readyTime = 3 * time.Second

// operations is the door of those who run the server.
func (a *App) operations(metrics *prometheus.Registry) httpx.Mount {
	mux := http.NewServeMux()
	ok := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("OK")) }
	mux.HandleFunc("GET /health", ok)
	mux.HandleFunc("GET /-/health", ok)
	mux.Handle("GET /-/metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /-/readiness", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTime)
		defer cancel()
		if err := a.ready(ctx); err != nil {
			httpx.LogError(a.Log, r, err, http.StatusServiceUnavailable)
			http.Error(w, errUnready.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("OK"))
	})
	return httpx.Mount{Name: "operations", Match: isProbe, Handler: mux}
}
