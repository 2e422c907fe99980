package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// maxSecret bounds a secret read from standard input, in bytes.
const maxSecret = 4096

// readSecret reads one line.
func readSecret(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxSecret)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.New("standard input is empty; write the secret there, on one line")
	}
	return line, nil
}

// errorText is an error as a person reads it.
func errorText(err error) string {
	e, ok := fault.As(err)
	if !ok {
		return err.Error()
	}
	switch {
	case e.Msg == "" && e.Kind == fault.NotFound:
		return fmt.Sprintf("there is no %s %q", e.Noun, e.Name)
	case e.Msg == "":
		return e.Error()
	case e.Field != "" && !strings.HasPrefix(e.Msg, e.Field):
		return e.Field + " " + e.Msg
	}
	return e.Msg
}
