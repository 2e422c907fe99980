package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// world is apitest's with this dialect as its door.
type world struct {
	all     *apitest.World
	handler http.Handler
	reg     *registry.Registry
	tokens  map[string]string
	ids     map[string]int64
}

// worldOptions change a world.
type worldOptions struct {
	MaxFileSize int64
	Wrap        func(blob.Driver) blob.Driver
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, made := range []*apitest.Template{apitest.Standard, crowd, showroom} {
		made.Remove()
	}
	if everySeen().report() && code == 0 {
		fmt.Println("FAIL: answers that the OpenAPI document does not tell")
		code = 1
	}
	os.Exit(code)
}

func newWorld(t *testing.T, o worldOptions) *world {
	t.Helper()
	return worldOf(t, apitest.Standard, o)
}

// worldOf puts this dialect before a copy of a template; the witness looks on.
func worldOf(t *testing.T, tp *apitest.Template, o worldOptions) *world {
	t.Helper()
	w := tp.New(t, apitest.Options{MaxFileSize: o.MaxFileSize, Wrap: o.Wrap, Door: func(w *apitest.World) httpx.Mount {
		m := New(Options{Registry: w.Registry, Auth: w.Auth, Log: w.Log, Safety: apitest.Scanner(t, w.Log), Version: "0.0.0", Revision: "test"})
		m.Handler = everySeen().watch(m.Handler)
		return m
	}})
	return &world{all: w, handler: w.Handler, reg: w.Registry, tokens: w.Tokens, ids: w.IDs}
}

func ok(t *testing.T, err error) {
	t.Helper()
	apitest.OK(t, err)
}

// roles are the members of each project; least and writes what permissions
// need.
var roles, least, writes = apitest.Roles, apitest.Least, apitest.Writes

// token makes a token of user and keeps it under name.
func (w *world) token(ctx context.Context, name, user string, scopes ...string) (int64, error) {
	return w.all.Token(ctx, name, user, scopes...)
}

// vars are the variables of scripts.
func (w *world) vars() map[string]string { return w.all.Vars() }

// do sends one request as somebody ("" is anonymous).
func (w *world) do(t *testing.T, method, target, who, body string) *httptest.ResponseRecorder {
	t.Helper()
	return w.all.Do(t, method, target, who, body)
}
