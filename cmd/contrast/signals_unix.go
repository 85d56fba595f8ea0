//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// endingSignals end the program: the third comes when its terminal is closed.
var endingSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

// ignoreSignals makes a limit of the size of files, and a reader of the output that is gone, errors
// where something is written, instead of the end of the program.
func ignoreSignals() { signal.Ignore(syscall.SIGXFSZ, syscall.SIGPIPE) }
