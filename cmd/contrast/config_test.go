package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/train"
)

// A run under a file of settings is that under the flags, which come first where both say
// something.
func TestConfig(t *testing.T) {
	data, dir := bars(t), t.TempDir()
	straight := filepath.Join(dir, "straight")
	flags := []string{"train", data, "--out", straight, "--steps=20", "--batch=12", "--hidden=16,12", "--dim=8", "--loss=moco", "--seed=18446744073709551615", "--optimizer=sgd", "--warmup=0", "--clip-norm=0.5", "--augment=crop=0.5,noise=0", "--learn-temperature"}
	succeed(t, flags...)
	want := contents(t, straight)[filepath.Join(straight, train.CheckpointFile)]
	for name, text := range map[string]string{
		"yaml": "loss: moco\nsteps: 99\nbatch: 12\nhidden: [16, 12]\ndim: 8\nseed: 18446744073709551615\noptimizer: sgd\nwarmup: 0\nclip-norm: 0.5 # of the norm\naugment: {crop: 0.5, noise: 0}\nlearn-temperature: true\nworkers: 3\n",
		"json": `{"loss": "moco", "steps": 99, "batch": 12, "hidden": [16, 12], "dim": 8, "seed": 18446744073709551615, "optimizer": "sgd", "warmup": 0, "clip-norm": 0.5, "augment": {"noise": 0, "crop": 0.5}, "learn-temperature": true}`,
	} {
		file, out := filepath.Join(dir, "config."+name), filepath.Join(dir, name)
		write(t, file, []byte(text))
		succeed(t, "train", "--config", file, data, "--out", out, "--steps=20")
		if got := contents(t, out)[filepath.Join(out, train.CheckpointFile)]; got != want {
			t.Errorf("%s: the checkpoint differs from that of the flags", name)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	for _, c := range []struct{ text, says string }{
		{"loss: [1, [2]]", "line 1: loss: got a list of lists"},
		{"steps: 9\nlos: clip", `line 2: got "los", want one of activation, arch, augment, batch, `},
		{"out: here", `line 1: got "out"`},
		{"steps: {a: 1}", "steps"},
		{"augment: {crop: [1]}", "got an object of lists"},
		{"steps: many", "steps"},
		{"steps: 0", "--steps is 0"},
		{"loss: nope", "nope"},
		{"- 1", "cannot unmarshal"},
		{"a: b: c", "mapping values"},
		{"steps: 9\n---\nsteps: 8", "more than one document"},
		{strings.Repeat("#", 2<<20), "size"},
	} {
		write(t, file, []byte(c.text))
		status, stdout, stderr := command("train", "--config", file)
		if status == statusOK || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.says) || !strings.Contains(stderr, file) {
			t.Errorf("%.20q: status %d, stderr %q, want one line with %q", c.text, status, stderr, c.says)
		}
	}
	for _, path := range []string{"no/such/file", t.TempDir()} {
		if status, _, stderr := command("train", "--config", path); status != statusFailed || strings.Count(stderr, path) != 1 {
			t.Errorf("%s: status %d, stderr %q", path, status, stderr)
		}
	}
}
