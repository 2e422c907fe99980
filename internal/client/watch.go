package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// errStalled is the cause when nothing has moved for too long.
var errStalled = errors.New("nothing moved for too long")

// finishTime is how long a server may take to answer what changes something,
// once it has all of it: a large file has to reach the disk.
const finishTime = 10 * time.Minute

// watchdog ends a request in which nothing moves. A request as a whole may
// take as long as it likes.
type watchdog struct {
	timer    *time.Timer
	cancel   context.CancelCauseFunc
	idle     time.Duration // between two pieces of a body
	patience time.Duration // between the end of the request and the answer
}

// watch gives a context that ends when the dog does not hear of progress.
func watch(ctx context.Context, idle, patience time.Duration) (context.Context, *watchdog) {
	ctx, cancel := context.WithCancelCause(ctx)
	d := &watchdog{cancel: cancel, idle: idle, patience: patience}
	d.timer = time.AfterFunc(patience, func() { cancel(errStalled) })
	return ctx, d
}

func (d *watchdog) progress() { d.timer.Reset(d.idle) }

// rest tells that it is not the server's turn.
func (d *watchdog) rest() { d.timer.Stop() }

// sent tells that the server has the whole request.
func (d *watchdog) sent() { d.timer.Reset(d.patience) }

func (d *watchdog) stop() {
	d.timer.Stop()
	d.cancel(nil)
}

// watchedBody is the body of an answer.
type watchedBody struct {
	io.ReadCloser
	ctx context.Context
	dog *watchdog
}

// Read tells the dog, and names the stall when there was one.
func (b *watchedBody) Read(p []byte) (int, error) {
	b.dog.progress()
	n, err := b.ReadCloser.Read(p)
	b.dog.rest()
	if err != nil && err != io.EOF {
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

// Close ends the request.
func (b *watchedBody) Close() error {
	err := b.ReadCloser.Close()
	b.dog.stop()
	return err
}

// sourceError is a failure to read what is to be sent: no other attempt helps.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// watchedSource is the body of a request.
type watchedSource struct {
	io.ReadCloser
	dog *watchdog
}

// Read tells the dog, and marks errors as ours.
func (s *watchedSource) Read(p []byte) (int, error) {
	s.dog.progress()
	n, err := s.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		s.dog.sent()
	case err != nil:
		err = &sourceError{fmt.Errorf("cannot read what is to be sent: %w", err)}
	}
	return n, err
}
