package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/cmd/contrast/internal/run"
	"github.com/contrast-go/contrast/infonce/train"
)

func TestTensorBoard(t *testing.T) {
	data, dir := bars(t), t.TempDir()
	events := func() (n int) {
		for path, content := range contents(t, dir) {
			if strings.HasPrefix(filepath.Base(path), "events.out.tfevents.") {
				n++
				for _, tag := range []string{"train/loss", "held_out/mean_distance"} {
					if !strings.Contains(content, tag) {
						t.Errorf("%s lacks %s", path, tag)
					}
				}
			}
		}
		return n
	}
	stopAt("step 10 of 40", small(data, dir, "--tensorboard")...)
	if n := events(); n != 1 {
		t.Errorf("%d event files, want 1", n)
	}
	succeed(t, "train", "--resume", "--out", dir, "--tensorboard")
	if n := events(); n != 2 {
		t.Errorf("%d event files of a resumed run, want 2", n)
	}
	succeed(t, small(data, dir, "--force")...)
	if n := events(); n != 0 {
		t.Errorf("%d event files of a run that was replaced, want none", n)
	}
	if _, err := train.ReadCheckpoint(filepath.Join(dir, train.CheckpointFile)); err != nil {
		t.Error(err)
	}
}

// The page of a run shows it while it goes on, and what it led to at its end.
func TestReport(t *testing.T) {
	data, dir := bars(t), t.TempDir()
	page := func() string { return contents(t, dir)[filepath.Join(dir, run.ReportFile)] }
	stopAt("step 20 of 40", small(data, dir, "--report")...)
	running := page()
	for _, want := range []string{"NT-Xent on ", "Mean distance, held out", "learn-temperature"} {
		if !strings.Contains(running, want) == (want != "learn-temperature") {
			t.Errorf("the page of a run under way: %q is there: %v", want, strings.Contains(running, want))
		}
	}
	succeed(t, "train", "--resume", "--out", dir, "--report")
	done := page()
	for _, want := range []string{"raw pixels", "trained encoder", "kNN (5)", "data:image/png;base64,", "Norm of the gradient"} {
		if !strings.Contains(done, want) {
			t.Errorf("the page of a finished run lacks %q", want)
		}
	}
	if links := strings.ReplaceAll(done, "http://www.w3.org/2000/svg", ""); strings.Contains(links, "http://") || strings.Contains(links, "https://") {
		t.Error("the page refers to the network")
	}
	succeed(t, small(data, dir, "--force")...)
	if page() != "" {
		t.Error("the page of a run that was replaced is still there")
	}
}
