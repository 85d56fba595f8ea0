package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReproduceInterrupted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "pictures")
	status, stderr := stopAt("exact critic, N = 64: done", "reproduce", "mi", "--quick", "--out", dir)
	if status != statusInterrupted || !strings.Contains(stderr, "contrast: interrupted: reproduce: mi: context canceled\n") {
		t.Errorf("status %d, standard error %q", status, stderr)
	}
	if files := contents(t, dir); len(files) > 0 {
		t.Errorf("files were written: %v", files)
	}
}

func TestReproduceFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := command("reproduce", "mi", "--out", file); status != statusFailed || !strings.Contains(stderr, "--out: ") {
		t.Errorf("status %d, standard error %q, want one about --out", status, stderr)
	}
}
