//go:build !linux

package fsblob

import (
	"errors"
	"os"
)

// Elsewhere everything goes through the page cache.

func setDirect(*os.File, bool) error { return errors.ErrUnsupported }

func mayDirect([]byte, int64) bool { return false }

func noDirect(error) bool { return false }
