package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// commandVariable makes the test binary the command, for the tests that send signals.
const commandVariable = "CONTRAST_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(commandVariable) != "" {
		main()
	}
	os.Exit(m.Run())
}

// startCommand starts a command line in a process of its own, for signals.
func startCommand(t *testing.T, args ...string) (cmd *exec.Cmd, stderr io.Reader) {
	t.Helper()
	cmd = exec.Command(os.Args[0], args...)
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
	return cmd, stderr
}

// command runs a command line in this process.
func command(args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	status = start(context.Background(), args, &out, &err)
	return status, out.String(), err.String()
}

// succeed is command where nothing may go wrong.
func succeed(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	status, stdout, stderr := command(args...)
	if status != statusOK {
		t.Fatalf("%v: status %d: %s", args, status, stderr)
	}
	return stdout, stderr
}

// idxFile returns an IDX file of bytes.
func idxFile(data []byte, dims ...uint32) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return append(b, data...)
}

// bars writes a small dataset of the MNIST family to a new folder and returns the
// flag that names it: images of 8×6 pixels, 60 to train on and 20 to test with, a bright bar
// each whose row is the class.
func bars(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, set := range []struct {
		name string
		n    int
	}{{"train", 60}, {"t10k", 20}} {
		var pixels, labels []byte
		for i := range set.n {
			labels = append(labels, byte(i%6))
			for p := range 8 * 6 {
				v := byte((i*37 + p*11) % 50)
				if p/8 == i%6 {
					v += 180
				}
				pixels = append(pixels, v)
			}
		}
		write(t, filepath.Join(dir, set.name+"-images-idx3-ubyte"), idxFile(pixels, uint32(set.n), 6, 8))
		write(t, filepath.Join(dir, set.name+"-labels-idx1-ubyte"), idxFile(labels, uint32(set.n)))
	}
	return "--data=idx:" + dir
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
}

