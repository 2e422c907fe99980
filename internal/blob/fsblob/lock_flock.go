//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package fsblob

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// lock takes the lock of f without waiting; errLocked means that somebody
// else has it. It belongs to this opening of the file, not to the process, and
// ends when f is closed.
func lock(f *os.File) error { return flock(f, unix.LOCK_EX) }

// unlock is for systems where closing is not enough.
func unlock(*os.File) {}

func flock(f *os.File, how int) error {
	for {
		switch err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); err {
		case unix.EINTR:
		case unix.EWOULDBLOCK:
			return errLocked
		case nil:
			return nil
		default:
			return &fs.PathError{Op: "flock", Path: f.Name(), Err: err}
		}
	}
}

// isLive reports whether somebody has the upload open. It asks for a shared
// lock, so that any number may ask at the same time.
func isLive(path string, _ fs.FileInfo) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	err = flock(f, unix.LOCK_SH)
	if errors.Is(err, errLocked) {
		return true, nil
	}
	return false, err
}

// keepsFresh is for systems where a lock cannot be trusted.
func keepsFresh(*os.File) bool { return false }

// discard removes the file of f while the lock still keeps others away.
func discard(f *os.File) error { return errors.Join(remove(f.Name()), closeOnce(f)) }

// rename moves the file of f; its lock stays.
func rename(_ *os.File, from, to string) error { return os.Rename(from, to) }

// isFull reports errors that freeing space, or a higher quota, would cure.
func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG)
}

// syncDir makes the names in dir survive a crash.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	// Some file systems cannot sync a directory; they have nothing to sync.
	if err := f.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return ioFault(err)
	}
	return nil
}
