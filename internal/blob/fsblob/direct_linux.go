package fsblob

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// directAlign is what direct writes have to be aligned to, in memory, length
// and offset; no disk in use asks for more.
const directAlign = 4096

// setDirect turns direct writing of f on or off: around the page cache,
// straight to the disk. A large model then costs no memory that other files
// were cached in, and no second copy of its bytes.
func setDirect(f *os.File, on bool) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	err = c.Control(func(fd uintptr) {
		flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
		if err == nil {
			flags &^= unix.O_DIRECT
			if on {
				flags |= unix.O_DIRECT
			}
			_, err = unix.FcntlInt(fd, unix.F_SETFL, flags)
		}
		ferr = err
	})
	return errors.Join(err, ferr)
}

// mayDirect reports whether p can be written directly at off.
func mayDirect(p []byte, off int64) bool {
	return len(p) > 0 && len(p)%directAlign == 0 && off%directAlign == 0 &&
		uintptr(unsafe.Pointer(unsafe.SliceData(p)))%directAlign == 0
}

// noDirect reports whether err says that this file cannot be written directly.
func noDirect(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP)
}
