package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/vitrine-ml/vitrine/internal/client"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// streamOptions say how lines are logged; zero durations are the usual ones.
type streamOptions struct {
	every    time.Duration // between two batches
	tee      bool
	patience time.Duration // with a server that is away, once the input has ended
	pause    time.Duration // before another attempt
}

const (
	flushEvery     = 2 * time.Second
	streamPatience = 5 * time.Minute
	streamPause    = 5 * time.Second
	stopPatience   = 10 * time.Second // after Ctrl-C
	maxWaiting     = 200_000          // values that wait for a server that is away
	maxLine        = 1 << 20          // bytes; longer lines are no readings
	maxComplaints  = 10               // refused values that are reported one by one
)

// logged is the answer of run log.
type logged struct {
	Run     string `json:"run"`
	Params  int    `json:"params"`
	Metrics int    `json:"metrics"`
	Tags    int    `json:"tags"`
	Refused int    `json:"refused,omitempty"`
	Ignored int    `json:"ignored_lines,omitempty"`
	Unsent  string `json:"unsent,omitempty"` // file
}

// runStream logs lines as they come. All of its state belongs to the goroutine
// of loop; only one batch is on its way at a time.
type runStream struct {
	*remote
	streamOptions
	ref     client.RunRef
	steps   map[string]int64 // of metrics that do not tell theirs
	waiting reading
	out     logged
	failed  error // nothing is sent any more
	unsent  *os.File
}

// stream logs what in gives until it ends. After a failure it reads on, for
// the sake of who writes, and keeps what it cannot send in a file.
func (r *remote) stream(ctx context.Context, ref client.RunRef, in io.Reader, o streamOptions) error {
	if o.patience == 0 {
		o.patience = streamPatience
	}
	if o.pause == 0 {
		o.pause = streamPause
	}
	s := &runStream{remote: r, streamOptions: o, ref: ref, steps: map[string]int64{}, out: logged{Run: ref.String()}}
	lines := make(chan string, 1)
	readErr := make(chan error, 1)
	// The reader ends with its input; after Ctrl-C, with the process.
	go func() { readErr <- s.read(in, lines) }()
	err := s.loop(ctx, lines)
	select {
	case rerr := <-readErr:
		err = errors.Join(err, rerr)
	default:
	}
	return s.end(ctx, err)
}

// read cuts the input into lines.
func (s *runStream) read(in io.Reader, lines chan<- string) error {
	defer close(lines)
	tee := io.Discard
	if s.tee {
		tee = s.env.Stdout
	}
	b := bufio.NewReaderSize(io.TeeReader(in, tee), 64<<10)
	var line bytes.Buffer
	for {
		piece, err := b.ReadSlice('\n')
		if line.Len() <= maxLine {
			line.Write(piece)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if line.Len() > 0 {
			lines <- line.String()
			line.Reset()
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
	}
}

// loop takes lines and sends batches until both are at their end.
func (s *runStream) loop(ctx context.Context, lines <-chan string) error {
	// Ctrl-C ends the training too; its last words are still logged.
	sending, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	stopped, due := ctx.Done(), false
	var hurry <-chan time.Time
	var sent chan batchResult
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				lines = nil
				defer time.AfterFunc(s.patience, func() { cancel(errPatience) }).Stop()
				break
			}
			s.take(line)
		case <-tick.C:
			due = true
		case r := <-sent:
			sent = nil
			s.settle(r)
		case <-stopped:
			stopped, hurry = nil, time.After(stopPatience)
		case <-hurry:
			lines = nil
			cancel(context.Cause(ctx))
		}
		if s.failed != nil {
			s.keep(s.waiting)
			s.waiting = reading{}
		}
		if sent == nil && !s.waiting.empty() && (due || lines == nil || s.full()) {
			b := s.batch()
			sent, due = make(chan batchResult, 1), false
			go func() { sent <- s.deliver(sending, b) }()
		}
		if lines == nil && sent == nil && s.waiting.empty() {
			return s.failed
		}
	}
}

var errPatience = errors.New("the server was away for too long")

// take adds a line to what waits.
func (s *runStream) take(line string) {
	r, ok := parseReading(line)
	if !ok {
		s.out.Ignored++
		return
	}
	now := time.Now().UnixMilli()
	for i := range r.metrics {
		m := &r.metrics[i]
		if m.Step == noStep {
			m.Step = s.steps[m.Name]
			s.steps[m.Name]++
		}
		if m.Timestamp == 0 {
			m.Timestamp = now
		}
	}
	w := &s.waiting
	w.params, w.metrics, w.tags = append(w.params, r.params...), append(w.metrics, r.metrics...), append(w.tags, r.tags...)
	if s.failed == nil && len(w.params)+len(w.metrics)+len(w.tags) > maxWaiting {
		s.failed = errPatience
	}
}

func (s *runStream) full() bool {
	w := s.waiting
	return max(len(w.params), len(w.metrics), len(w.tags)) >= client.MaxBatch
}

// batch takes off what can be sent at once.
func (s *runStream) batch() reading {
	w := &s.waiting
	p, m, t := min(len(w.params), client.MaxBatch), min(len(w.metrics), client.MaxBatch), min(len(w.tags), client.MaxBatch)
	b := reading{w.params[:p:p], w.metrics[:m:m], w.tags[:t:t]}
	w.params, w.metrics, w.tags = w.params[p:], w.metrics[m:], w.tags[t:]
	return b
}

