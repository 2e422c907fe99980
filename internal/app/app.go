// Package app puts the parts together: it opens the stores, builds the
// registry, starts the jobs, serves the doors, and drains.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/vitrine-ml/vitrine/internal/api/mlflow"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/blob/fsblob"
	"github.com/vitrine-ml/vitrine/internal/config"
	"github.com/vitrine-ml/vitrine/internal/gc"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/jobs"
	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/safety"
	"github.com/vitrine-ml/vitrine/internal/sqlstore"
)

// Build says which Vitrine this is.
type Build struct{ Version, Revision string }

// App is a data directory with everything that works on it.
type App struct {
	Config   config.Config
	Registry *registry.Registry
	Log      *slog.Logger

	build Build
	store *sqlstore.Store
	blobs *blob.Store
	authn *auth.Authenticator
	// scanner looks into files while the server serves.
	scanner *safety.Scanner
	// started is when the data was opened.
	started time.Time
}

// Open opens the stores that the configuration names. The caller closes.
func Open(ctx context.Context, c config.Config, b Build, log *slog.Logger) (*App, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	driver, err := openBlobs(c.Blobs)
	if err != nil {
		return nil, err
	}
	store, err := sqlstore.Open(ctx, c.DB)
	if err != nil {
		return nil, err
	}
	blobs := blob.New(driver, blob.Options{Rows: store})
	a := &App{Config: c, Log: log, build: b, store: store, blobs: blobs, authn: auth.NewAuthenticator(store, nil), scanner: safety.NewScanner(log), started: time.Now()}
	a.Registry = registry.New(store, blobs, registry.Options{MaxFileSize: c.MaxFileSize, ProjectLimit: c.ProjectLimit, UploadExpiry: c.UploadExpiry,
		TraceFiles: mlflow.TraceFiles()})
	a.authn.Refused = func(ctx context.Context, id string) {
		a.Registry.Refused(registry.Refusal{Act: registry.TokenRefused, Meant: id, Address: httpx.AddressFrom(ctx)})
	}
	return a, nil
}

// openBlobs opens the blob store of a URL: "file:folder".
func openBlobs(url string) (blob.Driver, error) {
	scheme, path, _ := strings.Cut(url, ":")
	if scheme != "file" || path == "" {
		return nil, fmt.Errorf("blob store %q: use file:folder", url)
	}
	return fsblob.Open(strings.TrimPrefix(path, "//"))
}

// Settle waits until what was committed here counts in a server that runs on
// the same data.
func (a *App) Settle() { a.store.Settle() }

// Close closes the stores.
func (a *App) Close() error { return a.store.Close() }

// System is the session of Vitrine itself.
func (a *App) System() registry.Session { return a.Registry.As(auth.System()) }

// rootTokenFile is where the first token is kept for its owner.
const rootTokenFile = "root-token"

// FirstStart makes root and the first project on empty data. It gives the
// secrets to show, once; done is false when there was data already.
func (a *App) FirstStart(ctx context.Context) (s registry.Setup, done bool, err error) {
	s, done, err = a.System().SetUp(ctx, registry.Setup{Password: a.Config.RootPassword, Token: a.Config.RootToken})
	if err != nil || !done {
		return s, done, err
	}
	path := filepath.Join(a.Config.Data, rootTokenFile)
	if err := os.WriteFile(path, []byte(s.Token+"\n"), 0o600); err != nil {
		return s, done, fmt.Errorf("keep the root token: %w", err)
	}
	return s, done, nil
}

// drainTime is how long requests may finish after a signal to stop; past it
// they are cut off.
const drainTime = 25 * time.Second

// gcPercent is how much garbage may come up beside what lives, unless GOGC says
// so. What lives in a server is a few MB, of which Go's 100 would make a collection
// every few dozen requests: a twentieth of the time of small writes, an eighth of
// that of searches. It costs some 15 MB when there is much to do.
const gcPercent = 300

// Serve serves on l until ctx ends, then drains and returns nil.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	handler, err := a.handler(ctx.Done())
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 20 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(a.Log.Handler(), slog.LevelDebug),
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { a.jobs().Run(work) })
	background.Go(func() { a.flushUses(work) })
	background.Go(func() { a.scanner.Run(work) })
	defer background.Wait()
	defer stop()

	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	// What starting took, above all the hash of the first password, is not
	// needed again: an idle server is a small one.
	debug.FreeOSMemory()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	a.Log.Info("stopping: waiting for requests to finish", "at_most", drainTime)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := srv.Shutdown(drain); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("drain: %w", err)
	}
	return ignoreClosed(srv.Close())
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// jobs lists the background work.
func (a *App) jobs() *jobs.Runner {
	queue := a.store.Queue()
	return &jobs.Runner{
		Store: queue,
		Log:   a.Log,
		Handlers: map[jobs.Kind]jobs.Handler{
			gc.SweepKind:        gc.Sweep(a.Registry, queue, registry.CollectOptions{Grace: a.Config.GCGrace, Retention: a.Config.TrashRetention}, a.Log),
			registry.PurgeKind:  gc.Purge(a.Registry),
			registry.ForgetKind: gc.Forget(a.Registry, a.Config.EventRetention),
		},
		Periodic: []jobs.Periodic{{Job: jobs.Job{Kind: gc.SweepKind}, Every: gc.Every}, {Job: jobs.Job{Kind: registry.ForgetKind}, Every: gc.ForgetEvery}},
	}
}

// flushEvery is how often the "last used" times of tokens and packages are
// written.
const flushEvery = 5 * time.Second

func (a *App) flushUses(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			a.flush(context.WithoutCancel(ctx))
			return
		case <-tick.C:
			a.flush(ctx)
		}
	}
}

func (a *App) flush(ctx context.Context) {
	if err := a.authn.Flush(ctx); err != nil && ctx.Err() == nil {
		a.Log.Warn("the last use of tokens could not be written", "err", err)
	}
	if err := a.Registry.FlushRefusals(ctx); err != nil && ctx.Err() == nil {
		a.Log.Warn("the last refusals could not be written", "err", err)
	}
	if err := a.Registry.FlushDownloads(ctx); err != nil && ctx.Err() == nil {
		a.Log.Warn("the last downloads could not be written", "err", err)
	}
}

// NewLog makes the log that a configuration asks for.
func NewLog(c config.Config, w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return nil, fmt.Errorf("setting log-level: %w", err)
	}
	o := &slog.HandlerOptions{Level: level}
	switch c.LogFormat {
	case "text":
		return slog.New(slog.NewTextHandler(w, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	}
	return nil, fmt.Errorf("setting log-format: %q is neither text nor json", c.LogFormat)
}
