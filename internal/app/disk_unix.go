//go:build linux || darwin || freebsd

package app

import "golang.org/x/sys/unix"

// diskOf gives how many bytes are free, and how many there are, on the disk of a
// folder; 0 is unknown.
func diskOf(folder string) (free, whole int64) {
	var st unix.Statfs_t
	if err := unix.Statfs(folder, &st); err != nil {
		return 0, 0
	}
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize)
}
