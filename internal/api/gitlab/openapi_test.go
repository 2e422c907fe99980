package gitlab

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestOpenAPITables finds rows that no route uses, and two types that would
// have one name.
func TestOpenAPITables(t *testing.T) {
	known, params, tags := map[string]bool{}, map[string]bool{}, map[string]bool{}
	names := map[string]reflect.Type{}
	for _, rt := range (&dialect{}).table() {
		known[rt.method+" "+rt.pattern], tags[rt.tag] = true, true
		for _, in := range inputs(rt.in) {
			for _, owner := range []string{rt.in.Name(), "sorting", "paging"} {
				params[owner+"."+in.name] = true
			}
			if in.nested() {
				for _, inner := range inputs(in.typ.Elem()) {
					params[in.typ.Elem().Name()+"."+inner.name] = true
				}
				uniqueName(t, names, entryName(in.typ.Elem()), in.typ.Elem())
			}
		}
		if rt.in.NumField() > 0 && rt.method != http.MethodGet {
			uniqueName(t, names, schemaName(rt.in), rt.in)
		}
		walkAnswer(t, names, rt.out)
	}
	for _, k := range kinds {
		if names[k.name] != nil {
			t.Errorf("%s is the name of a kind too", k.name)
		}
	}
	unused := func(table string, keys []string, used map[string]bool) {
		for _, k := range keys {
			if !used[k] {
				t.Errorf("%s: %q names nothing", table, k)
			}
		}
	}
	unused("routeNotes", slices.Collect(maps.Keys(routeNotes)), known)
	unused("allowed", slices.Collect(maps.Keys(allowed)), params)
	unused("limits", slices.Collect(maps.Keys(limits)), params)
	unused("tags", slices.Collect(maps.Keys(tagWords)), tags)
	unused("tagWords", slices.Collect(maps.Keys(tags)), mapKeys(tagWords))
}

func mapKeys(m map[string]string) map[string]bool {
	out := map[string]bool{}
	for k, v := range m {
		out[k] = v != ""
	}
	return out
}

func walkAnswer(t *testing.T, names map[string]reflect.Type, typ reflect.Type) {
	t.Helper()
	for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || plain[typ] != nil || typ == reflect.TypeFor[none]() {
		return
	}
	uniqueName(t, names, schemaName(typ), typ)
	for i := range typ.NumField() {
		walkAnswer(t, names, typ.Field(i).Type)
	}
}

func uniqueName(t *testing.T, names map[string]reflect.Type, name string, typ reflect.Type) {
	t.Helper()
	if other := names[name]; other != nil && other != typ {
		t.Errorf("%s and %s are both named %s", other, typ, name)
	}
	names[name] = typ
}

