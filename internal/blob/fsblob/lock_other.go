//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package fsblob

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// freshFor is how long after its last write an upload of another process is
// taken to be in use, since there is no lock to tell.
const freshFor = 24 * time.Hour

// locked has the paths of the uploads that this process has open.
var locked sync.Map

// lock takes the lock of f within this process; errLocked means that it is
// taken.
func lock(f *os.File) error {
	if other, taken := locked.LoadOrStore(f.Name(), f); taken && other != f {
		return errLocked
	}
	return nil
}

// unlock ends the lock that f has.
func unlock(f *os.File) { locked.CompareAndDelete(f.Name(), f) }

// isLive reports whether somebody has the upload open, or may have.
func isLive(path string, fi fs.FileInfo) (bool, error) {
	_, taken := locked.Load(path)
	return taken || time.Since(fi.ModTime()) < freshFor, nil
}

// keepsFresh reports that another process may have f open.
func keepsFresh(f *os.File) bool {
	fi, err := f.Stat()
	return err != nil || time.Since(fi.ModTime()) < freshFor
}

// discard removes the file of f, which has to be closed for that.
func discard(f *os.File) error {
	defer unlock(f)
	return errors.Join(closeOnce(f), remove(f.Name()))
}

// rename moves the file of f, which has to be closed for that.
func rename(f *os.File, from, to string) error {
	if err := closeOnce(f); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// isFull reports errors that freeing space, or a higher quota, would cure; the
// numbers are ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL of Windows.
func isFull(err error) bool {
	if runtime.GOOS == "windows" {
		return errors.Is(err, syscall.Errno(39)) || errors.Is(err, syscall.Errno(112))
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG)
}

// syncDir does nothing: a directory cannot be synced here.
func syncDir(string) error { return nil }
