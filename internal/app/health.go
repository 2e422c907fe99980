package app

import (
	"context"
	"errors"

	"github.com/vitrine-ml/vitrine/internal/web"
)

// health is how the server is, for its administrators.
func (a *App) health(ctx context.Context) web.Health {
	h := web.Health{Revision: a.build.Revision, Started: a.started}
	h.Free, h.Whole = diskOf(a.Config.Data)
	if err := a.ready(ctx); err != nil {
		h.Trouble = err
		return h
	}
	// A size that is not known is left out.
	h.Database, _ = a.store.Size(ctx)
	return h
}

// errUnready is what those outside are told.
var errUnready = errors.New("the database does not answer")

// ready reports whether the server can answer.
func (a *App) ready(ctx context.Context) error {
	if err := a.store.Ping(ctx); err != nil {
		return errors.Join(errUnready, err)
	}
	return nil
}
