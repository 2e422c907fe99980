package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

// question is one request that must not slow down as the registry grows.
type question struct {
	what string
	path string // below /api/v4
	// cursor pages ahead first, this many pages, and asks for the next one.
	cursor int
}

// questions about a filled registry.
func questions(r registered) []question {
	models := func(p place) string { return fmt.Sprintf("/projects/%d/ml/models", p.project) }
	versions := func(p place) string { return fmt.Sprintf("%s/%d/versions", models(p), p.model) }
	file := func(p place) string {
		return fmt.Sprintf("/projects/%d/packages/ml_models/%d/files/model.bin", p.project, p.version)
	}
	d, s, w := r.deep, r.spread, r.wide
	return []question{
		{"versions, first page", versions(d), 0},
		{"versions, by creation", versions(d) + "?order_by=created_at", 0},
		{"versions, search 1.7.", versions(d) + "?search=1.7.", 0},
		{"versions, exact 1.7.7", versions(d) + "?version=1.7.7", 0},
		{"versions, alias latest", versions(d) + "?alias=latest", 0},
		{"versions, page 50", versions(d) + "?page=50", 0},
		{"versions, keyset page", versions(d) + "?pagination=keyset", 5},
		{"version by id", fmt.Sprintf("%s/%d", versions(d), d.version), 0},
		{"next version", versions(d) + "/next", 0},
		{"model by id", fmt.Sprintf("%s/%d", models(d), d.model), 0},
		{"download by id", file(d), 0},
		{"files of a version", fmt.Sprintf("/projects/%d/packages/ml_models/%d/files", d.project, d.version), 0},
		{"40 models: models, first page", models(s), 0},
		{"40 models: versions, first page", versions(s), 0},
		{"40 models: version by id", fmt.Sprintf("%s/%d", versions(s), s.version), 0},
		{"40 models: download by id", file(s), 0},
		{"n/10 models: first page", models(w), 0},
		{"n/10 models: by name", models(w) + "?order_by=name&sort=asc", 0},
		{"n/10 models: search 00005", models(w) + "?search=00005", 0},
		{"n/10 models: search model, by name", models(w) + "?search=model&order_by=name&pagination=keyset", 0},
		{"n/10 models: version by id", fmt.Sprintf("%s/%d", versions(w), w.version), 0},
	}
}

// growth is the fourth measure: see the top of main.go.
func (b *bench) growth() error {
	few, err := b.fill(b.few)
	if err != nil {
		return err
	}
	begin := time.Now()
	many, err := b.fill(b.many)
	if err != nil {
		return err
	}
	fmt.Printf("  growth: %d versions made in %.0f s\n", 2*b.many+b.many/10, time.Since(begin).Seconds())
	if err := b.starts(fmt.Sprintf("start, %d versions", b.many), many.data); err != nil {
		return err
	}
	small, err := b.vitrine(few.data)
	if err != nil {
		return err
	}
	defer small.stop()
	large, err := b.vitrine(many.data)
	if err != nil {
		return err
	}
	defer large.stop()
	ask, compare := questions(many), questions(few)
	for i := range ask {
		if err := b.question(ask[i], compare[i], large, small); err != nil {
			return fmt.Errorf("%s: %w", ask[i].what, err)
		}
	}
	if err := b.writes(many, few, large, small); err != nil {
		return err
	}
	return b.after(large)
}

// writes compares the making of versions, each one transaction and one fsync.
func (b *bench) writes(many, few registered, large, small *process) error {
	create := func(p *process, at place) ([]time.Duration, error) {
		out := make([]time.Duration, warming)
		for i := range out {
			begin := time.Now()
			var v struct{ ID int64 }
			if err := p.post(b.ctx, fmt.Sprintf("/projects/%d/ml/models/%d/versions", at.project, at.model), struct{}{}, &v); err != nil {
				return nil, err
			}
			out[i] = time.Since(begin)
		}
		return out, nil
	}
	var ours, baseline []time.Duration
	for range b.rounds {
		x, err := create(large, many.deep)
		if err != nil {
			return err
		}
		y, err := create(small, few.deep)
		if err != nil {
			return err
		}
		ours, baseline = append(ours, x...), append(baseline, y...)
	}
	b.table.slower("create a version", ours, baseline, 1.5)
	return nil
}

// after tells the memory that is in use when all is done: what is the server's
// own. What it has mapped of the database is page cache: the kernel counts it in
// VmRSS, once for every connection, and takes it back when it likes. It is worth
// it: without, each connection keeps copies of its own, and look-ups take longer.
func (b *bench) after(large *process) error {
	rss, err := settle(b.ctx, large)
	if err != nil {
		return err
	}
	anon, err := large.memory("RssAnon")
	if err != nil {
		return err
	}
	b.table.most("idle memory, after growth", "MiB", anon, 40, fmt.Sprintf("RssAnon (VmRSS, mapped database too, %.0f MiB)", rss))
	return nil
}

const (
	asked   = 60 // requests of one turn
	warming = 10 // requests before the first turn that do not count
)

// question asks both servers in turns and adds the row.
func (b *bench) question(ask, compare question, large, small *process) error {
	askURL, err := b.locate(large, ask)
	if err != nil {
		return err
	}
	compareURL, err := b.locate(small, compare)
	if err != nil {
		return err
	}
	var ours, baseline []time.Duration
	for turn := range b.rounds + 1 {
		n := asked
		if turn == 0 {
			n = warming
		}
		x, err := b.time(askURL, n)
		if err != nil {
			return err
		}
		y, err := b.time(compareURL, n)
		if err != nil {
			return err
		}
		if turn > 0 {
			ours, baseline = append(ours, x...), append(baseline, y...)
		}
	}
	b.table.slower(ask.what, ours, baseline, 1.5)
	return nil
}

// time asks for url n times over one kept connection.
func (b *bench) time(url string, n int) ([]time.Duration, error) {
	out := make([]time.Duration, n)
	for i := range out {
		begin := time.Now()
		if _, err := b.ask(url); err != nil {
			return nil, err
		}
		out[i] = time.Since(begin)
	}
	return out, nil
}

// ask gets url, reads all of the answer, and gives its Link header.
func (b *bench) ask(url string) (string, error) {
	res, err := get(b.ctx, url, token)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || n <= int64(len("[]"))) {
		err = fmt.Errorf("GET %s: %s, %d bytes", url, res.Status, n)
	}
	return res.Header.Get("Link"), err
}

var linkNext = regexp.MustCompile(`<([^>]+)>; rel="next"`)

// locate gives the address of a question, following Link where it pages ahead.
func (b *bench) locate(p *process, q question) (string, error) {
	at := p.base + "/api/v4" + q.path
	for range q.cursor {
		link, err := b.ask(at)
		if err != nil {
			return "", err
		}
		m := linkNext.FindStringSubmatch(link)
		if m == nil {
			return "", errors.New("no next page in " + link)
		}
		if u, err := url.Parse(m[1]); err == nil {
			at = p.base + u.RequestURI()
		}
	}
	return at, nil
}
