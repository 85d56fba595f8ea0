package main

import (
	"bufio"
	"encoding/json"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/contrast-go/contrast/cmd/contrast/internal/evaluation"
	"github.com/contrast-go/contrast/cmd/contrast/internal/run"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/internal/cpu"
)

// small returns a command line that trains a small encoder in a moment.
func small(data, out string, more ...string) []string {
	return append([]string{"train", data, "--out", out, "--steps=40", "--batch=12", "--hidden=16,12", "--dim=8", "--checkpoint-every=7", "--json"}, more...)
}

// reportOf parses the last line of standard output.
func reportOf(t *testing.T, stdout string) (r run.Report) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	d := json.NewDecoder(strings.NewReader(lines[len(lines)-1]))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatalf("standard output %q: %v", stdout, err)
	}
	return r
}

func TestTrainOnGlyphs(t *testing.T) {
	if testing.Short() {
		t.Skip("the pixels of all glyphs are compared, which takes a minute where the race detector looks on; the long tests do it")
	}
	dir := filepath.Join(t.TempDir(), "new", "run")
	stdout, stderr := succeed(t, small("--data=glyphs", dir)...)
	if strings.Count(stdout, "\n") != 1 {
		t.Errorf("standard output is %q, want one line", stdout)
	}
	r := reportOf(t, stdout)
	if r.Steps != 40 || !(r.Loss > 0) || !(r.Seconds > 0) || r.Level != cpu.Active().String() || r.Out != dir {
		t.Errorf("report is %+v", r)
	}
	for name, f := range map[string]evaluation.Metrics{
		"raw": r.Eval.Raw, "untrained": r.Eval.Untrained, "trained": r.Eval.Trained,
		"clean raw": r.Clean.Raw, "clean untrained": r.Clean.Untrained, "clean trained": r.Clean.Trained,
	} {
		if knn, recall := f.Get("knn"), f.Get("recall@1"); !(knn > 0 && knn < 1 && recall > 0 && recall < 1) {
			t.Errorf("%s: %+v, want shares between 0 and 1", name, f)
		}
	}
	if knn := r.Eval.Raw.Get("knn"); knn < 0.2 || knn > 0.4 || r.Clean.Raw.Get("knn") < 0.85 {
		t.Errorf("raw pixels answer %+v, clean %+v; want what the glyphs are known for", r.Eval.Raw, r.Clean.Raw)
	}
	for _, key := range []string{`"loss":`, `"steps":40,`, `"seconds":`, `"level":"`, `"weights_sha256":"`, `"eval":{"raw":{"knn":`, `"recall@1":`, `"untrained":{`, `"trained":{`} {
		if !strings.Contains(stdout, key) {
			t.Errorf("standard output lacks %s: %s", key, stdout)
		}
	}
	for _, line := range []string{"step  2 of 40", "step 40 of 40", "raw pixels ", "untrained encoder ", "trained encoder ", r.WeightsSHA256} {
		if !strings.Contains(stderr, line) {
			t.Errorf("standard error lacks %q:\n%s", line, stderr)
		}
	}
	if !regexp.MustCompile(`points (above|below) raw pixels`).MatchString(stderr) {
		t.Errorf("standard error does not compare with raw pixels:\n%s", stderr)
	}

	m, err := nn.ReadModel(filepath.Join(dir, run.ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	if got := nn.WeightsSHA256(m.Params().Values); got != r.WeightsSHA256 {
		t.Errorf("the model holds weights %s, the report says %s", got, r.WeightsSHA256)
	}
	want := []string{train.CheckpointFile, train.PreviousFile, train.MetricsFile, run.ModelFile, run.CurveFile, run.GridFile, run.MonitorFile}
	var names []string
	for path := range contents(t, dir) {
		names = append(names, filepath.Base(path))
	}
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("the folder has %v, want %v", names, want)
	}
	for _, name := range []string{run.CurveFile, run.GridFile} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(f)
		f.Close()
		if err != nil || picture.Bounds().Dx() < 600 || picture.Bounds().Dy() < 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every kind of run is the same at every level, for any number of workers and of
// images at a time.
func TestTrainBits(t *testing.T) {
	data := bars(t)
	levels := cpu.Levels()
	if testing.Short() {
		levels = []cpu.Level{levels[0], levels[len(levels)-1]} // package train is held to all of them
	}
	for _, kind := range [][]string{{}, {"--loss=infonce"}, {"--loss=clip", "--supervised", "--distinct", "--batch=5"}, {"--loss=triplet"}, {"--loss=margin"}, {"--loss=moco", "--queue=31", "--learn-temperature"}, {"--loss=infonce", "--queue=31"}, {"--loss=supcon", "--views=3", "--optimizer=lars", "--augment=crop=0.5,cut-out=0.3"}, {"--arch=cnn", "--filters=4,6", "--activation=gelu"}} {
		want := ""
		for _, level := range levels {
			restore, err := cpu.Select(level)
			if err != nil {
				t.Fatal(err)
			}
			for _, how := range [][]string{{"--workers=1"}, {"--workers=7", "--chunk=5"}} {
				stdout, _ := succeed(t, small(data, t.TempDir(), append(kind, how...)...)...)
				r := reportOf(t, stdout)
				if want == "" {
					want = r.WeightsSHA256
				}
				if r.WeightsSHA256 != want {
					t.Errorf("%v, %v at %v: weights %s, want %s", kind, how, level, r.WeightsSHA256, want)
				}
			}
			restore()
		}
	}
}

func TestTrainLearns(t *testing.T) {
	stdout, stderr := succeed(t, small(bars(t), t.TempDir(), "--steps=300")...)
	r := reportOf(t, stdout)
	if trained, untrained := r.Eval.Trained.Get("knn"), r.Eval.Untrained.Get("knn"); trained < untrained+0.05 {
		t.Errorf("kNN is %.3f, untrained %.3f, want more:\n%s", trained, untrained, stderr)
	}
}

// A run that was stopped goes on bit for bit, under its own settings.
func TestResume(t *testing.T) {
	data := bars(t)
	kinds := [][]string{
		{},
		{"--loss=triplet", "--seed=18446744073709551615", "--lr=0.0123"},
		{"--loss=moco", "--queue=31", "--learn-temperature"},
		{"--arch=cnn", "--filters=4,6", "--head=10"},
	}
	if !testing.Short() {
		kinds = append(kinds, []string{"--loss=infonce", "--queue=31"}, []string{"--loss=moco", "--queue=0", "--ema=0"})
	}
	for _, kind := range kinds {
		straight := filepath.Join(t.TempDir(), "straight")
		stdout, _ := succeed(t, small(data, straight, kind...)...)
		want := reportOf(t, stdout)

		stopped := filepath.Join(t.TempDir(), "stopped it's")
		status, stderr := stopAt("step 18 of 40", small(data, stopped, kind...)...)
		if status != statusInterrupted {
			t.Fatalf("status %d, want %d: %s", status, statusInterrupted, stderr)
		}
		hint := "the checkpoint holds step 18 of 40; go on with: contrast train --resume --out '" + strings.ReplaceAll(stopped, "'", `'\''`) + "'\n"
		if !strings.HasSuffix(stderr, hint) {
			t.Errorf("standard error ends %q, want %q", stderr, hint)
		}
		if _, err := os.Stat(filepath.Join(stopped, run.ModelFile)); err == nil {
			t.Error("an unfinished run has a model")
		}

		stdout, stderr = succeed(t, "train", "--resume", "--out", stopped, "--json", "--workers=3", "--chunk=7")
		if !strings.Contains(stderr, "resumed after step 18\n") {
			t.Errorf("standard error does not tell of the resumption:\n%s", stderr)
		}
		got := reportOf(t, stdout)
		got.Seconds, got.Out, got.PeakBytes, got.PlannedBytes = want.Seconds, want.Out, want.PeakBytes, want.PlannedBytes
		if !reflect.DeepEqual(got, want) {
			t.Errorf("resumed: %+v\nstraight: %+v", got, want)
		}
		a, b := contents(t, straight), contents(t, stopped)
		for path, content := range a {
			name := filepath.Base(path)
			if name == train.PreviousFile {
				continue // of another step
			}
			if b[filepath.Join(stopped, name)] != content {
				t.Errorf("%s differs from that of the straight run", name)
			}
		}

		// A finished run has nothing left to do, and says the same.
		stdout, _ = succeed(t, "train", "--resume", "--out", stopped, "--json")
		got = reportOf(t, stdout)
		got.Seconds, got.Out, got.PeakBytes, got.PlannedBytes = want.Seconds, want.Out, want.PeakBytes, want.PlannedBytes
		if !reflect.DeepEqual(got, want) {
			t.Errorf("finished: %+v\nstraight: %+v", got, want)
		}
	}
}

// Batch norm needs all of a step at once, and remembers more than weights.
func TestResumeBatchNorm(t *testing.T) {
	data := bars(t)
	cnn := []string{"--arch=cnn", "--norm=batch", "--filters=4,6"}
	stdout, _ := succeed(t, small(data, t.TempDir(), cnn...)...)
	want := reportOf(t, stdout)
	dir := t.TempDir()
	stopAt("step 18 of 40", small(data, dir, cnn...)...)
	stdout, _ = succeed(t, "train", "--resume", "--out", dir, "--json")
	if got := reportOf(t, stdout); got.WeightsSHA256 != want.WeightsSHA256 || !reflect.DeepEqual(got.Eval, want.Eval) {
		t.Errorf("resumed: %+v\nstraight: %+v", got, want)
	}
	before := contents(t, dir)
	status, _, stderr := command(small(data, dir, append(cnn, "--force", "--chunk=7")...)...)
	if status != statusFailed || !strings.Contains(stderr, "chunk is 7, want 0") || strings.Count(stderr, "\n") != 1 || !maps.Equal(before, contents(t, dir)) {
		t.Errorf("status %d, stderr %q, or files have changed", status, stderr)
	}
}

// Whole classes can be held out, and images need no labels.
func TestImagesUnseenOrUnlabelled(t *testing.T) {
	for _, c := range []struct {
		flags   []string
		remove  string // files
		data    string
		metrics []string
	}{
		{[]string{"--split=classes", "--loss=supcon"}, "", "67 images to train on; 13 images of classes not trained on", []string{"recall@1", "map@r"}},
		{[]string{"--report", "--augment=crop=0.7"}, "*labels*", "60 images to train on; 20 images not trained on", []string{"recall@1", "recall@10", "mrr"}},
	} {
		data, dir := bars(t), t.TempDir()
		folder := strings.TrimPrefix(data, "--data=idx:")
		if c.remove != "" {
			files, err := filepath.Glob(filepath.Join(folder, c.remove))
			if err != nil || len(files) != 2 {
				t.Fatalf("%v, %v", files, err)
			}
			for _, f := range files {
				if err := os.Remove(f); err != nil {
					t.Fatal(err)
				}
			}
		}
		data = "--data=" + folder // whose format is told by what is in it
		stdout, stderr := succeed(t, small(data, dir, c.flags...)...)
		r := reportOf(t, stdout)
		var names []string
		for _, f := range r.Eval.Trained {
			names = append(names, f.Name)
		}
		if !strings.Contains(stderr, c.data) || !slices.Equal(names, c.metrics) || r.Clean != nil {
			t.Errorf("%v: metrics %v, want %v:\n%s", c.flags, names, c.metrics, stderr)
		}
		stdout, _ = succeed(t, "eval", "--model", dir, "--json")
		var again scoreReport
		if err := json.Unmarshal([]byte(stdout), &again); err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Eval.Trained {
			if got := again.Trained.Get(f.Name); got != f.Value {
				t.Errorf("%v: eval says that %s is %v, train %v", c.flags, f.Name, got, f.Value)
			}
		}
		succeed(t, "train", "--resume", "--out", dir)
	}
}

// A damaged checkpoint is named, and the one before it gives the same run.
func TestResumeFromThePreviousCheckpoint(t *testing.T) {
	data, dir := bars(t), t.TempDir()
	stdout, _ := succeed(t, small(data, dir, "--checkpoint-every=15")...)
	want := reportOf(t, stdout)
	path := filepath.Join(dir, train.CheckpointFile)
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	stdout, stderr := succeed(t, "train", "--resume", "--out", dir, "--json")
	got := reportOf(t, stdout)
	if got.WeightsSHA256 != want.WeightsSHA256 {
		t.Errorf("resumed: weights %s, want %s", got.WeightsSHA256, want.WeightsSHA256)
	}
	if w := "warning: going on from " + filepath.Join(dir, train.PreviousFile) + ", of step 30: checkpoint: " + path; !strings.Contains(stderr, w) {
		t.Errorf("standard error lacks %q:\n%s", w, stderr)
	}
}

func TestResumeRefusesOtherSettings(t *testing.T) {
	data, dir := bars(t), t.TempDir()
	stopAt("step 10 of 40", small(data, dir)...)
	before := contents(t, dir)
	for _, c := range []struct{ flag, says string }{
		{"--seed=2", `"seed"`},
		{"--steps=41", `"steps"`},
		{"--loss=clip", `"loss"`},
		{"--learn-temperature", `"learn-temperature"`},
		{"--data=glyphs", `"data"`},
		{bars(t), `"data"`}, // the same images in another folder
		{"--hidden=16", `"hidden"`},
	} {
		status, _, stderr := command("train", "--resume", "--out", dir, c.flag)
		if status != statusFailed || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "config: got") {
			t.Errorf("%s: status %d, stderr %q", c.flag, status, stderr)
		}
	}
	if !maps.Equal(before, contents(t, dir)) {
		t.Error("files of the run have changed")
	}

	// Other images under the old name are not what the run has learned from.
	folder := strings.TrimPrefix(data, "--data=idx:")
	path := filepath.Join(folder, "train-images-idx3-ubyte")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1]++
	write(t, path, b)
	status, _, stderr := command("train", "--resume", "--out", dir)
	if status != statusFailed || !strings.Contains(stderr, "config: got") {
		t.Errorf("changed images: status %d, stderr %q", status, stderr)
	}
}

