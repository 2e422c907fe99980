package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// meter shows how work on bytes goes on: bars on a terminal, lines elsewhere,
// nothing when people asked for quiet.
type meter struct {
	out   io.Writer
	bars  *mpb.Progress // nil: lines
	total *mpb.Bar
	quiet bool
	done  atomic.Int64
	size  int64
	began time.Time
	lines sync.Mutex
	stop  chan struct{}
	ended sync.WaitGroup
}

const (
	ownBar    = 16 << 20         // files of this size and more get a bar of their own
	lineEvery = 10 * time.Second // between the lines about the whole
	nameWidth = 32
)

// newMeter begins to show work on size bytes.
func (r *remote) newMeter(title string, size int64) *meter {
	m := &meter{out: r.env.Stderr, quiet: r.quiet, size: size, began: time.Now(), stop: make(chan struct{})}
	f, ok := r.env.Stderr.(*os.File)
	switch {
	case r.quiet || size == 0: // nothing to watch
	case ok && term.IsTerminal(int(f.Fd())):
		m.bars = mpb.New(mpb.WithOutput(f), mpb.WithWidth(100), mpb.WithRefreshRate(120*time.Millisecond))
		m.total = m.bars.AddBar(size, mpb.BarPriority(1<<30), mpb.PrependDecorators(
			decor.Name(title, decor.WC{W: nameWidth, C: decor.DindentRight}), decor.Counters(decor.SizeB1024(0), "% .1f of % .1f")),
			mpb.AppendDecorators(decor.AverageSpeed(decor.SizeB1024(0), "% .1f"), decor.Name("  "), decor.AverageETA(decor.ET_STYLE_GO)))
		m.total.EnableTriggerComplete()
	default:
		m.ended.Go(m.tell)
	}
	return m
}

// tell writes a line about the whole now and then.
func (m *meter) tell() {
	t := time.NewTicker(lineEvery)
	defer t.Stop()
	for {
		select {
		case <-m.stop:
			return
		case <-t.C:
			done := m.done.Load()
			m.line("  %d%%  %s of %s, %s", 100*done/max(m.size, 1), sizeText(done), sizeText(m.size), rateText(done, time.Since(m.began)))
		}
	}
}

func (m *meter) line(format string, args ...any) {
	m.lines.Lock()
	defer m.lines.Unlock()
	fmt.Fprintf(m.out, format+"\n", args...)
}

// end takes the bars away.
func (m *meter) end() {
	close(m.stop)
	m.ended.Wait()
	if m.bars == nil {
		return
	}
	if !m.total.Completed() {
		m.total.Abort(true)
	}
	m.bars.Wait()
}

// fileMeter counts the bytes of one file.
type fileMeter struct {
	m    *meter
	name string
	bar  *mpb.Bar // nil: none of its own
}

// file begins to count a file of which size bytes are to be moved.
func (m *meter) file(name string, size int64) *fileMeter {
	f := &fileMeter{m: m, name: plain(name)}
	if m.bars != nil && size >= ownBar {
		short := f.name
		if r := []rune(short); len(r) > nameWidth-2 {
			short = "…" + string(r[len(r)-nameWidth+3:])
		}
		f.bar = m.bars.AddBar(size, mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(short, decor.WC{W: nameWidth, C: decor.DindentRight})),
			mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5})))
	}
	return f
}

// add counts n bytes, less than 0 when they have to be moved again.
func (f *fileMeter) add(n int64) {
	f.m.done.Add(n)
	if f.m.bars == nil {
		return
	}
	f.m.total.IncrInt64(n)
	if f.bar != nil {
		f.bar.IncrInt64(n)
	}
}

// done tells that the file, of size bytes in all, is finished.
func (f *fileMeter) done(verb string, size int64) {
	if f.m.bars == nil && !f.m.quiet {
		f.m.line("  %-10s %s (%s)", verb, f.name, sizeText(size))
	}
	f.close()
}

// close takes the bar of the file away.
func (f *fileMeter) close() {
	if f.bar != nil && !f.bar.Completed() {
		f.bar.Abort(true)
	}
}

// countReader counts what is read.
type countReader struct {
	io.ReadCloser
	count func(int64)
}

// Read counts.
func (c *countReader) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.count(int64(n))
	return n, err
}
