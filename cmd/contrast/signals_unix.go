//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// ignoreFileLimit makes a limit of the size of files an error where something is written, instead
// of the end of the program.
func ignoreFileLimit() { signal.Ignore(syscall.SIGXFSZ) }
