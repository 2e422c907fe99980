package gitlab

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// Bounds of per_page, as in GitLab.
const (
	defaultPerPage = 20
	maxPerPage     = 100
)

// paging are the parameters that every list takes.
type paging struct {
	Page       *int64 `param:"page" doc:"Page, from 1."`
	PerPage    *int64 `param:"per_page" doc:"Items on a page: 20 unless told, 100 at most."`
	Pagination string `param:"pagination" doc:"\"keyset\" pages by the Link header's cursor instead of by number; no limit on the length of the list."`
	Cursor     string `param:"cursor" doc:"Where a keyset page begins; taken from the Link header."`
}

// sorting are the parameters of lists that can be ordered.
type sorting struct {
	OrderBy string `param:"order_by" doc:"What to order by."`
	Sort    string `param:"sort" doc:"asc or desc."`
}

// order reads the ordering. GitLab's default direction is descending; initial
// is what a list is ordered by when the caller names only the direction.
func (s sorting) order(initial string) (registry.Order, error) {
	if s.Sort != "" && s.Sort != "asc" && s.Sort != "desc" {
		return registry.Order{}, fault.Invalidf("sort", "does not have a valid value")
	}
	if s.OrderBy == "" && s.Sort != "" {
		s.OrderBy = initial
	}
	return registry.Order{By: s.OrderBy, Desc: s.Sort != "asc"}, nil
}

// partial are the parameters of lists that are paged and can be ordered.
type partial struct {
	paging
	sorting
}

// part reads which part of the list is wanted, in which order.
func (p partial) part(initial string) (registry.Page, registry.Order, error) {
	pg, err := p.page()
	if err != nil {
		return pg, registry.Order{}, err
	}
	o, err := p.order(initial)
	return pg, o, err
}

func (p paging) keyset() bool { return p.Pagination == "keyset" || p.Cursor != "" }

func (p paging) number() int64 {
	if p.Page == nil {
		return 1
	}
	return *p.Page
}

func (p paging) perPage() int64 {
	if p.PerPage == nil {
		return defaultPerPage
	}
	return min(*p.PerPage, maxPerPage)
}

// page translates GitLab's words for a part of a list.
func (p paging) page() (registry.Page, error) {
	n, per := p.number(), p.perPage()
	var bad []httpx.Problem
	if n < 1 {
		bad = append(bad, httpx.Problem{Field: "page", Msg: httpx.MsgInvalid})
	}
	if per < 1 {
		bad = append(bad, httpx.Problem{Field: "per_page", Msg: httpx.MsgInvalid})
	}
	if p.Pagination != "" && p.Pagination != "keyset" && p.Pagination != "legacy" {
		bad = append(bad, httpx.Problem{Field: "pagination", Msg: "does not have a valid value"})
	}
	if bad != nil {
		return registry.Page{}, &httpx.ParamError{Problems: bad}
	}
	out := registry.Page{Limit: int(per)}
	if p.keyset() {
		out.NoTotal = true
		return out, p.after(&out)
	}
	if n > registry.MaxOffset/per+1 {
		return out, &fault.Error{Kind: fault.Unsupported, Msg: "Offset pagination has a maximum allowed offset of " +
			strconv.Itoa(registry.MaxOffset) + " for requests that return objects of this type. Remaining records can be retrieved using keyset pagination."}
	}
	out.Offset = int((n - 1) * per)
	return out, nil
}

func (p paging) after(out *registry.Page) error {
	if p.Cursor == "" {
		return nil
	}
	c, err := httpx.DecodeCursor(p.Cursor)
	if err != nil {
		return err
	}
	out.After = &registry.Cursor{Key: c.Key, ID: c.ID}
	return nil
}

// listed gives what turns a list, or the error instead of one, into the
// answer: the items translated, and the page headers written.
func listed[D, W any](c *call, p paging, wire func(D) W) func(registry.List[D], error) ([]W, error) {
	return func(l registry.List[D], err error) ([]W, error) {
		if err != nil {
			return nil, err
		}
		info := httpx.PageInfo{Page: int(p.number()), PerPage: int(p.perPage()), Total: l.Total, HasNext: l.More}
		if p.keyset() {
			info.Page = 0
			if l.Next != nil {
				info.Cursor = httpx.EncodeCursor(httpx.Cursor{Key: l.Next.Key, ID: l.Next.ID})
			}
		}
		httpx.SetPageHeaders(c.w.Header(), c.r, c.base(), info)
		out := make([]W, len(l.Items))
		for i, v := range l.Items {
			out[i] = wire(v)
		}
		return out, nil
	}
}

// stamp is a time as GitLab writes it; none is null.
type stamp time.Time

// MarshalJSON writes UTC with milliseconds.
func (s stamp) MarshalJSON() ([]byte, error) {
	t := time.Time(s)
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000Z"`), nil
}

// date is a day as GitLab writes it; none is null.
type date time.Time

// MarshalJSON writes the day in UTC.
func (d date) MarshalJSON() ([]byte, error) {
	t := time.Time(d)
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.UTC().AppendFormat(nil, `"2006-01-02"`), nil
}

// text is a string that GitLab writes as null when there is none.
type text string

// MarshalJSON writes "" as null.
func (t text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}