// What a signal leaves behind is a run that goes on bit for bit.
func TestSignals(t *testing.T) {
	data := bars(t)
	stdout, _ := succeed(t, small(data, t.TempDir(), "--steps=800", "--checkpoint-every=30")...)
	want := reportOf(t, stdout)
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		status int
		says   string
	}{
		{"interrupt", syscall.SIGINT, statusInterrupted, "go on with: contrast train --resume --out "},
		{"terminate", syscall.SIGTERM, statusInterrupted, "go on with: contrast train --resume --out "},
		{"kill", syscall.SIGKILL, -1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			cmd, pipe := startCommand(t, small(data, dir, "--steps=800", "--checkpoint-every=30")...)
			var stderr strings.Builder
			sent := false
			for s := bufio.NewScanner(pipe); s.Scan(); {
				stderr.WriteString(s.Text() + "\n")
				if !sent && strings.HasPrefix(s.Text(), "step ") {
					sent = true
					if err := cmd.Process.Signal(c.signal); err != nil {
						t.Fatal(err)
					}
				}
			}
			cmd.Wait()
			// The process may be done before the signal arrives; that is no failure.
			if got := cmd.ProcessState.ExitCode(); got != statusOK && (got != c.status || !strings.Contains(stderr.String(), c.says)) {
				t.Errorf("status %d, want %d: %s", got, c.status, stderr.String())
			}
			stdout, _ := succeed(t, "train", "--resume", "--out", dir, "--json")
			got := reportOf(t, stdout)
			got.Seconds, got.Out, got.PeakBytes, got.PlannedBytes = want.Seconds, want.Out, want.PeakBytes, want.PlannedBytes
			if !reflect.DeepEqual(got, want) {
				t.Errorf("resumed: %+v\nstraight: %+v", got, want)
			}
		})
	}
}

