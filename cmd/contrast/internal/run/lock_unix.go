//go:build unix && !solaris && !illumos && !aix

package run

import (
	"errors"
	"os"
	"syscall"
)

// lockFile reports whether no other process has locked f. The lock ends with the process, or when f
// is closed.
func lockFile(f *os.File) bool {
	return !errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}
