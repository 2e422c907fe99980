package web

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

type auditPage struct {
	frame
	Events                    []told
	Pager                     pager
	Topics                    []choice
	Who, Where, After, Before string
	Search                    string
	Problem                   string
	Export                    string // the query of the same events as CSV
}

// auditQuery reads by what the log is narrowed: by whom, when, about what, and by
// a text.
func (c *call) auditQuery() (topic string, ask registry.EventQuery, err error) {
	q := c.r.URL.Query()
	topic, ask.Topics = c.topics()
	ask.Actor, ask.Text = strings.TrimSpace(q.Get("user")), c.search()
	ask.When, err = span(q.Get("created_after"), q.Get("created_before"))
	return topic, ask, err
}

// showAudit tells what was done anywhere, narrowed by who, where, when and about
// what.
func showAudit(c *call) error {
	page, err := c.keyed()
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	topic, ask, err := c.auditQuery()
	p := &auditPage{frame: c.adminFrame("audit", "Audit log"), Topics: topicChoices(topic), Who: ask.Actor, Where: q.Get("project"),
		After: q.Get("created_after"), Before: q.Get("created_before"), Search: ask.Text}
	q.Del("after")
	p.Export = q.Encode()
	var status = http.StatusOK
	if err == nil {
		var l registry.List[registry.Event]
		ask.Page = page
		l, err = c.s.Events(c.ctx(), p.Where, ask)
		p.Events, p.Pager = tell(l.Items), c.keyPager(l.Next)
	}
	if problem, ok := formProblem(err); ok {
		p.Problem, status, err = problem, again, nil
	}
	if err != nil {
		return err
	}
	return c.renderAs(status, "admin_audit", p)
}

// auditHead are the columns of the log as CSV.
var auditHead = []string{"id", "created_at", "author_id", "author", "came_with", "token_id", "action", "project_or_group", "target", "details", "times"}

// exportStep is how many events are read at a time.
const exportStep = 1000

// exportAudit sends the log as CSV, the latest first. It is read page by page, so
// that no transaction lasts as long as a download.
func exportAudit(c *call) error {
	_, ask, err := c.auditQuery()
	if err != nil {
		return err
	}
	where := c.r.URL.Query().Get("project")
	ask.Page = registry.Page{Limit: exportStep, NoTotal: true}
	l, err := c.s.Events(c.ctx(), where, ask)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="audit-log.csv"`)
	h.Set("Cache-Control", "private, no-store")
	out := csv.NewWriter(c.w)
	_ = out.Write(auditHead) // what fails shows with Flush
	for {
		for _, e := range l.Items {
			_ = out.Write(auditRow(e))
		}
		if out.Flush(); out.Error() != nil {
			return fmt.Errorf("audit log: %w", out.Error())
		}
		if l.Next == nil {
			return nil
		}
		ask.Page.After = l.Next
		if l, err = c.s.Events(c.ctx(), where, ask); err != nil {
			return err
		}
	}
}

func auditRow(e registry.Event) []string {
	out := []string{itoa(e.ID), e.At.UTC().Format(time.RFC3339Nano), itoa(e.Actor.ID), e.Actor.Username, string(e.TokenKind), itoa(e.TokenID),
		string(e.Act), e.Place, e.Subject, e.Detail, itoa(e.Times)}
	for i := range out {
		out[i] = httpx.Harmless(out[i])
	}
	return out
}
