package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/cmd/contrast/internal/run"
	"github.com/contrast-go/contrast/infonce/train"
)

// Flags of the version before are taken for those of now, each with a line that names it.
func TestRenamedFlags(t *testing.T) {
	data, dir := bars(t), t.TempDir()
	flags := func(out string, more ...string) []string {
		return append([]string{"train", data, "--out", out, "--steps=20", "--batch=12", "--hidden=16", "--dim=8", "--loss=moco", "--queue=31"}, more...)
	}
	checkpoint := func(out string) string { return contents(t, out)[filepath.Join(out, train.CheckpointFile)] }
	now := filepath.Join(dir, "now")
	succeed(t, flags(now, "--weight-decay=0.02", "--clip-norm=0.5", "--checkpoint-every=7", "--ema=0.9")...)

	before := filepath.Join(dir, "before")
	_, stderr := succeed(t, flags(before, "--decay", "0.02", "--clip=0.5", "--every=7", "--momentum=0.9")...)
	if checkpoint(before) != checkpoint(now) {
		t.Error("the checkpoint of the old flags differs from that of the new ones")
	}
	for _, line := range []string{"--decay is now --weight-decay", "--clip is now --clip-norm", "--every is now --checkpoint-every", "--momentum is now --ema for the key encoder; --momentum is for sgd"} {
		if strings.Count(stderr, "contrast: "+line+"\n") != 1 {
			t.Errorf("standard error does not say once %q:\n%s", line, stderr)
		}
	}

	file, config := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "config")
	write(t, file, []byte("decay: 0.02\nclip: 0.5\nevery: 7\nmomentum: 0.9\n"))
	_, stderr = succeed(t, flags(config, "--config", file)...)
	if checkpoint(config) != checkpoint(now) || !strings.Contains(stderr, file+": decay is now weight-decay\n") || !strings.Contains(stderr, "--momentum is now --ema") {
		t.Errorf("the checkpoint of a file of old flags differs, or nothing is said of them:\n%s", stderr)
	}

	// With sgd it is the momentum of sgd, which may not be what was meant.
	_, stderr = succeed(t, flags(filepath.Join(dir, "sgd"), "--optimizer=sgd", "--momentum=0.5")...)
	if !strings.Contains(stderr, "--momentum is now that of sgd; the decay of the key encoder is --ema\n") || !strings.Contains(stderr, `"ema":0.995,`) || !strings.Contains(stderr, `"momentum":0.5,`) {
		t.Errorf("with sgd:\n%s", stderr)
	}
	if _, stderr := succeed(t, flags(filepath.Join(dir, "both"), "--optimizer=sgd", "--momentum=0.5", "--ema=0.9")...); strings.Contains(stderr, "now") {
		t.Errorf("nothing is ambiguous, but:\n%s", stderr)
	}
}

// A run of the version before goes on to the weights that it had there, and can be measured.
func TestRunOfTheVersionBefore(t *testing.T) {
	fixture := contents(t, filepath.Join("testdata", "before"))
	data := strings.TrimPrefix(bars(t), "--data=idx:")
	t.Chdir(t.TempDir())
	if err := os.Rename(data, "bars"); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{nil, {"--ema=0.9", "--clip-norm=0.5", "--momentum=0.9"}} {
		dir := t.TempDir()
		for path, content := range fixture {
			write(t, filepath.Join(dir, filepath.Base(path)), []byte(content))
		}
		stdout, stderr := succeed(t, append([]string{"train", "--resume", "--out", dir, "--json"}, flags...)...)
		const want = "1c34ab75f025cec37ae3524c6d6337ce81997975cad8bcec1daaff704bc46ca2"
		if got := reportOf(t, stdout).WeightsSHA256; got != want || !strings.Contains(stderr, "resumed after step 36\n") {
			t.Errorf("%v: weights %s, want %s:\n%s", flags, got, want, stderr)
		}
		if _, stderr := succeed(t, "eval", "--model", dir); !strings.Contains(stderr, "20 images not trained on") {
			t.Errorf("eval: %s", stderr)
		}
		if _, err := os.Stat(filepath.Join(dir, run.ModelFile)); err != nil {
			t.Error(err)
		}
		before := contents(t, dir)
		status, _, stderr := command("train", "--resume", "--out", dir, "--ema=0.8")
		if status != statusFailed || !strings.Contains(stderr, `config: got "ema" 0.9, want 0.8`) || before[filepath.Join(dir, run.ModelFile)] != contents(t, dir)[filepath.Join(dir, run.ModelFile)] {
			t.Errorf("another --ema: status %d, %s", status, stderr)
		}
	}
}

// In the version before, samples of a class were negatives of each other unless there was a queue.
// The steps that are left are made likewise.
func TestSupervisedRunOfTheVersionBefore(t *testing.T) {
	dir := t.TempDir()
	for path, content := range contents(t, filepath.Join("testdata", "before_supervised")) {
		write(t, filepath.Join(dir, filepath.Base(path)), []byte(content))
	}
	data := strings.TrimPrefix(bars(t), "--data=idx:")
	t.Chdir(t.TempDir())
	if err := os.Rename(data, "bars"); err != nil {
		t.Fatal(err)
	}
	stdout, stderr := succeed(t, "train", "--resume", "--out", dir, "--json")
	if !strings.Contains(stderr, "note: a run of the version before: ") {
		t.Errorf("nothing is said of that:\n%s", stderr)
	}
	const before = "9260db0455ab887c76d4505ef3b5793e8ad65b482646c556cfb414b315d63f44"
	if got := reportOf(t, stdout).WeightsSHA256; got != before {
		t.Errorf("resumed: weights %s, want %s", got, before)
	}
	stdout, _ = succeed(t, "train", "--data=idx:bars", "--batch=10", "--hidden=8", "--dim=4", "--supervised", "--steps=40", "--seed=3", "--out", t.TempDir(), "--json")
	if got := reportOf(t, stdout).WeightsSHA256; got == before {
		t.Error("a new run has samples of a class as negatives of each other")
	}
}

// A flag of its own name says what is meant, and no setting is there twice.
func TestRenamedFlagsGiveWay(t *testing.T) {
	data, dir := bars(t), t.TempDir()
	_, stderr := succeed(t, small(data, dir, "--steps=2", "--loss=moco", "--momentum=0.9", "--ema=0.5")...)
	if !strings.Contains(stderr, `"ema":0.5,`) {
		t.Errorf("--ema gives way to --momentum:\n%s", stderr)
	}
	config := filepath.Join(t.TempDir(), "twice.yaml")
	write(t, config, []byte("decay: 0.3\nweight-decay: 0.2\n"))
	for range 10 {
		status, _, stderr := command(small(data, t.TempDir(), "--config="+config)...)
		if want := "line 2: weight-decay is there twice, under its old name and its new one"; status != statusFailed || !strings.Contains(stderr, want) {
			t.Fatalf("status %d, stderr %q, want %q", status, stderr, want)
		}
	}
}
