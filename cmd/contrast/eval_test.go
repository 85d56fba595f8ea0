package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/cmd/contrast/internal/run"
	"github.com/contrast-go/contrast/infonce/train"
)

func TestEval(t *testing.T) {
	data, dir := bars(t), filepath.Join(t.TempDir(), "run")
	succeed(t, small(data, dir, "--steps=200")...)
	stdout, stderr := succeed(t, "eval", "--model", dir, "--json")
	var r scoreReport
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"knn", "recall@1", "recall@10", "mrr", "map@r", "auc"} {
		raw, trained := r.Raw.Get(name), r.Trained.Get(name)
		if !(raw > 0 && raw <= 1 && trained > 0 && trained <= 1) {
			t.Errorf("%s: raw %v, trained %v, want shares", name, raw, trained)
		}
	}
	if raw, trained := r.Untrained.Get("auc"), r.Trained.Get("auc"); trained < raw {
		t.Errorf("area under ROC is %v, untrained %v, want more", trained, raw)
	}
	if r.Trained.Get("collapsed") != 0 {
		t.Error("the encoder has collapsed")
	}
	for _, line := range []string{"20 images not trained on", "raw     untrained       trained", "MAP@R  ", "equal error rate", "collapsed", " no\n"} {
		if !strings.Contains(stderr, line) {
			t.Errorf("standard error lacks %q:\n%s", line, stderr)
		}
	}

	// The same samples under another name, and another layer.
	again, _ := succeed(t, "eval", "--model", dir, "--json", data, "--workers=3")
	if again != stdout {
		t.Errorf("with its own data: %s, want %s", again, stdout)
	}
	layer, _ := succeed(t, "eval", "--model", dir, "--json", "--layer=representation")
	if layer == stdout {
		t.Error("the representation measures as the embedding does")
	}
}

func TestEvalErrors(t *testing.T) {
	data, dir, stopped := bars(t), t.TempDir(), t.TempDir()
	succeed(t, small(data, dir)...)
	stopAt("step 10 of 40", small(data, stopped)...)
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{}, statusUsage, "--model"},
		{[]string{"--model", t.TempDir()}, statusFailed, train.CheckpointFile},
		{[]string{"--model", stopped}, statusFailed, "holds no finished run"},
		{[]string{"--model", dir, "--data=idx:no/such"}, statusFailed, "no/such"},
		{[]string{"--model", dir, "--data=glyphs"}, statusFailed, "glyphs has samples of 784 numbers, want the 48 of the encoder"},
		{[]string{"--model", dir, "--layer=first"}, statusUsage, "--layer"},
		{[]string{"--model", dir, "--workers=-1"}, statusUsage, "--workers is -1"},
	} {
		status, stdout, stderr := command(append([]string{"eval"}, c.args...)...)
		if status != c.status || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: status %d, stderr %q, want %d and %q", c.args, status, stderr, c.status, c.says)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, run.ModelFile), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := command("eval", "--model", dir); status != statusFailed || !strings.Contains(stderr, run.ModelFile) {
		t.Errorf("empty model: status %d, stderr %q", status, stderr)
	}
}
