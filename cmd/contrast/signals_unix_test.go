//go:build unix

package main

import (
	"io"
	"maps"
	"os"
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
		cmd, stderr := startCommand(t, "verify", pipe)
		writer := -1
		for writer < 0 { // until the command opens the pipe
			var err error
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

// Two processes in one folder would destroy each other's run: the second is refused, and touches nothing.
func TestFolderInUse(t *testing.T) {
	data, dir := bars(t), t.TempDir()
	succeed(t, small(data, dir)...)
	before := contents(t, dir)
	held, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(held.Fd()), syscall.LOCK_EX); err != nil {
		t.Skip("no locks here: ", err)
	}
	want := "contrast: --out: " + dir + " is in use by another process\n"
	for _, line := range [][]string{small(data, dir, "--force"), {"train", "--resume", "--out", dir}} {
		if status, _, stderr := command(line...); status != statusFailed || !strings.HasSuffix(stderr, want) {
			t.Errorf("%v: status %d, stderr %q, want %q", line, status, stderr, want)
		}
	}
	if !maps.Equal(before, contents(t, dir)) {
		t.Error("the folder was touched")
	}
	held.Close()
	succeed(t, small(data, dir, "--force")...)
}