// TestOpenAPIOrders tries every documented order of every list.
func TestOpenAPIOrders(t *testing.T) {
	w := newCrowd(t)
	tried := 0
	for _, rt := range (&dialect{}).table() {
		if rt.method != http.MethodGet {
			continue
		}
		for _, in := range inputs(rt.in) {
			if in.name == "order_by" && in.values == nil {
				t.Errorf("%s: the orders are not documented", rt.pattern)
			}
			for _, v := range in.values {
				query := fmt.Sprintf("?%s=%v&metric=m&param=p", in.name, v)
				if rt.tag == "Search" {
					query += "&search=x"
				}
				if in.name != "scope" {
					query += "&scope=users"
				}
				if rec := w.do(t, "GET", w.address(rt)+query+"&name=n", "root", ""); rec.Code != 200 {
					t.Errorf("%s%s: %d %s", rt.pattern, query, rec.Code, rec.Body)
				}
				tried++
			}
			if rec := w.do(t, "GET", w.address(rt)+"?order_by=nonsense&name=n", "root", ""); in.name == "order_by" && rec.Code != 400 {
				t.Errorf("%s: any order is taken: %d", rt.pattern, rec.Code)
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d values were tried", tried)
	}
}

// TestOpenAPIRoles holds the documented roles against those that
// TestEveryRoute proves.
func TestOpenAPIRoles(t *testing.T) {
	if len(permissions) != len(least) {
		t.Errorf("%d permissions are described, there are %d", len(permissions), len(least))
	}
	for p, role := range least {
		if d := permissions[p]; d.role != role || (d.open == toMembers) != writes[p] {
			t.Errorf("permission %d is described as %+v, but needs role %d", p, d, role)
		}
	}
}

// TestOpenAPIScopes calls every route with a token of each scope, and without
// any: what the document says about credentials is what happens.
func TestOpenAPIScopes(t *testing.T) {
	w := newCrowd(t)
	for _, scope := range auth.AllScopes.Names() {
		_, err := w.token(t.Context(), scope, "boss", scope)
		ok(t, err)
	}
	public := registry.Public
	_, err := w.reg.As(auth.System()).EditGroup(t.Context(), registry.NamespaceRef{ID: w.ids["group"]}, registry.GroupEdit{Visibility: &public})
	ok(t, err)
	for _, rt := range (&dialect{}).table() {
		n, address := needOf(rt), w.address(rt)
		for _, scope := range auth.AllScopes.Names() {
			// A write that is let through may delete what the next call wants; the
			// refusals name the scopes too.
			if slices.Contains(n.Scopes, scope) && rt.method != http.MethodGet {
				continue
			}
			rec := w.do(t, rt.method, address+"?"+required(rt.in), scope, filled(t, rt))
			refused := rec.Code == 403 && strings.Contains(rec.Body.String(), "insufficient_scope")
			if want := n.Scopes != nil && !slices.Contains(n.Scopes, scope); refused != want {
				t.Errorf("%s %s with %s: %d %s", rt.method, rt.pattern, scope, rec.Code, rec.Body)
			}
			list := `"scope":"` + strings.Join(n.Scopes, " ") + `"`
			if refused && rt.method != http.MethodGet && !strings.Contains(rec.Body.String(), list) {
				t.Errorf("%s %s: document has %s, server %s", rt.method, rt.pattern, list, rec.Body)
			}
		}
	}
}

// TestOpenAPIAnonymous calls every route of public places without a
// credential.
func TestOpenAPIAnonymous(t *testing.T) {
	w := newCrowd(t)
	w.ids["private"] = w.ids["public"]
	public := registry.Public
	_, err := w.reg.As(auth.System()).EditGroup(t.Context(), registry.NamespaceRef{ID: w.ids["group"]}, registry.GroupEdit{Visibility: &public})
	ok(t, err)
	for _, rt := range (&dialect{}).table() {
		rec := w.do(t, rt.method, w.address(rt)+"?"+required(rt.in), "", filled(t, rt))
		if open := rec.Code != 401; open != needOf(rt).Anonymous {
			t.Errorf("%s %s: %d %s", rt.method, rt.pattern, rec.Code, rec.Body)
		}
	}
}

// required is a query with what a list insists on.
func required(in reflect.Type) string {
	var out []string
	for _, p := range inputs(in) {
		if p.required {
			out = append(out, fmt.Sprintf("%s=%v", p.name, append(p.values, 1)[0]))
		}
	}
	return strings.Join(out, "&")
}

// filled is a body with a value for every parameter.
func filled(t *testing.T, rt route) string {
	t.Helper()
	if rt.method == http.MethodGet || rt.bytes {
		return ""
	}
	raw, err := json.Marshal(sample(rt.in))
	ok(t, err)
	return string(raw)
}

func sample(t reflect.Type) any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "2099-01-01"
	case t.Kind() == reflect.Slice:
		return []any{sample(t.Elem())}
	case t.Kind() == reflect.Struct:
		out := object{}
		for _, in := range inputs(t) {
			out[in.name] = sample(in.typ)
		}
		return out
	case t.Kind() == reflect.Bool:
		return false
	}
	return "10" // a text, a number and a role
}