func TestTrainReplacesOnlyWhenForced(t *testing.T) {
	data, dir := bars(t), t.TempDir()
	line := small(data, dir)
	succeed(t, line...)
	finished := contents(t, dir)
	status, _, stderr := command(append(line, "--seed=2")...)
	if want := "contrast: --out: " + dir + " holds a finished run; --force replaces it\n"; status != statusFailed || stderr != want {
		t.Errorf("status %d, stderr %q, want %q", status, stderr, want)
	}
	if !maps.Equal(finished, contents(t, dir)) {
		t.Error("the finished run was touched")
	}

	// From the first step of the new run on, nothing tells of the old one.
	stopAt("step  2 of 40", append(line, "--seed=2", "--force")...)
	var names []string
	for path := range contents(t, dir) {
		names = append(names, filepath.Base(path))
	}
	slices.Sort(names)
	if want := []string{train.PreviousFile, train.CheckpointFile, train.MetricsFile, run.MonitorFile}; !slices.Equal(names, want) {
		t.Errorf("the folder has %v, want %v", names, want)
	}
	status, _, stderr = command(line...)
	if want := "contrast: --out: " + dir + " holds a run that stopped after step 2; --resume goes on with it; --force replaces it\n"; status != statusFailed || stderr != want {
		t.Errorf("status %d, stderr %q, want %q", status, stderr, want)
	}
}

