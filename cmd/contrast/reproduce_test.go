package main

import (
	"encoding/json"
	"image/png"
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

func TestReproduce(t *testing.T) {
	dir := t.TempDir()
	stdout, stderr := succeed(t, "reproduce", "collapse", "--quick", "--out", dir, "--json", "--seed", "2")
	if strings.Count(stdout, "\n") != 1 {
		t.Errorf("standard output is %q, want one line", stdout)
	}
	var r struct {
		Experiment string
		Holds      bool
		Seed       uint64
		Seconds    float64
		Level      string
		Picture    string
		Tables     []struct {
			Columns []string
			Rows    [][]any
		}
		Verdicts []struct {
			Holds bool
			Says  string
		}
		Notes []string
	}
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("standard output %q: %v", stdout, err)
	}
	if r.Experiment != "collapse" || !r.Holds || r.Seed != 2 || !(r.Seconds > 0) || r.Level == "" || len(r.Tables) == 0 || len(r.Verdicts) == 0 || len(r.Notes) == 0 {
		t.Errorf("report is %+v", r)
	}
	for _, table := range r.Tables {
		for _, row := range table.Rows {
			if len(row) != len(table.Columns) {
				t.Errorf("row %v of a table with columns %v", row, table.Columns)
			}
		}
	}
	for _, want := range []string{"semi-hard", "holds  " + strings.Fields(r.Verdicts[0].Says)[0], "Wrote " + r.Picture} {
		if !strings.Contains(stderr, want) {
			t.Errorf("standard error lacks %q:\n%s", want, stderr)
		}
	}
	f, err := os.Open(filepath.Join(dir, "collapse.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if m, err := png.Decode(f); err != nil || m.Bounds().Dx() < 1500 {
		t.Errorf("picture: %v", err)
	}
}
