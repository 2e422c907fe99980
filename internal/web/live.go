package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// Bounds of streams. One ends after streamTime, and the browser opens another:
// so whoever is signed out, or has lost a token, does not look on for long.
const (
	maxStreams = 128              // open at a time, of the whole server
	streamTick = time.Second      // between two looks at the run
	heartbeat  = 15 * time.Second // between two signs of life, for proxies
	streamTime = 10 * time.Minute
	streamStop = 20 * time.Second // without the client taking anything
)

// tipJSON is a metric that has moved.
type tipJSON struct {
	Key   string `json:"key"`
	Value string `json:"value"` // the latest, as the page's table has it
	Step  string `json:"step"`
}

// followRun tells a page what a run that is at work has logged, as server-sent
// events (https://html.spec.whatwg.org/multipage/server-sent-events.html):
// "metrics" has those that have moved since the last one, all at first; "end"
// comes when the run is no more at work, with its status.
func followRun(c *call) error {
	iid, err := c.id("run", "run")
	if err != nil {
		return err
	}
	select {
	case c.d.streams <- struct{}{}:
		defer func() { <-c.d.streams }()
	default:
		return &fault.Error{Kind: fault.Busy, Msg: fmt.Sprintf("%d pages follow runs already", maxStreams)}
	}
	f := &follower{c: c, which: registry.RunRef{IID: iid}, seen: map[string]int64{}}
	p, err := c.s.Pulse(c.ctx(), c.ref, f.which)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx keeps answers back otherwise
	return f.run(p)
}

// follower is one stream.
type follower struct {
	c     *call
	which registry.RunRef
	seen  map[string]int64 // points of each metric that the page knows of
	said  time.Time        // when something was sent
}

// run sends what has changed until the run has ended, the client has gone, the
// time is over or the server stops. It runs in the request's goroutine.
func (f *follower) run(p registry.Pulse) error {
	tick := time.NewTicker(streamTick)
	defer tick.Stop()
	over := time.NewTimer(streamTime)
	defer over.Stop()
	for {
		if err := f.tell(p); err != nil || p.Status != registry.Running {
			return err
		}
		select {
		case <-f.c.ctx().Done():
			return nil
		case <-f.c.d.Draining:
			return nil
		case <-over.C:
			return nil
		case <-tick.C:
		}
		var err error
		p, err = f.c.s.Pulse(f.c.ctx(), f.c.ref, f.which)
		if f.c.ctx().Err() != nil || err != nil && fault.KindOf(err) != fault.Internal {
			return nil // gone, or not to be seen any more: the browser asks again, and is told
		}
		if err != nil {
			return err
		}
	}
}

// tell sends what a pulse has that the page does not know.
func (f *follower) tell(p registry.Pulse) error {
	var moved []tipJSON
	for _, m := range p.Tips {
		if f.seen[m.Key] != m.Points {
			moved = append(moved, tipJSON{m.Key, figure(m.Value), grouped(m.Step)})
			f.seen[m.Key] = m.Points
		}
	}
	if moved != nil {
		if err := f.event("metrics", moved); err != nil {
			return err
		}
	}
	switch {
	case p.Status != registry.Running:
		return f.event("end", p.Status)
	case time.Since(f.said) > heartbeat:
		return f.send(": still there\n\n")
	}
	return nil
}

func (f *follower) event(name string, data any) error {
	raw, err := json.Marshal(data) // has no line breaks
	if err != nil {
		return err
	}
	return f.send("event: " + name + "\ndata: " + string(raw) + "\n\n")
}

func (f *follower) send(text string) error {
	f.said = time.Now()
	rc := http.NewResponseController(f.c.w)
	_ = rc.SetWriteDeadline(f.said.Add(streamStop)) // writers of tests have none
	if _, err := f.c.w.Write([]byte(text)); err != nil {
		return err
	}
	return rc.Flush()
}
