package httpx

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"syscall"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// LogError writes one line about a request that failed with err and was
// answered with status. Failures of ours (500 and above) come at Error;
// refusals at Debug, or at Info when they have a cause that the caller was not
// told. A client that hung up is nobody's fault: Debug.
func LogError(log *slog.Logger, r *http.Request, err error, status int) {
	level := slog.LevelDebug
	switch e, ok := fault.As(err); {
	case clientGone(err):
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case ok && e.Err != nil:
		level = slog.LevelInfo
	}
	if !log.Enabled(r.Context(), level) {
		return
	}
	log.LogAttrs(r.Context(), level, "request failed",
		slog.String("error", err.Error()),
		slog.Int("status", status),
		slog.String("method", r.Method),
		slog.String("path", r.URL.EscapedPath()),
		slog.String("request_id", RequestIDFrom(r.Context())))
}

func clientGone(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}