// contents returns all files below the given folders with their contents.
func contents(t *testing.T, folders ...string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for _, root := range folders {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && !d.Type().IsRegular() {
				return nil
			}
			if err == nil {
				var b []byte
				b, err = os.ReadFile(path)
				files[path] = string(b)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestHelp(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--help"}, []string{"train", "info", "verify"}},
		{[]string{"train", "-h", "--steps", "0"}, []string{"--data", "--loss", "--resume", "--json", "runs/001"}},
		{[]string{"verify", "--help"}, []string{"[<file>]", "--json"}},
		{[]string{"reproduce", "--help"}, []string{"<name>", "    mi   ", "Poole et al. 2019", "--quick", "--large", "--json"}},
	} {
		stdout, _ := succeed(t, c.args...)
		for _, want := range c.want {
			if !strings.Contains(stdout, want) {
				t.Errorf("%v: help lacks %q:\n%s", c.args, want, stdout)
			}
		}
	}
}

func TestWrongCommandLine(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "train"},
		{[]string{"teach"}, "teach"},
		{[]string{"info", "more"}, "more"},
		{[]string{"train", "--epochs", "3"}, "--epochs"},
		{[]string{"train", "--steps", "many"}, "many"},
		{[]string{"train", "--steps", "0"}, "--steps is 0, want at least 1"},
		{[]string{"train", "--loss", "hinge"}, "hinge"},
		{[]string{"train", "--data", "cifar:"}, `--data is "cifar:", want a folder after cifar:`},
		{[]string{"train", "--arch", "tree"}, `--arch is "tree", want one of mlp, linear`},
		{[]string{"train", "--activation", "step"}, `--activation is "step", want one of relu, gelu`},
		{[]string{"train", "--split", "people"}, `--split is "people", want one of samples, classes`},
		{[]string{"train", "--hidden", "8", "--arch", "linear"}, "--hidden is for --arch mlp or cnn"},
		{[]string{"train", "--residual"}, "--residual is for embeddings"},
		{[]string{"train", "--holdout", "0.1"}, "--holdout is for embeddings"},
		{[]string{"train", "--holdout", "1"}, "--holdout is 1, want a share from 0 up to 1"},
		{[]string{"train", "--labels", "x.npy"}, "--labels is for a file of embeddings"},
		{[]string{"train", "--image-size", "32"}, `--image-size is "32", want WIDTHxHEIGHT, such as 64x64`},
		{[]string{"train", "--pairs", "q.npy"}, "--pairs has 1 files, want two"},
		{[]string{"train", "--pairs", "q.npy,k.npy", "--labels", "x"}, "--pairs needs neither --labels nor --triplets"},
		{[]string{"eval", "--model", "x", "--labels", "y"}, "--labels needs the samples that it belongs to"},
		{[]string{"eval", "--model", "x", "--data", "y", "--pairs", "q,k"}, "--data"},
		{[]string{"eval", "--model", "x", "--limit", "1"}, "--limit is 1, want 2 or more"},
		{[]string{"train", "--data", "idx:"}, "want a folder after idx:"},
		{[]string{"train", "--batch", "1"}, "--batch is 1, want at least 2"},
		{[]string{"train", "--batch", "0"}, "--batch is 0"},
		{[]string{"train", "--temperature", "0"}, "--temperature is 0, want a finite number above 0"},
		{[]string{"train", "--temperature", "-1"}, "--temperature is -1"},
		{[]string{"train", "--temperature", "NaN"}, "--temperature is NaN"},
		{[]string{"train", "--temperature", "Inf"}, "--temperature is +Inf"},
		{[]string{"train", "--temperature", "1e-60"}, "--temperature is 0"},
		{[]string{"train", "--loss", "triplet", "--margin", "NaN"}, "--margin is NaN"},
		{[]string{"train", "--lr", "NaN"}, "--lr is NaN"},
		{[]string{"train", "--weight-decay", "-0.1"}, "--weight-decay is -0.1"},
		{[]string{"train", "--seed", "-1"}, "-1"},
		{[]string{"train", "--hidden", ""}, "--hidden"},
		{[]string{"train", "--workers", "-2"}, "--workers is -2"},
		{[]string{"train", "--workers", "999999999"}, "--workers is 999999999, want 0 to 1024"},
		{[]string{"train", "--chunk", "-2"}, "--chunk is -2"},
		{[]string{"train", "--checkpoint-every", "-2"}, "--checkpoint-every is -2"},
		{[]string{"train", "--loss", "triplet", "--supervised"}, "--supervised"},
		{[]string{"train", "--queue", "-1"}, "--queue is -1, want 0 to 4194304"},
		{[]string{"train", "--optimizer", "newton"}, "--optimizer is \"newton\", want one of adamw, adam, sgd, lars"},
		{[]string{"train", "--schedule", "none"}, "--schedule is \"none\", want one of cosine, constant, step"},
		{[]string{"train", "--warmup", "2001"}, "--warmup is 2001, want 0 to 2000, the steps"},
		{[]string{"train", "--clip-norm", "NaN"}, "--clip-norm is NaN, want a finite number, 0 or above"},
		{[]string{"train", "--augment", "turn=3"}, "--augment: got \"turn\", want some of rotation, scale, "},
		{[]string{"train", "--augment", "noise=-1"}, "--augment: noise is -1, want 0 or above"},
		{[]string{"train", "--views", "1"}, "--views is 1, want 2 or more"},
		{[]string{"train", "--views", "3"}, "--views is 3, but ntxent is for two; want a loss by labels: supcon, "},
		{[]string{"train", "--queue", "10"}, "--queue is for infonce and moco"},
		{[]string{"train", "--loss", "infonce", "--queue-after", "-1"}, "--queue-after is -1, want 0 or more"},
		{[]string{"train", "--queue-after", "1"}, "--queue-after is for a queue"},
		{[]string{"train", "--loss", "moco", "--ema", "1.1"}, "--ema is 1.1, want 0 to 1"},
		{[]string{"train", "--loss", "moco", "--ema", "NaN"}, "--ema is NaN, want 0 to 1"},
		{[]string{"train", "--loss", "infonce", "--ema", "0.9"}, "--ema is for moco"},
		{[]string{"train", "--momentum", "0.9"}, "--momentum is for --optimizer sgd"},
		{[]string{"train", "--optimizer", "sgd", "--momentum", "1"}, "--momentum is 1, want 0 up to 1"},
		{[]string{"train", "--loss", "triplet", "--learn-temperature"}, "--learn-temperature: triplet has none"},
		{[]string{"train", "--learn-temperature", "--temperature", "2"}, "--temperature is 2, want 0.01 to 1 where it is learned"},
		{[]string{"train", "--loss", "triplet", "--distinct"}, "--distinct is for pairs"},
		{[]string{"train", "--resume"}, "--out DIR"},
		{[]string{"train", "--force"}, "--out DIR"},
		{[]string{"train", "--resume", "--force", "--out", "x"}, "--resume"},
		{[]string{"reproduce"}, "<name>"},
		{[]string{"reproduce", "fusion"}, `must be one of "mi",`},
		{[]string{"reproduce", "mi", "--quick", "--large"}, "--quick"},
		{[]string{"reproduce", "mi", "--workers", "-1"}, "--workers is -1, want 0 to 1024"},
		{[]string{"reproduce", "mi", "--out", ""}, "--out is empty"},
	} {
		status, stdout, stderr := command(c.args...)
		if status != statusUsage || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: status %d, stderr %q, want status 2 and %q", c.args, status, stderr, c.says)
		}
		if stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "contrast: ") {
			t.Errorf("%v: stdout %q, stderr %q, want one line on stderr", c.args, stdout, stderr)
		}
	}
	if files := contents(t, "."); len(files) > 0 {
		t.Errorf("files were written: %v", files)
	}
}

// A stopper cancels a context when it is to write a given text.
type stopper struct {
	bytes.Buffer
	text   string
	cancel context.CancelFunc
}

func (s *stopper) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(s.text)) {
		s.cancel()
	}
	return s.Buffer.Write(p)
}

// stopAt runs a command line until its standard error has text.
func stopAt(text string, args ...string) (status int, stderr string) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := &stopper{text: text, cancel: cancel}
	status = start(ctx, args, io.Discard, s)
	return status, s.String()
}

// cannotStart reports whether the error is that this system does not run the test
// binary on its own, as when it is emulated.
func cannotStart(err error) bool { return errors.Is(err, syscall.ENOEXEC) }
