package gitlab

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/vitrine-ml/vitrine/internal/httpx"
)

// witness holds every answer that any test of this package gets against the
// OpenAPI document: the status has to be documented, and the body has to have
// its schema. The recorded conversations provoke nearly all errors there are;
// so an operation that can fail in a way that the document does not tell is
// found here.
type witness struct {
	doc    *openapi3.T
	find   dialect          // its routers name the route of a request
	routes map[string]route // by "METHOD pattern"
	err    error            // of making all this

	mu       sync.Mutex
	problems map[string]bool
	judged   map[string]bool // answers that need not be looked at again
}

// everySeen is the one witness of a run of the tests.
var everySeen = sync.OnceValue(func() *witness {
	unknown := func(http.ResponseWriter, *http.Request) {}
	o := &witness{routes: map[string]route{}, problems: map[string]bool{}, judged: map[string]bool{},
		find: dialect{mux: httpx.NewRouter(unknown), files: httpx.NewRouter(unknown)}}
	table := (&dialect{}).table()
	for _, rt := range table {
		o.routes[rt.key()] = rt
		o.find.muxOf(rt.pattern).Handle(rt.method, Prefix+rt.pattern, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Route", rt.key())
		}))
	}
	o.find.mux.Seal()
	o.find.files.Seal()
	made, err := describe(table, "0.0.0")
	if err == nil {
		made.Servers = []object{{"url": "http://example.com"}}
		var raw []byte
		if raw, err = json.Marshal(made); err == nil {
			o.doc, err = openapi3.NewLoader().LoadFromData(raw)
		}
	}
	o.err = err
	return o
})

// watch wraps the server of a test.
func (o *witness) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &copied{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(c, r)
		if problem := o.judge(r, c); problem != "" {
			o.mu.Lock()
			o.problems[problem] = true
			o.mu.Unlock()
		}
	})
}

// fresh reports, once, that an answer was not judged before, but for times and
// secrets. The same refusals come thousands of times, and the schema is compiled
// anew for each.
func (o *witness) fresh(name string, status int, body []byte) bool {
	if status < http.StatusBadRequest {
		body = settled(body)
	}
	sum := sha256.Sum256(body)
	key := fmt.Sprintf("%s %d %x", name, status, sum[:8])
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.judged[key] {
		return false
	}
	o.judged[key] = true
	return true
}

// judge says what is wrong with an answer, if anything.
func (o *witness) judge(r *http.Request, c *copied) string {
	op, name := o.operation(r)
	if op == nil || o.err != nil {
		return ""
	}
	if asked := r.Header.Get("Sudo") != "" || r.URL.Query().Has(sudoParam); asked && c.status >= http.StatusBadRequest {
		return "" // the document tells of sudo once, for all operations
	}
	answer := op.Responses.Status(c.status)
	if answer == nil {
		return fmt.Sprintf("%s: %d is not documented: %s", name, c.status, c.text())
	}
	kind, _, _ := strings.Cut(c.Header().Get("Content-Type"), ";")
	if r.Method == http.MethodHead || c.body.Len() == 0 || strings.HasPrefix(kind, "multipart/") {
		return "" // several ranges come in an envelope
	}
	media := answer.Value.Content.Get(kind)
	if media == nil {
		return fmt.Sprintf("%s: %d has the media type %q, which is not documented", name, c.status, kind)
	}
	if kind != "application/json" {
		return ""
	}
	if !o.fresh(name, c.status, c.body.Bytes()) {
		return ""
	}
	var v any
	if err := json.Unmarshal(c.body.Bytes(), &v); err != nil {
		return "" // cut short by the test
	}
	if err := media.Schema.Value.VisitJSON(v, openapi3.EnableJSONSchema2020()); err != nil {
		return fmt.Sprintf("%s: %d %s: %v", name, c.status, c.text(), err)
	}
	return ""
}

// operation finds what the document says about a request, or nil where it has
// nothing to say: addresses without a route, and HEAD of what is no file.
func (o *witness) operation(r *http.Request) (*openapi3.Operation, string) {
	raw := r.URL.EscapedPath()
	if o.err != nil || !strings.HasPrefix(raw, Prefix+"/") || !httpx.IsClean(r) {
		return nil, ""
	}
	found := httptest.NewRecorder()
	o.find.muxOf(raw[len(Prefix):]).ServeHTTP(found, r.Clone(r.Context()))
	rt, known := o.routes[found.Header().Get("Route")]
	if !known {
		return nil, ""
	}
	at := documentPath(rt.pattern)
	if _, rest, _ := below(raw[len(Prefix):]); rt.bytes && rt.method == http.MethodPut && preflight.MatchString(rest) {
		at += authorizeSuffix
	}
	item := o.doc.Paths.Value(at)
	if op := item.GetOperation(r.Method); op != nil || r.Method != http.MethodHead {
		return op, r.Method + " " + rt.pattern
	}
	return item.Get, r.Method + " " + rt.pattern
}

// copied keeps what goes through it.
type copied struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (c *copied) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *copied) WriteHeader(status int) {
	if status >= http.StatusOK {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

// maxCopied bounds what is kept of one answer, in bytes.
const maxCopied = 1 << 20

func (c *copied) Write(p []byte) (int, error) {
	if c.body.Len()+len(p) <= maxCopied {
		c.body.Write(p)
	}
	return c.ResponseWriter.Write(p)
}

func (c *copied) text() string { return string(c.body.Bytes()[:min(c.body.Len(), 300)]) }

// report prints what was found, for TestMain.
func (o *witness) report() (bad bool) {
	if o.err != nil {
		fmt.Println("openapi:", o.err)
	}
	for p := range o.problems {
		fmt.Println("openapi:", p)
	}
	return o.err != nil || len(o.problems) > 0
}
