//go:build unix

package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// A signal ends a command that does not look for one: here while it reads a pipe that nobody
// writes.
func TestSignalsEndEveryCommand(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip("no named pipes: ", err)
	}
	for _, sent := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		cmd := exec.Command(os.Args[0], "verify", pipe)
		cmd.Env = append(os.Environ(), commandVariable+"=1")
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		switch err := cmd.Start(); {
		case cannotStart(err):
			t.Skip("this system does not run the test binary on its own: ", err)
		case err != nil:
			t.Fatal(err)
		}
		writer := -1
		for writer < 0 { // until the command opens the pipe
			if writer, err = syscall.Open(pipe, syscall.O_WRONLY|syscall.O_NONBLOCK, 0); err == syscall.ENXIO {
				runtime.Gosched()
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Signal(sent); err != nil {
			t.Fatal(err)
		}
		said, _ := io.ReadAll(stderr)
		cmd.Wait()
		syscall.Close(writer)
		if got := cmd.ProcessState.ExitCode(); got != statusInterrupted || !strings.HasSuffix(string(said), "contrast: interrupted\n") {
			t.Errorf("%v: status %d, stderr %q, want %d and that it was interrupted", sent, got, said, statusInterrupted)
		}
	}
}
