package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/contrast-go/contrast/infonce/train"
)

// The test binary is the command when it is started as such, so that tests can send it signals.
func TestMain(m *testing.M) {
	if os.Getenv("CONTRAST_TEST_COMMAND") != "" {
		main()
	}
	os.Exit(m.Run())
}

// contrast runs a command line in this process.
func contrast(args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	status = run(args, &out, &err)
	return status, out.String(), err.String()
}

// A small run, of a second or less.
func small(dir string, more ...string) []string {
	return append([]string{"train", "--steps", "24", "--batch", "16", "--seed", "3", "--every", "5", "--out", dir, "--json"}, more...)
}

// result parses the last line of stdout.
func result(t *testing.T, stdout string) (r trained) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	d := json.NewDecoder(strings.NewReader(lines[len(lines)-1]))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatalf("stdout %q: %v", stdout, err)
	}
	return r
}

func TestTrainWritesWhatItSays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	status, stdout, stderr := contrast(small(dir)...)
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	r := result(t, stdout)
	if r.Steps != 24 || r.Loss <= 0 || r.Seconds <= 0 || r.Level == "" || len(r.WeightsSHA256) != 64 {
		t.Errorf("result %+v", r)
	}
	for name, a := range map[string]accuracy{"raw": r.Eval.Raw, "untrained": r.Eval.Untrained, "trained": r.Eval.Trained} {
		if a.KNN <= 0 || a.KNN >= 1 || a.Recall <= 0 || a.Recall >= 1 {
			t.Errorf("%s: %+v", name, a)
		}
	}
	for _, key := range []string{`"weights_sha256":"`, `"raw":{"knn":`, `"recall@1":`} {
		if !strings.Contains(stdout, key) {
			t.Errorf("stdout lacks %s: %s", key, stdout)
		}
	}
	for _, name := range []string{"model.safetensors", "checkpoint.safetensors", "metrics.jsonl", "loss.png", "neighbours.png"} {
		if f, err := os.Stat(filepath.Join(dir, name)); err != nil || f.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	m, err := train.ReadModel(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if got := train.WeightsSHA256(m.Params().Values); got != r.WeightsSHA256 {
		t.Errorf("the model has weights %s, the run says %s", got, r.WeightsSHA256)
	}
	if !strings.Contains(stderr, "trained encoder") || !strings.Contains(stderr, "step 24/24") {
		t.Errorf("stderr lacks the table or the progress:\n%s", stderr)
	}
}

func TestTrainEveryLoss(t *testing.T) {
	for _, loss := range []string{"infonce", "clip", "triplet"} {
		dir := filepath.Join(t.TempDir(), loss)
		if status, _, stderr := contrast("train", "--loss", loss, "--steps", "3", "--batch", "16", "--out", dir); status != 0 {
			t.Errorf("%s: status %d: %s", loss, status, stderr)
		}
	}
}

// A run that is stopped or killed goes on bit for bit.
func TestResume(t *testing.T) {
	_, stdout, _ := contrast(small(filepath.Join(t.TempDir(), "straight"))...)
	want := result(t, stdout)
	for _, c := range []struct {
		name   string
		signal os.Signal
		status int // −1 for death by signal
		says   string
	}{
		{"interrupt", os.Interrupt, interrupted, "--resume --out"},
		{"kill", syscall.SIGKILL, -1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			cmd := exec.Command(os.Args[0], small(dir)...)
			cmd.Env = append(os.Environ(), "CONTRAST_TEST_COMMAND=1")
			pipe, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Skipf("this system can not start %s: %v", os.Args[0], err)
			}
			var said strings.Builder
			for s := bufio.NewScanner(pipe); s.Scan(); {
				said.WriteString(s.Text() + "\n")
				if strings.HasPrefix(s.Text(), "step 8/") {
					if err := cmd.Process.Signal(c.signal); err != nil {
						t.Fatal(err)
					}
				}
			}
			cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != c.status && got != 0 {
				t.Errorf("status %d, want %d: %s", got, c.status, said.String())
			} else if got == 0 {
				t.Log("the run was over before the signal came")
			} else if !strings.Contains(said.String(), c.says) {
				t.Errorf("stderr lacks %q: %s", c.says, said.String())
			}

			status, stdout, stderr := contrast(small(dir, "--resume")...)
			if status != 0 {
				t.Fatalf("status %d: %s", status, stderr)
			}
			got := result(t, stdout)
			if got.WeightsSHA256 != want.WeightsSHA256 || got.Loss != want.Loss || got.Eval != want.Eval {
				t.Errorf("resumed: %+v\nstraight: %+v", got, want)
			}
		})
	}
}

