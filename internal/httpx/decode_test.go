package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

type pair struct {
	Name  string  `param:"name,required"`
	Value *string `param:"value"`
}

type paging struct {
	Page *int64 `param:"page"`
}

type everything struct {
	paging
	Name    string          `param:"name"`
	Desc    *string         `param:"description"`
	Count   int64           `param:"count"`
	Limit   *int64          `param:"limit"`
	Score   float64         `param:"score"`
	Ratio   *float64        `param:"ratio"`
	Admin   bool            `param:"admin"`
	Active  *bool           `param:"active"`
	Scopes  []string        `param:"scopes"`
	IDs     *[]int64        `param:"ids"`
	Params  []pair          `param:"params"`
	Owner   *pair           `param:"owner"`
	Since   time.Time       `param:"since"`
	Expires *time.Time      `param:"expires_at"`
	Roles   []string        `param:"roles,commas"`
	Users   []int64         `param:"users,commas"`
	Raw     json.RawMessage `param:"raw"`
	Skipped string
}

func request(method, target, contentType, body string) *http.Request {
	var r *http.Request
	if body == "" {
		r = httptest.NewRequest(method, target, nil)
	} else {
		r = httptest.NewRequest(method, target, strings.NewReader(body))
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

const formType = "application/x-www-form-urlencoded"

func multipartBody(t *testing.T, fields ...string) (contentType, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.String()
}

func TestDecodeParams(t *testing.T) {
	day := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	at := time.Date(2026, 11, 24, 3, 8, 26, 0, time.UTC)
	multiType, multiBody := multipartBody(t, "name", "x", "scopes[]", "a", "scopes[]", "b")
	for _, c := range []struct {
		name, query, kind, body string
		want                    everything
	}{
		{"nothing", "", "", "", everything{}},
		{"query", "name=a&count=5&score=1.5&admin=true&page=2&x=1", "", "",
			everything{Name: "a", Count: 5, Score: 1.5, Admin: true, paging: paging{new(int64(2))}}},
		{"query lists", "scopes[]=a&scopes%5B%5D=b&ids[]=1&ids[]=2", "", "",
			everything{Scopes: []string{"a", "b"}, IDs: &[]int64{1, 2}}},
		{"query lists without brackets", "scopes=a&scopes=b", "", "", everything{Scopes: []string{"a", "b"}}},
		{"one", "scopes=a,b", "", "", everything{Scopes: []string{"a,b"}}},
		{"empty list", "scopes[]=", "", "", everything{Scopes: []string{}}},
		{"empty texts", "name=&limit=&active=&expires_at=&description=", "", "", everything{Desc: new("")}},
		{"form", "", formType, "name=a+b&limit=7&expires_at=2027-01-31&raw=x",
			everything{Name: "a b", Limit: new(int64(7)), Expires: &day, Raw: json.RawMessage(`"x"`)}},
		{"multipart", "", multiType, multiBody, everything{Name: "x", Scopes: []string{"a", "b"}}},
		{"json", "", "application/json; charset=utf-8", `{"name":"é","description":"d","count":-5,"limit":9,"score":2,"ratio":0.5,` +
			`"admin":true,"active":false,"scopes":["a","b"],"ids":[],"since":"2026-11-24T03:08:26Z","raw":{"a": [1]},"unknown":{}}`,
			everything{Name: "é", Desc: new("d"), Count: -5, Limit: new(int64(9)), Score: 2, Ratio: new(0.5), Admin: true,
				Active: new(false), Scopes: []string{"a", "b"}, IDs: &[]int64{}, Since: at, Raw: json.RawMessage(`{"a": [1]}`)}},
		{"nested", "", "application/json", `{"params":[{"name":"a","value":"1"},{"name":"b","value":2}],"owner":{"name":"c"}}`,
			everything{Params: []pair{{"a", new("1")}, {"b", new("2")}}, Owner: &pair{Name: "c"}}},
		{"coerced", "", "application/json", `{"name":5,"count":"7","score":"1e3","admin":"yes","active":0,"ids":["1",2]}`,
			everything{Name: "5", Count: 7, Score: 1000, Admin: true, Active: new(false), IDs: &[]int64{1, 2}}},
		{"whole numbers", "", "application/json", `{"count":7.0,"limit":1e3}`, everything{Count: 7, Limit: new(int64(1000))}},
		{"null", "", "application/json", `{"name":null,"limit":null,"scopes":null,"params":null,"raw":null}`,
			everything{Raw: json.RawMessage("null")}},
		{"body wins", "name=q&count=1", "application/json", `{"name":"b"}`, everything{Name: "b", Count: 1}},
		{"no type is JSON", "", "", `{"name":"b"}`, everything{Name: "b"}},
		{"white space", "", "application/json", " \n", everything{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got everything
			if err := DecodeParams(request("POST", "/?"+c.query, c.kind, c.body), &got, 1<<20); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(everything{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestDecodeParamsProblems(t *testing.T) {
	const js = "application/json"
	for _, c := range []struct{ name, query, kind, body, want string }{
		{"not a number", "count=x", "", "", "count is invalid"},
		{"too large a number", "count=99999999999999999999", "", "", "count is invalid"},
		{"fraction", "", js, `{"count":1.5}`, "count is invalid"},
		{"too large with a fraction", "", js, `{"count":1e300}`, "count is invalid"},
		{"whole number as text", "count=7.0", "", "", "count is invalid"},
		{"not finite", "score=NaN&ratio=Inf", "", "", "score is invalid, ratio is invalid"},
		{"hex float", "score=0x1p4", "", "", "score is invalid"},
		{"out of range", "", js, `{"score":1e999}`, "score is invalid"},
		{"not a bool", "admin=maybe", "", "", "admin is invalid"},
		{"bool for text", "", js, `{"name":true}`, "name is invalid"},
		{"object for text", "", js, `{"name":{}}`, "name is invalid"},
		{"text for list", "", js, `{"scopes":"a"}`, "scopes is invalid"},
		{"bad item", "", js, `{"scopes":["a",null]}`, "scopes is invalid"},
		{"bad date", "expires_at=31.1.2027", "", "", "expires_at is invalid"},
		{"number for date", "", js, `{"expires_at":2027}`, "expires_at is invalid"},
		{"twice", "name=a&name=b", "", "", "name is invalid"},
		{"list for text", "name[]=a", "", "", "name is invalid"},
		{"UTF-8 in query", "name=%ff", "", "", "name is invalid"},
		{"NUL", "name=a%00b", "", "", "name is invalid"},
		{"NUL in JSON", "", js, `{"name":"a\u0000"}`, "name is invalid"},
		{"struct in form", "params[]=a", "", "", "params is invalid"},
		{"several inside", "", js, `{"params":[{"value":1},{"name":[]},5]}`,
			"params[0][name] is missing, params[1][name] is invalid, params[2] is invalid"},
		{"member twice inside", "", js, `{"owner":{"name":"a","name":"b"}}`, "owner is invalid"},
		{"bad escape", "name=%zz", "", "", "query is invalid"},
		{"bad form", "", formType, "name=%zz", "body is not a valid form"},
		{"syntax", "", js, `{"name":}`, "body is not valid JSON"},
		{"comma", "", js, `{"name":"a",}`, "body is not valid JSON"},
		{"no comma", "", js, `{"name":"a" "count":1}`, "body is not valid JSON"},
		{"no name", "", js, `{5:1}`, "body is not valid JSON"},
		{"wrong end", "", js, `{]`, "body is not valid JSON"},
		{"cut short", "", js, `{"name":"a"`, "body is not valid JSON"},
		{"array", "", js, `[1]`, "body must be a JSON object"},
		{"garbage", "", js, `{"name":"a"} x`, "body has something after the JSON object"},
		{"two documents", "", js, `{}{}`, "body has something after the JSON object"},
		{"member twice", "", js, `{"name":"a","name":"b"}`, `body has the member "name" twice`},
		{"UTF-8 in JSON", "", js, "{\"name\":\"\xff\"}", "body is not valid UTF-8"},
		{"media type", "", "text/csv", "a,b", "body has a Content-Type that is not known here: send application/json or a form"},
		{"bad media type", "", "a b", "x", "body has no valid Content-Type"},
		{"multipart", "", "multipart/form-data; boundary=x", "--y", "body is not a valid multipart form"},
		{"multipart without boundary", "", "multipart/form-data", "--y", "body is not a valid multipart form"},
		{"file", "", "multipart/form-data; boundary=x",
			"--x\r\nContent-Disposition: form-data; name=\"name\"; filename=\"f\"\r\n\r\nhi\r\n--x--\r\n", "name must not be a file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got everything
			err := DecodeParams(request("POST", "/?"+c.query, c.kind, c.body), &got, 1<<20)
			if _, ok := errors.AsType[*ParamError](err); !ok || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("kind is %v", fault.KindOf(err))
			}
		})
	}
}

func TestMissingParamsComeTogether(t *testing.T) {
	var dst struct {
		Email string `param:"email,required"`
		Name  string `param:"name,required"`
		Admin *bool  `param:"admin,required"`
		Age   int64  `param:"age"`
	}
	err := DecodeParams(request("POST", "/", "application/json", `{"name":"","admin":null,"age":"x"}`), &dst, 100)
	p, ok := errors.AsType[*ParamError](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	want := []Problem{{"email", MsgMissing}, {"admin", MsgMissing}, {"age", MsgInvalid}}
	if diff := cmp.Diff(want, p.Problems); diff != "" {
		t.Error(diff)
	}
	if e, ok := fault.As(err); !ok || e.Field != "email" || e.Msg != MsgMissing {
		t.Errorf("as a fault it is %v", e)
	}
}

func TestBodyLimit(t *testing.T) {
	body := `{"name":"` + strings.Repeat("a", 100) + `"}`
	for _, known := range []bool{true, false} {
		r := request("POST", "/", "application/json", body)
		if !known {
			r.ContentLength = -1
		}
		var dst everything
		if err := DecodeParams(r, &dst, int64(len(body))-1); !fault.Is(err, fault.TooLarge) {
			t.Errorf("one byte too long: %v", err)
		}
		r = request("POST", "/", "application/json", body)
		if err := DecodeParams(r, &dst, int64(len(body))); err != nil {
			t.Errorf("just fits: %v", err)
		}
	}
	r := request("POST", "/", "", "0123456789")
	r.Body = http.MaxBytesReader(nil, r.Body, 5)
	if err := DecodeJSON(r, new(any), 100); !fault.Is(err, fault.TooLarge) {
		t.Errorf("MaxBytesReader: %v", err)
	}
}

func TestBodyReadErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		kind fault.Kind
	}{
		{io.ErrUnexpectedEOF, fault.Invalid},
		{syscall.ECONNRESET, fault.Internal}, // LogError knows it
		{&fault.Error{Kind: fault.Busy}, fault.Busy},
	} {
		r := request("POST", "/", "application/json", "x")
		r.Body = io.NopCloser(iotest.ErrReader(c.err))
		err := DecodeParams(r, new(everything), 100)
		if !errors.Is(err, c.err) || fault.KindOf(err) != c.kind {
			t.Errorf("%v became %v", c.err, err)
		}
	}
}

func TestBodyOfGetIsIgnored(t *testing.T) {
	var dst everything
	if err := DecodeParams(request("GET", "/?name=q", "application/json", `{"name":`), &dst, 100); err != nil || dst.Name != "q" {
		t.Errorf("got %q, %v", dst.Name, err)
	}
}

func TestDecodeIntoWrongType(t *testing.T) {
	type bad struct {
		C chan int `param:"c"`
	}
	for _, dst := range []any{nil, 5, everything{}, (*everything)(nil), &bad{}} {
		if err := DecodeParams(request("GET", "/?c=1", "", ""), dst, 100); err == nil || fault.KindOf(err) != fault.Internal {
			t.Errorf("%T: %v", dst, err)
		}
	}
}

func TestDecodeJSON(t *testing.T) {
	type doc struct {
		Name string `json:"name"`
		N    struct {
			Deep int `json:"deep"`
		} `json:"n"`
		At time.Time `json:"at"`
	}
	for body, want := range map[string]string{
		`{"name":"a","other":1}`: "",
		`{"name":5}`:             "(name): is invalid",
		`{"n":{"deep":"x"}}`:     "(n.deep): is invalid",
		`[]`:                     "(body): is invalid",
		`{"name":"a"} x`:         "(body): is not valid JSON, near byte 14",
		`{"name":`:               "(body): is not valid JSON",
		``:                       "(body): is empty",
		"{\"name\":\"\xff\"}":    "(body): is not valid UTF-8",
		`{"at":"x"}`:             "(body): is invalid",
	} {
		var d doc
		err := DecodeJSON(request("POST", "/", "", body), &d, 1000)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", body, err)
		case want != "" && (!fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v, want %s", body, err, want)
		}
	}
}

func FuzzDecodeParams(f *testing.F) {
	f.Add("name=a&scopes[]=b", "application/json", []byte(`{"params":[{"name":"a"}],"raw":[1]}`))
	f.Add("page=%31", formType, []byte(`count=1&ids[]=2`))
	f.Add("", "multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nhi\r\n--x--\r\n"))
	f.Fuzz(func(t *testing.T, query, kind string, body []byte) {
		r := request("POST", "/", "", string(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", kind)
		var dst everything
		err := DecodeParams(r, &dst, 1<<10)
		if err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
			t.Errorf("unexpected error: %v", err)
		}
		if err == nil && len(dst.Raw) > 0 && !json.Valid(dst.Raw) {
			t.Errorf("raw is no JSON: %q", dst.Raw)
		}
	})
}

// TestCommas: a list that may come as one text comes in every way.
func TestCommas(t *testing.T) {
	for _, r := range []*http.Request{
		request("POST", "/?roles=a,b", "", ""), request("POST", "/?roles[]=a&roles[]=b", "", ""), request("POST", "/", formType, "roles=a%2C+b"),
		request("POST", "/", formType, "roles[]=a&roles[]=b"), request("POST", "/", "application/json", `{"roles":"a, b"}`), request("POST", "/", "application/json", `{"roles":["a","b"]}`),
	} {
		var got everything
		if err := DecodeParams(r, &got, 1000); err != nil || !slices.Equal(got.Roles, []string{"a", "b"}) {
			t.Errorf("%s: %q, %v", r.URL, got.Roles, err)
		}
	}
	for _, body := range []string{`{"roles":5}`, `{"roles":{"a":1}}`, `{"roles":[["a"]]}`, `{"scopes":"a,b"}`} {
		var got everything
		if err := DecodeParams(request("POST", "/", "application/json", body), &got, 1000); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, %q", body, err, got.Roles)
		}
	}
	for body, want := range map[string][]int64{`{"users":5}`: {5}, `{"users":5.0}`: {5}, `{"users":"5, 6"}`: {5, 6}, `{"users":[5,6]}`: {5, 6}, `{"users":""}`: {}, `{"users":" "}`: {}, `{"users":"x"}`: nil, `{"users":"5,"}`: nil, `{"users":"5\t"}`: nil, `{"users":5.5}`: nil, `{"users":true}`: nil} {
		var got everything
		err := DecodeParams(request("POST", "/", "application/json", body), &got, 1000)
		if fault.Is(err, fault.Invalid) != (want == nil) || want != nil && !slices.Equal(got.Users, want) {
			t.Errorf("%s: %v, %d", body, err, got.Users)
		}
	}
	var got everything
	if err := DecodeParams(request("POST", "/", "application/json", `{"roles":""}`), &got, 1000); err != nil || len(got.Roles) != 0 {
		t.Errorf("an empty text is %q, %v", got.Roles, err)
	}
}
