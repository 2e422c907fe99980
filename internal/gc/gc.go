// Package gc is the job that removes the bytes that no file names, the
// left-overs of killed servers, and the rows of deleted projects. What is safe
// to remove, and when, is decided in the registry.
package gc

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/jobs"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// SweepKind is the garbage collection, which comes by itself and when it is asked
// for.
const SweepKind = registry.SweepKind

// Every is how often the server collects.
const Every = time.Hour

// keepJobs is how long ended jobs stay to be looked at.
const keepJobs = 7 * 24 * time.Hour

// Sweep gives the handler of SweepKind.
func Sweep(r *registry.Registry, q jobs.Store, o registry.CollectOptions, log *slog.Logger) jobs.Handler {
	return func(ctx context.Context, j jobs.Job) error {
		if j.Args == registry.SweepDry {
			return dry(ctx, r, o)
		}
		// A project that was deleted while a purge ended has no job of its own.
		if err := r.As(auth.System()).PurgeProjects(ctx); err != nil {
			return err
		}
		c, err := r.As(auth.System()).Collect(ctx, o)
		if err != nil {
			return err
		}
		if c != (registry.Collected{}) {
			log.Info("garbage collected", "blobs", c.Blobs, "bytes", c.Bytes, "uploads", c.Uploads, "trash", c.Trash)
		}
		jobs.Report(ctx, "removed "+told(c))
		return q.Purge(ctx, time.Now().Add(-keepJobs))
	}
}

// dry only tells what would be removed.
func dry(ctx context.Context, r *registry.Registry, o registry.CollectOptions) error {
	o.DryRun = true
	c, err := r.As(auth.System()).Collect(ctx, o)
	if err == nil {
		jobs.Report(ctx, "would remove "+told(c))
	}
	return err
}

// told says what was collected.
func told(c registry.Collected) string {
	return fmt.Sprintf("%d contents of %d bytes, %d left-over uploads, %d deleted runs and experiments", c.Blobs, c.Bytes, c.Uploads, c.Trash)
}

// ForgetEvery is how often old events are removed.
const ForgetEvery = 24 * time.Hour

// Forget gives the handler of registry.ForgetKind: events stay so long, 0 for
// ever.
func Forget(r *registry.Registry, keep time.Duration) jobs.Handler {
	return func(ctx context.Context, _ jobs.Job) error {
		n, err := r.As(auth.System()).ForgetEvents(ctx, keep)
		if err == nil {
			jobs.Report(ctx, fmt.Sprintf("removed %d old events", n))
		}
		return err
	}
}

// Purge gives the handler of registry.PurgeKind.
func Purge(r *registry.Registry) jobs.Handler {
	return func(ctx context.Context, _ jobs.Job) error {
		return r.As(auth.System()).PurgeProjects(ctx)
	}
}
