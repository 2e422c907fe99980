package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// answer ends a form: it goes on to a page and says there what was done, or
// shows the form again with what is wrong, if the person may do such a thing.
func (c *call) answer(err error, done, to string, again func(problem string) error) error {
	problem, ok := mendable(err)
	switch {
	case ok:
		if refused := c.authorize(c.access); refused != nil {
			return refused
		}
		return again(problem)
	case err != nil:
		return err
	}
	c.flash(done)
	return c.goTo(to)
}

// mendable gives what a person can change in a form so that it works: also
// whom they named, and what of it goes beyond their rights.
func mendable(err error) (string, bool) {
	e, is := fault.As(err)
	switch {
	case !is:
		return "", false
	case e.Kind == fault.NotFound && e.Noun == "user":
		return "There is no user with that name.", true
	case e.Kind == fault.NotFound && (e.Noun == "namespace" || e.Noun == "group"):
		return "There is no such group, or you are not a member of it.", true
	case e.Kind == fault.Forbidden && e.Msg != "" && e.Noun != "scope":
		return upperFirst(e.Msg) + ".", true
	}
	return formProblem(err)
}

// again is the status of a form that is shown once more.
const again = http.StatusUnprocessableEntity

// above is the path of the page so many segments above the one that was asked for.
func (c *call) above(n int) string {
	s := c.here()
	for range n {
		s = s[:strings.LastIndexByte(s, '/')]
	}
	return s
}

// search is what a list is narrowed to.
func (c *call) search() string { return strings.TrimSpace(c.r.URL.Query().Get("search")) }

// field gives a field of the form, without blanks around it.
func (c *call) field(name string) string { return strings.TrimSpace(c.r.PostFormValue(name)) }

// end reads the day of the form when something ends, as GitLab does: at its
// beginning in UTC it is over. None is the zero time.
func (c *call) end() (time.Time, error) { return dayOf("expires_at", c.field("expires_at")) }

// dayOf reads a day as the field for it has it; none is the zero time.
func dayOf(field, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}, fault.Invalidf(field, "is no date; write it as 2027-01-31")
	}
	return t, nil
}

// span reads the first and the last day of a stretch, in UTC.
func span(first, last string) (registry.Span, error) {
	after, err := dayOf("first_day", first)
	if err != nil {
		return registry.Span{}, err
	}
	before, err := dayOf("last_day", last)
	if err != nil {
		return registry.Span{}, err
	}
	if !after.IsZero() {
		after = after.Add(-time.Microsecond)
	}
	if !before.IsZero() {
		before = before.AddDate(0, 0, 1)
	}
	return registry.Span{After: after, Before: before}, nil
}

// formRole reads a role of the form.
func (c *call) formRole() (registry.Role, error) {
	return registry.ParseRole(int64(atoi(c.field("role"))))
}

// keyed gives the wanted part of a list that is paged by key.
func (c *call) keyed() (registry.Page, error) {
	p := registry.Page{Limit: perPage}
	if text := c.r.URL.Query().Get("after"); text != "" {
		k, err := httpx.DecodeCursor(text)
		if err != nil {
			return p, err
		}
		p.After = &registry.Cursor{Key: k.Key, ID: k.ID}
	}
	return p, nil
}

// keyPager makes the links around a part of a list that is paged by key: on, and
// back to the beginning.
func (c *call) keyPager(next *registry.Cursor) pager {
	link := func(after string) string {
		q := c.r.URL.Query()
		q.Del("after")
		if after != "" {
			q.Set("after", after)
		}
		return "?" + q.Encode()
	}
	var p pager
	if c.r.URL.Query().Get("after") != "" {
		p.First = link("")
	}
	if next != nil {
		p.Next = link(httpx.EncodeCursor(httpx.Cursor{Key: next.Key, ID: next.ID}))
	}
	return p
}
