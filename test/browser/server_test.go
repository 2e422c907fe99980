package browser

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"path/filepath"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/app"
	"github.com/vitrine-ml/vitrine/internal/config"
)

const rootToken = "vtpat-BrowserTestsBrowserTestsBrowserT"

// serve runs a server on fresh data until the test ends, and gives its address.
func serve(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	a, err := app.Open(t.Context(), config.Config{Data: data, DB: "sqlite:" + filepath.Join(data, "vitrine.db"),
		Blobs: "file:" + filepath.Join(data, "blobs"), RootPassword: "correct horse battery staple", RootToken: rootToken},
		app.Build{Version: "0.0.0", Revision: "test"}, slog.New(slog.DiscardHandler))
	ok(t, err)
	_, done, err := a.FirstStart(t.Context())
	ok(t, err)
	if !done {
		t.Fatal("the data is not fresh")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		ok(t, <-served)
		ok(t, a.Close())
	})
	return "http://" + l.Addr().String()
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// quote writes a text as JavaScript has it.
func quote(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can always be written
	}
	return string(raw)
}
