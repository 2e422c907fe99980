package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// memory is the peak while three times the source arrives.
func (b *bench) memory() error {
	if err := b.randomFile(); err != nil {
		return err
	}
	ours, err := b.vitrine(filepath.Join(b.dir, "memory"))
	if err != nil {
		return err
	}
	defer ours.stop()
	idle, err := settle(b.ctx, ours)
	if err != nil {
		return err
	}
	b.table.most("idle memory, new data", "MiB", idle, 40, "VmRSS")
	url, err := ours.files(b.ctx)
	if err != nil {
		return err
	}
	var thrice []io.Reader
	for range 3 {
		f, err := os.Open(b.source)
		if err != nil {
			return err
		}
		defer f.Close()
		thrice = append(thrice, f)
	}
	if err := put(b.ctx, url+"large.bin", io.MultiReader(thrice...), 3*b.size); err != nil {
		return err
	}
	peak, err := ours.memory("VmHWM")
	if err != nil {
		return err
	}
	b.table.most("peak memory, upload of 3 GiB", "MiB", peak, 80, "VmHWM")
	return nil
}

// settle waits until nothing is left to be done and gives the memory in use.
func settle(ctx context.Context, p *process) (float64, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(3 * time.Second):
	}
	return p.memory("VmRSS")
}

// startTime is from exec to the first 200 of the readiness probe.
func (b *bench) startTime(data string) (time.Duration, error) {
	begin := time.Now()
	p, err := b.launchVitrine(data)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	err = p.ready(b.ctx, "/-/readiness")
	return time.Since(begin), err
}

// starts measures starts on a new folder each, or on one that is given.
func (b *bench) starts(what, data string) error {
	var all []time.Duration
	for i := range b.rounds {
		folder := data
		if folder == "" {
			folder = filepath.Join(b.dir, fmt.Sprintf("start-%d", i))
		}
		d, err := b.startTime(folder)
		if err != nil {
			return err
		}
		all = append(all, d)
	}
	b.table.most(what, "s", percentile(all, 50).Seconds(), 0.3, times(all))
	return nil
}

// start is the fifth measure, on empty data: the first start with everything
// that it makes, the password hash of root included.
func (b *bench) start() error { return b.starts("first start, new data", "") }
