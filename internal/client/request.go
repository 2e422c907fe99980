package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// call is one request, which can be sent several times.
type call struct {
	method string
	path   string // escaped, below prefix
	prefix string // empty: /api/v4
	query  url.Values
	header http.Header
	size   int64                         // of the body
	open   func() (io.ReadCloser, error) // gives the body from its start; nil: none
	again  bool                          // sending twice does what sending once does, whatever the method
	once   bool                          // it is not to be sent twice all the same
}

// idempotent reports whether sending twice does what sending once does.
func (cl *call) idempotent() bool {
	return !cl.once && (cl.again || slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPut}, cl.method))
}

const (
	maxAttempts = 6
	maxPause    = time.Minute // longer Retry-After are cut
	maxAnswer   = 64 << 20    // bytes of a JSON answer
)

// send sends until there is an answer that says yes, or no chance of one. The
// caller closes the body of the response.
func (c *Client) send(ctx context.Context, cl *call) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		resp, err := c.try(ctx, cl)
		if err != nil && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err == nil || attempt == maxAttempts || !cl.idempotent() || !c.transient(err) {
			return resp, err
		}
		if err := c.pause(ctx, attempt, err); err != nil {
			return nil, err
		}
	}
}

// try sends once.
func (c *Client) try(ctx context.Context, cl *call) (*http.Response, error) {
	patience := c.options.Idle
	if cl.method != http.MethodGet && cl.method != http.MethodHead {
		patience = max(patience, finishTime)
	}
	ctx, dog := watch(ctx, c.options.Idle, patience)
	req, err := c.request(ctx, cl, dog)
	if err != nil {
		dog.stop()
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		err = c.unreached(ctx, err)
		dog.stop()
		return nil, err
	}
	c.reached.Store(true)
	resp.Body = &watchedBody{ReadCloser: resp.Body, ctx: ctx, dog: dog}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, refusal(resp)
}

func (c *Client) request(ctx context.Context, cl *call, dog *watchdog) (*http.Request, error) {
	target := c.base.String() + cmp.Or(cl.prefix, apiPrefix) + cl.path
	if len(cl.query) > 0 {
		target += "?" + cl.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, cl.method, target, nil)
	if err != nil {
		return nil, err
	}
	if cl.header != nil {
		req.Header = cl.header.Clone()
	}
	if c.options.UserAgent != "" {
		req.Header.Set("User-Agent", c.options.UserAgent)
	}
	// A custom HTTP client may ask for compression, which ranges cannot have.
	req.Header.Set("Accept-Encoding", "identity")
	c.authorize(req.Header)
	if cl.open == nil || cl.size == 0 {
		return req, nil
	}
	// With GetBody, a kept connection that turns out to be closed is replaced
	// without our noticing.
	req.GetBody = func() (io.ReadCloser, error) {
		body, err := cl.open()
		if err != nil {
			return nil, &sourceError{err}
		}
		return &watchedSource{ReadCloser: body, dog: dog}, nil
	}
	req.ContentLength = cl.size
	req.Body, err = req.GetBody()
	return req, err
}

// unreached says in a few words why there is no answer.
func (c *Client) unreached(ctx context.Context, err error) error {
	var local *sourceError
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errStalled):
		return fmt.Errorf("%s does not answer: %w", c.URL(), errStalled)
	case cause != nil:
		return cause
	case errors.As(err, &local):
		return local
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // without method and address
	}
	if _, ok := fault.As(err); ok {
		return err
	}
	return fmt.Errorf("cannot reach %s: %w", c.URL(), err)
}

// transient reports whether another attempt could go better.
func (c *Client) transient(err error) bool {
	var local *sourceError
	if errors.As(err, &local) {
		return false
	}
	if s, ok := errors.AsType[*statusError](err); ok {
		switch s.code {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	if _, ok := fault.As(err); ok {
		return false
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "dial" {
		return c.reached.Load()
	}
	return !certificate(err)
}

// pause waits before attempt+1, longer each time or as long as the server asks.
func (c *Client) pause(ctx context.Context, attempt int, err error) error {
	wait := c.options.Backoff << (attempt - 1)
	wait += time.Duration(rand.Int64N(int64(wait)/4 + 1)) // so that parallel transfers do not come back together
	if s, ok := errors.AsType[*statusError](err); ok && s.after > 0 {
		wait = s.after
	}
	t := time.NewTimer(min(wait, maxPause))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// exchange sends in as JSON and reads the answer into out; nil leaves either
// away. It gives the headers of the answer.
func (c *Client) exchange(ctx context.Context, method, path string, query url.Values, in, out any) (http.Header, error) {
	return c.perform(ctx, &call{method: method, path: path, query: query}, in, out)
}

// perform is exchange for a call that is more than method and address.
func (c *Client) perform(ctx context.Context, cl *call, in, out any) (http.Header, error) {
	cl.header = http.Header{"Accept": {"application/json"}}
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		cl.header.Set("Content-Type", "application/json")
		cl.size = int64(len(data))
		cl.open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	}
	resp, err := c.send(ctx, cl)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("the answer of %s broke off: %w", c.URL(), err)
	}
	if out == nil {
		return resp.Header, nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return nil, &fault.Error{Kind: fault.Unsupported, Noun: "server", Err: err,
			Msg: c.URL() + " does not answer like a Vitrine server; check the address"}
	}
	return resp.Header, nil
}