// batchResult tells how a batch fared.
type batchResult struct {
	batch   reading
	refused []error // of single values
	err     error   // none of it, nor what follows, can be sent
}

// deliver sends a batch. The server takes all of a batch or nothing: one that
// it refuses is halved until only what it refuses is left out.
func (s *runStream) deliver(ctx context.Context, b reading) batchResult {
	out := batchResult{batch: b}
	for _, part := range []reading{{params: b.params}, {metrics: b.metrics}, {tags: b.tags}} {
		if out.err == nil {
			out.err = s.sendPart(ctx, part, &out.refused)
		}
	}
	return out
}

func (s *runStream) sendPart(ctx context.Context, part reading, refused *[]error) error {
	err := s.insist(ctx, part)
	if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
		return err
	}
	a, b, ok := part.halves()
	if !ok {
		*refused = append(*refused, naming(err, part.name()))
		return nil
	}
	if err := s.sendPart(ctx, a, refused); err != nil {
		return err
	}
	return s.sendPart(ctx, b, refused)
}

// halves splits a reading of one sort; one of one value cannot be.
func (r reading) halves() (a, b reading, ok bool) {
	p, m, t := len(r.params), len(r.metrics), len(r.tags)
	a = reading{r.params[:p/2], r.metrics[:m/2], r.tags[:t/2]}
	b = reading{r.params[p/2:], r.metrics[m/2:], r.tags[t/2:]}
	return a, b, p+m+t > 1
}

// name names the one value of a reading.
func (r reading) name() string {
	switch {
	case len(r.params) > 0:
		return "logging the parameter " + plain(r.params[0].Name)
	case len(r.metrics) > 0:
		return "logging the metric " + plain(r.metrics[0].Name)
	case len(r.tags) > 0:
		return "logging the tag " + plain(r.tags[0].Name)
	}
	return "logging nothing"
}

// insist sends until the server answers, or ctx ends.
func (s *runStream) insist(ctx context.Context, part reading) error {
	for told := false; ; told = true {
		err := s.logReading(ctx, s.ref, part)
		if err == nil || !passing(err) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
		}
		if !told {
			s.say("Cannot log now: %s. Trying again; nothing is lost.", errorText(err))
		}
		select {
		case <-time.After(s.pause):
		case <-ctx.Done():
		}
	}
}

// passing reports whether an error may be gone by itself later.
func passing(err error) bool {
	e, ok := fault.As(err)
	return !ok || e.Kind == fault.Busy || e.Kind == fault.Full || e.Kind == fault.Internal
}

// settle counts what a batch did.
func (s *runStream) settle(r batchResult) {
	if r.err != nil {
		s.failed = r.err
		s.say("Logging to %s has ended: %s. The training is not disturbed.", s.ref, errorText(r.err))
		s.keep(r.batch)
		return
	}
	s.out.Params += len(r.batch.params)
	s.out.Metrics += len(r.batch.metrics)
	s.out.Tags += len(r.batch.tags)
	for _, err := range r.refused {
		s.out.Refused++
		if s.out.Refused <= maxComplaints {
			s.say("Not logged: %s.", errorText(err))
		}
	}
}

// keep writes what cannot be sent to a file, in the form in which it can be
// sent later.
func (s *runStream) keep(r reading) {
	if r.empty() {
		return
	}
	if s.unsent == nil {
		f, err := os.CreateTemp(".", "vitrine-run-"+cmp.Or(s.ref.ID, strconv.FormatInt(s.ref.Number, 10))+"-unsent-*.jsonl")
		if err != nil {
			s.failed = errors.Join(s.failed, err)
			return
		}
		s.unsent, s.out.Unsent = f, f.Name()
	}
	e := json.NewEncoder(s.unsent)
	write := func(v any) {
		if err := e.Encode(v); err != nil {
			s.failed = errors.Join(s.failed, err)
		}
	}
	for _, p := range r.params {
		write(map[string]any{"params": map[string]string{p.Name: p.Value}})
	}
	for _, m := range r.metrics {
		write(map[string]any{"metrics": map[string]client.Number{m.Name: m.Value}, "step": m.Step, "timestamp": m.Timestamp})
	}
	for _, t := range r.tags {
		write(map[string]any{"tags": map[string]string{t.Name: t.Value}})
	}
}

// end tells what became of the stream.
func (s *runStream) end(ctx context.Context, err error) error {
	if s.unsent != nil {
		err = errors.Join(err, s.unsent.Close())
		s.say("What was not sent is in %s; send it with:\n  vitrine run log --run %s <%s", s.out.Unsent, s.ref, shellQuote(s.out.Unsent))
	}
	text := fmt.Sprintf("Logged to %s: %s, %s, %s", s.ref, counted(s.out.Metrics, "metric value"), counted(s.out.Params, "parameter"), counted(s.out.Tags, "tag"))
	if s.out.Ignored > 0 {
		text += "; " + counted(s.out.Ignored, "line") + " of other output"
	}
	s.say("%s.", text)
	if s.json && !s.tee {
		err = errors.Join(err, show(s.env.Stdout, s.out, true))
	}
	if err == nil && s.out.Refused > 0 {
		err = fmt.Errorf("the server refused %s", counted(s.out.Refused, "value"))
	}
	if err == nil {
		err = ctx.Err() // after Ctrl-C all is sent, but the command was to end
	}
	return err
}
