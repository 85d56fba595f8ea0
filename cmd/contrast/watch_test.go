package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/simd"
)

func TestMonitorTellsOfCollapseOnce(t *testing.T) {
	x := simd.NewMatrix(30, 4)
	for i := range x.Data {
		x.Data[i] = float32(i*i%11) - 5
	}
	h := &held{q: x, labels: make([]int, 30)}
	for i := range h.labels {
		h.labels[i] = i % 3
	}
	scale := float32(1)
	see := func(x simd.Matrix) simd.Matrix {
		z := simd.NewMatrix(x.Rows, x.Cols)
		for i, v := range x.Data {
			z.Data[i] = 1 + scale*v
		}
		return z
	}
	m := &monitor{every: 10, sample: h, see: embedder{"rows", see, see}, path: filepath.Join(t.TempDir(), monitorFile)}
	for _, c := range []struct {
		step  int
		scale float32
		looks int
		says  string
	}{
		{5, 0, 0, ""},
		{10, 1, 1, ""},
		{10, 0, 1, ""},
		{20, 1e-3, 2, "step 20: the encoder has collapsed: "},
		{30, 0, 3, ""},
	} {
		scale = c.scale
		l, err := m.step(c.step)
		if err != nil || len(m.looks) != c.looks {
			t.Errorf("step %d: %d looks, %v, want %d", c.step, len(m.looks), err, c.looks)
		}
		says := ""
		if l != nil {
			says = m.warning(l)
		}
		if !strings.HasPrefix(says, c.says) || (says == "") != (c.says == "") {
			t.Errorf("step %d: says %q, want %q", c.step, says, c.says)
		}
	}
	// What a resumed run finds of the steps before it, in a file whose end was cut off.
	content := contents(t, m.path)[m.path]
	write(t, m.path, []byte(content[:len(content)-5]))
	for first, want := range map[int]int{9: 0, 10: 1, 25: 2, 40: 2} {
		if looks, err := readLooks(m.path, first); err != nil || len(looks) != want {
			t.Errorf("after step %d: %d looks, %v, want %d", first, len(looks), err, want)
		}
	}
}

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
	page := func() string { return contents(t, dir)[filepath.Join(dir, reportFile)] }
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
