package httpx

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

func TestPageHeaders(t *testing.T) {
	const base = "https://vitrine.test/base/"
	link := func(rels ...string) string {
		var links []string
		for i := 0; i < len(rels); i += 2 {
			links = append(links, "<https://vitrine.test/base/api/v4/p%2Fq/models?"+rels[i]+`>; rel="`+rels[i+1]+`"`)
		}
		return strings.Join(links, ", ")
	}
	for _, c := range []struct {
		name, query string
		page        PageInfo
		want        map[string]string
	}{
		{"middle", "sort=asc&page=2&private_token=x&Job_Token=y&a[]=1&a[]=2", PageInfo{Page: 2, PerPage: 20, Total: 50}, map[string]string{
			"X-Total": "50", "X-Total-Pages": "3", "X-Page": "2", "X-Per-Page": "20", "X-Next-Page": "3", "X-Prev-Page": "1",
			"Link": link("a%5B%5D=1&a%5B%5D=2&page=1&per_page=20&sort=asc", "first",
				"a%5B%5D=1&a%5B%5D=2&page=1&per_page=20&sort=asc", "prev",
				"a%5B%5D=1&a%5B%5D=2&page=3&per_page=20&sort=asc", "next",
				"a%5B%5D=1&a%5B%5D=2&page=3&per_page=20&sort=asc", "last")}},
		{"empty", "", PageInfo{Page: 1, PerPage: 20}, map[string]string{
			"X-Total": "0", "X-Total-Pages": "1", "X-Page": "1", "X-Per-Page": "20", "X-Next-Page": "", "X-Prev-Page": "",
			"Link": link("page=1&per_page=20", "first", "page=1&per_page=20", "last")}},
		{"beyond the end", "", PageInfo{Page: 9, PerPage: 20, Total: 21}, map[string]string{
			"X-Total": "21", "X-Total-Pages": "2", "X-Page": "9", "X-Per-Page": "20", "X-Next-Page": "", "X-Prev-Page": "",
			"Link": link("page=1&per_page=20", "first", "page=2&per_page=20", "last")}},
		{"exactly the limit", "", PageInfo{Page: 500, PerPage: 20, Total: 10_000}, map[string]string{
			"X-Total": "10000", "X-Total-Pages": "500", "X-Page": "500", "X-Per-Page": "20", "X-Next-Page": "", "X-Prev-Page": "499",
			"Link": link("page=1&per_page=20", "first", "page=499&per_page=20", "prev", "page=500&per_page=20", "last")}},
		{"many", "", PageInfo{Page: 1, PerPage: 20, Total: 10_001}, map[string]string{
			"X-Page": "1", "X-Per-Page": "20", "X-Next-Page": "2", "X-Prev-Page": "",
			"Link": link("page=1&per_page=20", "first", "page=2&per_page=20", "next")}},
		{"unknown total", "", PageInfo{Page: 2, PerPage: 20, Total: -1, HasNext: true}, map[string]string{
			"X-Page": "2", "X-Per-Page": "20", "X-Next-Page": "3", "X-Prev-Page": "1",
			"Link": link("page=1&per_page=20", "first", "page=1&per_page=20", "prev", "page=3&per_page=20", "next")}},
		{"keyset", "pagination=keyset&per_page=5&page=3&cursor=old&access_token=x", PageInfo{PerPage: 5, Cursor: "abc"}, map[string]string{
			"Link": link("cursor=abc&pagination=keyset&per_page=5", "next")}},
		{"keyset, last", "pagination=keyset", PageInfo{PerPage: 5}, map[string]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := http.Header{}
			SetPageHeaders(h, request("GET", "/api/v4/p%2Fq/models?"+c.query, "", ""), base, c.page)
			got := map[string]string{}
			for k, v := range h {
				got[k] = v[0]
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestCursor(t *testing.T) {
	for _, c := range []Cursor{{}, {"a", 1}, {"näme \"q\" <>&\x00", math.MaxInt64}, {strings.Repeat("x", 4000), math.MinInt64}} {
		got, err := DecodeCursor(EncodeCursor(c))
		if err != nil || got != c {
			t.Errorf("%v became %v, %v", c, got, err)
		}
	}
	good := EncodeCursor(Cursor{"a", 1})
	for _, s := range []string{"", "x", "!!", good + "=", good + "\n", good[1:], "e30", "bnVsbA", strings.Repeat("A", maxCursor+1)} {
		_, err := DecodeCursor(s)
		if e, ok := fault.As(err); !ok || e.Kind != fault.Invalid || e.Field != "cursor" || e.Msg != MsgInvalid {
			t.Errorf("%.20q: %v", s, err)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("a", int64(1), EncodeCursor(Cursor{"b", 2}))
	f.Fuzz(func(t *testing.T, key string, id int64, text string) {
		if c := (Cursor{key, id}); utf8.ValidString(key) && len(key) < 1000 {
			if got, err := DecodeCursor(EncodeCursor(c)); err != nil || got != c {
				t.Errorf("%v became %v, %v", c, got, err)
			}
		}
		if c, err := DecodeCursor(text); err == nil && EncodeCursor(c) != text {
			t.Errorf("%q is not what %v encodes to", text, c)
		}
	})
}
