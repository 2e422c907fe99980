package httpx

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// PageInfo says where in a list an answer stands. Page 0 means keyset paging,
// where only Cursor counts.
type PageInfo struct {
	Page    int // from 1
	PerPage int
	Total   int64  // rows in all; -1 when unknown
	HasNext bool   // used when Total is unknown
	Cursor  string // keyset paging: where the next page begins, "" on the last
}

// maxTotal is the number of rows above which totals are left out, as GitLab
// does. Clients know that case; and a total that large helps nobody.
const maxTotal = 10_000

// SetPageHeaders describes the page in X-Total, X-Total-Pages, X-Page,
// X-Per-Page, X-Next-Page, X-Prev-Page and Link. The links repeat the request
// under base, the external URL of the server ("https://host:port", with or
// without a path), without the credentials of the query. With a Cursor, only
// the Link to the next page is written.
func SetPageHeaders(h http.Header, r *http.Request, base string, p PageInfo) {
	l := linker{url: strings.TrimSuffix(base, "/") + r.URL.EscapedPath() + "?", query: keptQuery(r.URL)}
	if p.Cursor != "" || p.Page < 1 {
		if p.Cursor != "" {
			l.query.Del("page")
			l.add("cursor", p.Cursor, "next")
		}
		l.set(h)
		return
	}
	l.query.Set("per_page", strconv.Itoa(p.PerPage))
	var pages int64 = -1 // not told
	next := p.HasNext
	if p.Total >= 0 && p.PerPage > 0 {
		pages = max(1, (p.Total+int64(p.PerPage)-1)/int64(p.PerPage))
		next = int64(p.Page) < pages
	}
	// A page beyond the end has no neighbours.
	prev := p.Page > 1 && (pages < 0 || int64(p.Page) <= pages)
	if p.Total > maxTotal {
		pages = -1
	}
	l.page(1, "first")
	prevPage, nextPage := "", ""
	if prev {
		prevPage = l.page(int64(p.Page)-1, "prev")
	}
	if next {
		nextPage = l.page(int64(p.Page)+1, "next")
	}
	if pages >= 0 {
		h.Set("X-Total", strconv.FormatInt(p.Total, 10))
		h.Set("X-Total-Pages", l.page(pages, "last"))
	}
	h.Set("X-Page", strconv.Itoa(p.Page))
	h.Set("X-Per-Page", strconv.Itoa(p.PerPage))
	h.Set("X-Prev-Page", prevPage)
	h.Set("X-Next-Page", nextPage)
	l.set(h)
}

// keptQuery is the query without what must not come back in a link.
func keptQuery(u *url.URL) url.Values {
	q := u.Query()
	for name := range q {
		if isSecretParam(name) {
			delete(q, name)
		}
	}
	return q
}

// linker gathers the parts of a Link header.
type linker struct {
	url   string
	query url.Values
	links []string
}

// page links to page n, and gives n as the other headers want it.
func (l *linker) page(n int64, rel string) string {
	s := strconv.FormatInt(n, 10)
	l.add("page", s, rel)
	return s
}

// add writes the query sorted by name, so that a link is always the same.
func (l *linker) add(key, value, rel string) {
	l.query.Set(key, value)
	l.links = append(l.links, "<"+l.url+l.query.Encode()+`>; rel="`+rel+`"`)
}

func (l *linker) set(h http.Header) {
	if len(l.links) > 0 {
		h.Set("Link", strings.Join(l.links, ", "))
	}
}

// Cursor is a place in a sorted list: the sort key of the last row given, and
// its id, which breaks ties. The key must be valid UTF-8.
type Cursor struct {
	Key string `json:"k"`
	ID  int64  `json:"i"`
}

// maxCursor is more than any sort key needs.
const maxCursor = 8 << 10

// EncodeCursor makes the opaque text of c, safe in URLs.
func EncodeCursor(c Cursor) string {
	raw, err := json.Marshal(c)
	if err != nil {
		return "" // a string and a number can always be encoded
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// DecodeCursor reads what [EncodeCursor] wrote, and nothing else.
func DecodeCursor(s string) (Cursor, error) {
	var c Cursor
	if len(s) > maxCursor {
		return Cursor{}, fault.Invalidf("cursor", MsgInvalid)
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || json.Unmarshal(raw, &c) != nil || EncodeCursor(c) != s {
		return Cursor{}, fault.Invalidf("cursor", MsgInvalid)
	}
	return c, nil
}

// BaseURL gives the external address of the server without a slash at its end:
// the configured one, or that which the client used.
func BaseURL(configured string, r *http.Request) string {
	if configured != "" {
		return strings.TrimSuffix(configured, "/")
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host
}