func TestTrainTakesAFreeFolder(t *testing.T) {
	data := bars(t)
	t.Chdir(t.TempDir())
	args := slices.DeleteFunc(small(data, "OUT"), func(s string) bool { return s == "--out" || s == "OUT" })
	for _, want := range []string{"001", "002"} {
		stdout, _ := succeed(t, args...)
		if got := reportOf(t, stdout).Out; got != filepath.Join("runs", want) {
			t.Errorf("the run is in %s, want %s", got, want)
		}
	}
}

// Bad input is one line on standard error, and no file is written or changed.
func TestTrainRefusesBadInput(t *testing.T) {
	good := bars(t)
	folder := func(files map[string][]byte) string {
		dir := t.TempDir()
		for name, content := range files {
			write(t, filepath.Join(dir, name), content)
		}
		return dir
	}
	idx := func(files map[string][]byte) []string { return []string{"--data", "idx:" + folder(files)} }
	images := idxFile(make([]byte, 10*6*8), 10, 6, 8)
	labels := idxFile(make([]byte, 10), 10)

	old := t.TempDir()
	stopAt("step 10 of 40", small(good, old)...)
	checkpoint, err := os.ReadFile(filepath.Join(old, train.CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(checkpoint)
	flipped[len(flipped)-5] ^= 1

	for _, c := range []struct {
		name string
		args []string // after train
		says string
	}{
		{"folder missing", []string{"--data", "idx:no/such/folder"}, "no/such/folder"},
		{"folder empty", idx(nil), "no file of images"},
		{"images truncated", idx(map[string][]byte{"train-images-idx3-ubyte": images[:len(images)-1], "train-labels-idx1-ubyte": labels}), "train-images-idx3-ubyte"},
		{"header truncated", idx(map[string][]byte{"train-images-idx3-ubyte": images[:7]}), "train-images-idx3-ubyte"},
		{"images of a size that lies", idx(map[string][]byte{"train-images-idx3-ubyte": idxFile(nil, 1<<31, 1<<31, 1<<31)}), "train-images-idx3-ubyte"},
		{"more labels than images", idx(map[string][]byte{"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": idxFile(make([]byte, 11), 11)}), "labels"},
		{"no labels", append(idx(map[string][]byte{"train-images-idx3-ubyte": images}), "--loss=supcon"), "images without labels, which --loss supcon"},
		{"no image left for the test", idx(map[string][]byte{"train-images-idx3-ubyte": idxFile(make([]byte, 3*48), 3, 6, 8), "train-labels-idx1-ubyte": idxFile(make([]byte, 3), 3)}), "3 images to train on and 0 to test with"},
		{"batch above the images", []string{good, "--batch=61"}, "--batch is 61, want at most 60"},
		{"batch above the classes", []string{good, "--batch=7", "--distinct"}, "--batch is 7, want at most 6, the number of classes, with --distinct"},
		{"batch that has no triplets", []string{"--batch=59", "--loss=triplet", "--data=" + idx(map[string][]byte{"train-images-idx3-ubyte": idxFile(make([]byte, 100*48), 100, 6, 8), "train-labels-idx1-ubyte": idxFile(make([]byte, 100), 100)})[1]}, "--batch is 59, want one"},
		{"width below 1", []string{good, "--batch=12", "--hidden=8,0"}, "width 0"},
		{"width too large", []string{good, "--batch=12", "--dim=1000000000"}, "width 1000000000"},
		{"folder is a file", []string{good, "--batch=12", "--out", filepath.Join(folder(map[string][]byte{"file": nil}), "file")}, "is not a folder"},
		{"folder is a device", []string{good, "--batch=12", "--out", os.DevNull}, "is not a folder"},
		{"folder below a file", []string{good, "--batch=12", "--out", filepath.Join(folder(map[string][]byte{"file": nil}), "file", "run")}, "not a directory"},
		{"folder has an unknown checkpoint", []string{good, "--batch=12", "--out", folder(map[string][]byte{train.CheckpointFile: nil})}, "holds " + train.CheckpointFile},
		{"folder has a picture", []string{good, "--batch=12", "--out", folder(map[string][]byte{run.GridFile: nil})}, "holds " + run.GridFile},
		{"nothing to resume", []string{"--resume", "--out", t.TempDir()}, train.CheckpointFile},
		{"no folder to resume", []string{"--resume", "--out", "no/such/run"}, "no/such/run"},
		{"checkpoint empty", []string{"--resume", "--out", folder(map[string][]byte{train.CheckpointFile: nil})}, train.CheckpointFile},
		{"checkpoint truncated", []string{"--resume", "--out", folder(map[string][]byte{train.CheckpointFile: checkpoint[:len(checkpoint)-9]})}, train.CheckpointFile},
		{"checkpoint damaged", []string{"--resume", "--out", folder(map[string][]byte{train.CheckpointFile: flipped})}, "sha256"},
		{"checkpoint without metrics", []string{"--resume", "--out", folder(map[string][]byte{train.CheckpointFile: checkpoint})}, train.MetricsFile},
		{"rate that goes astray", []string{good, "--batch=12", "--steps=9", "--lr=1e38", "--out", t.TempDir()}, "step "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			watched := []string{".", old}
			if i := slices.Index(c.args, "--out"); i >= 0 {
				watched = append(watched, c.args[i+1])
			}
			before := contents(t, watched...)
			status, stdout, stderr := command(append([]string{"train"}, c.args...)...)
			if status != statusFailed || !strings.Contains(stderr, c.says) || !strings.Contains(stderr, "contrast: ") {
				t.Errorf("status %d, stderr %q, want status 1 and %q", status, stderr, c.says)
			}
			if strings.HasPrefix(c.name, "rate") { // found while training
				return
			}
			if stdout != "" || strings.Count(stderr, "\n") != 1 {
				t.Errorf("stdout %q, stderr %q, want one line on stderr", stdout, stderr)
			}
			if after := contents(t, watched...); !maps.Equal(before, after) {
				t.Errorf("files have changed")
			}
		})
	}
}