// Bad input is one line on stderr, and nothing is written or overwritten.
func TestBadInput(t *testing.T) {
	folder := func(t *testing.T, files map[string]string) string {
		dir := t.TempDir()
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	images := "\x00\x00\x08\x03\x00\x00\x00\x02\x00\x00\x00\x1c\x00\x00\x00\x1c"
	for _, c := range []struct {
		name   string
		args   func(t *testing.T) []string
		status int
		says   string
	}{
		{"temperature 0", flags("--temperature", "0"), failed, "--temperature is 0"},
		{"temperature negative", flags("--temperature=-1"), failed, "--temperature is -1"},
		{"temperature NaN", flags("--temperature", "NaN"), failed, "--temperature is NaN"},
		{"batch 1", flags("--batch", "1"), failed, "--batch is 1"},
		{"batch above the data", flags("--batch", "5000"), failed, "5000 samples"},
		{"steps 0", flags("--steps", "0"), failed, "--steps is 0"},
		{"rate NaN", flags("--lr", "NaN"), failed, "--lr is NaN"},
		{"loss unknown", flags("--loss", "hinge"), usage, "hinge"},
		{"flag unknown", flags("--epochs", "3"), usage, "--epochs"},
		{"data unknown", flags("--data", "cifar"), failed, `--data is "cifar"`},
		{"folder missing", flags("--data", "idx:no/such/folder"), failed, "no/such/folder"},
		{"IDX truncated", func(t *testing.T) []string {
			return []string{"--data", "idx:" + folder(t, map[string]string{"train-images-idx3-ubyte": images + "short"})}
		}, failed, "train-images-idx3-ubyte"},
		{"IDX lying", func(t *testing.T) []string {
			return []string{"--data", "idx:" + folder(t, map[string]string{"train-images-idx3-ubyte": "\x00\x00\x08\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"})}
		}, failed, "train-images-idx3-ubyte"},
		{"resume without folder", flags("--resume"), failed, "--out"},
		{"resume from nothing", func(t *testing.T) []string {
			return []string{"--resume", "--out", folder(t, nil)}
		}, failed, "checkpoint"},
		{"checkpoint broken", func(t *testing.T) []string {
			return []string{"--resume", "--out", folder(t, map[string]string{train.CheckpointFile: "not a checkpoint"})}
		}, failed, train.CheckpointFile},
		{"run in the way", func(t *testing.T) []string {
			return []string{"--out", folder(t, map[string]string{train.CheckpointFile: "a run"})}
		}, failed, "--force"},
		{"folder is a file", func(t *testing.T) []string {
			return []string{"--out", filepath.Join(folder(t, map[string]string{"file": ""}), "file", "run")}
		}, failed, "file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			args := append([]string{"train"}, c.args(t)...)
			before := listing(t, args)
			status, stdout, stderr := contrast(args...)
			if status != c.status || !strings.Contains(stderr, c.says) {
				t.Errorf("status %d, stderr %q, want %d and %q", status, stderr, c.status, c.says)
			}
			if stdout != "" || strings.Contains(stderr, "goroutine") {
				t.Errorf("stdout %q, stderr %q", stdout, stderr)
			}
			if lines := strings.Count(stderr, "\n"); c.status == failed && lines != 1 {
				t.Errorf("%d lines on stderr, want 1: %q", lines, stderr)
			}
			if after := listing(t, args); after != before {
				t.Errorf("files were\n%sand are\n%s", before, after)
			}
		})
	}
}

func flags(args ...string) func(*testing.T) []string {
	return func(*testing.T) []string { return args }
}

// listing returns the files of the working folder and of --out, with their contents.
func listing(t *testing.T, args []string) string {
	t.Helper()
	var text strings.Builder
	roots := []string{"."}
	for i, a := range args {
		if a == "--out" {
			roots = append(roots, args[i+1])
		}
	}
	for _, root := range roots {
		filepath.Walk(root, func(path string, f os.FileInfo, err error) error {
			if err == nil && !f.IsDir() {
				b, _ := os.ReadFile(path)
				text.WriteString(path + ": " + string(b) + "\n")
			}
			return nil
		})
	}
	return text.String()
}

func TestVerify(t *testing.T) {
	const cases = "../../internal/ref/testdata/losses.json"
	status, stdout, stderr := contrast("verify", cases, "--json")
	var v verification
	if err := json.Unmarshal([]byte(stdout), &v); err != nil || status != 0 || !v.OK || len(v.Conformance) < 8 {
		t.Fatalf("status %d, %v: %s%s", status, err, stdout, stderr)
	}

	// A wrong value must be noticed, and named.
	text, err := os.ReadFile(cases)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	first := file["cases"].([]any)[0].(map[string]any)
	first["value"] = first["value"].(float64) * (1 + 1e-5)
	tampered, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cases.json")
	if err := os.WriteFile(path, tampered, 0o666); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := contrast("verify", path); status != failed || !strings.Contains(stderr, "wrong:") {
		t.Errorf("tampered: status %d: %s", status, stderr)
	}
	for _, path := range []string{"no/such/file.json", "main.go"} {
		if status, _, stderr := contrast("verify", path); status != failed || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: status %d: %s", path, status, stderr)
		}
	}
}

func TestInfo(t *testing.T) {
	status, stdout, _ := contrast("info", "--json")
	var i info
	if err := json.Unmarshal([]byte(stdout), &i); err != nil || status != 0 || i.Level == "" || len(i.Levels) == 0 || !i.Subnormals {
		t.Errorf("status %d, %v: %s", status, err, stdout)
	}
	if status, stdout, _ := contrast("info"); status != 0 || !strings.Contains(stdout, i.Level) {
		t.Errorf("status %d: %s", status, stdout)
	}
}
