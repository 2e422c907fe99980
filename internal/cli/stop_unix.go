//go:build unix

package cli

import (
	"os/signal"
	"syscall"
)

// surviveFileLimit lets a file-size limit fail a write instead of killing the
// server.
func surviveFileLimit() { signal.Ignore(syscall.SIGXFSZ) }
