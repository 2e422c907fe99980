package httpx

import (
	"errors"
	"io"
	"net/http"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Body is what a request brings. An error on the way to its end, other than one
// that says more, is fault.Invalid with noun "body": it is the client's.
func Body(r *http.Request) io.Reader { return body{r.Body} }

type body struct{ r io.Reader }

func (b body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, err
	}
	if _, known := fault.As(err); !known {
		err = &fault.Error{Kind: fault.Invalid, Noun: "body", Msg: "cannot be read to its end", Err: err}
	}
	return n, err
}
