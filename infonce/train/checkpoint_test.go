package train

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/internal/sealed"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/internal/check"
)

// trained returns the folder of a run of tiny that stopped after 5 of 20 steps.
func trained(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	tr := tiny(t, dir, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tr.Report = func(p Progress) {
		if p.Step == 4 {
			cancel()
		}
	}
	if err := tr.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return dir
}

func TestCheckpointSaysWhatItIs(t *testing.T) {
	path := filepath.Join(trained(t), CheckpointFile)
	c, err := ReadCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Step != 5 || c.Config != `{"seed":9}` {
		t.Errorf("step %d, config %s", c.Step, c.Config)
	}
	var names []string
	for _, s := range c.Tensors {
		names = append(names, s.Name)
	}
	want := []string{
		"model.encoder.0.bias", "model.encoder.0.weight", "model.encoder.1.bias", "model.encoder.1.weight",
		"model.head.0.bias", "model.head.0.weight", "model.head.1.bias", "model.head.1.weight", "optimizer.m", "optimizer.v",
	}
	if !slices.Equal(names, want) {
		t.Errorf("tensors %v, want %v", names, want)
	}
}

func TestCheckpointHoldsAllParts(t *testing.T) {
	tr := tiny(t, t.TempDir(), 1)
	withQueue(tr, 5)
	learnTemperature(tr)
	mustRun(t, tr)
	c, err := ReadCheckpoint(tr.checkpoint())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range c.Tensors {
		if !strings.HasPrefix(s.Name, "model.") && !strings.HasPrefix(s.Name, "optimizer.") {
			names = append(names, s.Name)
		}
	}
	want := []string{
		"keys.encoder.0.bias", "keys.encoder.0.weight", "keys.encoder.1.bias", "keys.encoder.1.weight",
		"keys.head.0.bias", "keys.head.0.weight", "keys.head.1.bias", "keys.head.1.weight",
		"memory.ids", "memory.marks", "memory.rows",
		"temperature.clamps", "temperature.log", "temperature.m", "temperature.v",
	}
	if !slices.Equal(names, want) {
		t.Errorf("tensors %v, want %v", names, want)
	}
}

// A damaged or foreign checkpoint is an error of one line that names the file and the problem, and
// nothing is changed.
func TestResumeRefuses(t *testing.T) {
	dir := trained(t)
	path := filepath.Join(dir, CheckpointFile)
	good := testkit.ReadFile(t, path)
	if err := os.Remove(filepath.Join(dir, PreviousFile)); err != nil { // or it would be used instead
		t.Fatal(err)
	}
	header := 8 + int(binary.LittleEndian.Uint64(good))

	cut := func(n int) func(testing.TB, []byte) []byte {
		return func(_ testing.TB, b []byte) []byte { return b[:n] }
	}
	flip := func(at int, bit byte) func(testing.TB, []byte) []byte {
		return func(_ testing.TB, b []byte) []byte { b[at] ^= bit; return b }
	}
	meta := func(key, value string) func(testing.TB, []byte) []byte {
		return func(t testing.TB, b []byte) []byte {
			return testkit.Edit(t, b, func(tensors []data.Tensor, meta map[string]string) []data.Tensor {
				if meta[key] = value; value == "" {
					delete(meta, key)
				}
				return tensors
			})
		}
	}
	tensors := func(f func([]data.Tensor) []data.Tensor) func(testing.TB, []byte) []byte {
		return func(t testing.TB, b []byte) []byte {
			return testkit.Edit(t, b, func(tensors []data.Tensor, _ map[string]string) []data.Tensor { return f(tensors) })
		}
	}
	tamper := func(old, new string) func(testing.TB, []byte) []byte {
		return func(t testing.TB, b []byte) []byte {
			if len(old) != len(new) || bytes.Count(b, []byte(old)) != 1 {
				t.Fatalf("%q for %q", new, old)
			}
			return bytes.Replace(b, []byte(old), []byte(new), 1)
		}
	}
	for _, c := range []struct {
		name   string
		damage func(testing.TB, []byte) []byte
		want   string // after the name of the file
	}{
		{"empty", cut(0), "safetensors: offset 0"},
		{"cut in the length", cut(5), "safetensors: offset 5"},
		{"cut after the length", cut(8), "safetensors: offset 0: length of header"},
		{"cut in the header", cut(100), "safetensors: offset 0: length of header"},
		{"cut after the header", cut(header), "length of data"},
		{"cut in the data", cut(header + 101), "length of data"},
		{"last byte cut", cut(len(good) - 1), "length of data"},
		{"a byte too many", func(_ testing.TB, b []byte) []byte { return append(b, 0) }, "length of data"},
		{"zeros", func(_ testing.TB, b []byte) []byte { clear(b); return b }, "safetensors: offset 0: length of header"},
		{"zero header", func(_ testing.TB, b []byte) []byte { clear(b[8:header]); return b }, "safetensors: offset 8"},
		{"length of header", flip(0, 1), "safetensors: offset"},
		{"giant header", flip(7, 0x40), "safetensors: offset 0: length of header"},
		{"bit of the first value", flip(header, 1), "sha256: got"},
		{"bit of the last value", flip(len(good)-1, 0x80), "sha256: got"},
		{"bit in the middle", flip((header+len(good))/2, 4), "sha256: got"},
		{"step", tamper(`"step":"5"`, `"step":"6"`), "sha256: got"},
		{"config", tamper(`\"seed\":9`, `\"seed\":8`), "sha256: got"},
		{"name", tamper(`"optimizer.v"`, `"optimizer.w"`), "sha256: got"},
		{"shapes swapped", tamper(`"shape":[12,30]`, `"shape":[30,12]`), "sha256: got"},
		{"no hash", meta(sealed.HashKey, ""), "sha256: got nothing, want"},
		{"other format", meta(sealed.FormatKey, "contrast model"), `format: got "contrast model", want "contrast checkpoint"`},
		{"no format", meta(sealed.FormatKey, ""), `format: got nothing, want "contrast checkpoint"`},
		{"other version", meta(sealed.VersionKey, "2"), `version: got "2", want "1"`},
		{"no step", meta("step", ""), "step: got nothing, want a number"},
		{"negative step", meta("step", "-1"), `step: got "-1", want a number`},
		{"huge step", meta("step", "99999999999999999999"), `step: got "99999999999999999999", want a number`},
		{"step past the end", meta("step", "21"), "step: got 21, want at most 20"},
		{"text as step", meta("step", "five\n"), `step: got "five\n", want a number`},
		{"other config", meta("config", `{"seed":10}`), `config: got …"{\"seed\":10}", want …"{\"seed\":9}"`},
		{"no config", meta("config", ""), `config: got …nothing, want …"{\"seed\":9}"`},
		{"tensor missing", tensors(func(x []data.Tensor) []data.Tensor { return x[1:] }), "tensor model.encoder.0.bias: got none, want shape [12]"},
		{"tensor too many", tensors(func(x []data.Tensor) []data.Tensor {
			return append(x, data.Tensor{Name: "a\nb", Shape: []int{1}, Data: []float32{1}})
		}), `tensor "a\nb": got shape [1], want none`},
		{"tensor of another name", tensors(func(x []data.Tensor) []data.Tensor { x[9].Name = "optimizer.w"; return x }), "tensor optimizer.v: got none, want shape [626]"},
		{"tensor of another shape", tensors(func(x []data.Tensor) []data.Tensor { x[1].Shape = []int{360}; return x }), "tensor model.encoder.0.weight: got shape [360], want [12 30]"},
		{"tensor too short", tensors(func(x []data.Tensor) []data.Tensor { x[8].Shape, x[8].Data = []int{1}, x[8].Data[:1]; return x }), "tensor optimizer.m: got shape [1], want [626]"},
		{"no tensors", tensors(func(x []data.Tensor) []data.Tensor { return nil }), "tensor model.encoder.0.weight: got none, want shape [12 30]"},
		{"text", func(testing.TB, []byte) []byte { return []byte("not a checkpoint, but long enough for one") }, "safetensors: offset 0: length of header"},
	} {
		testkit.WriteFile(t, path, c.damage(t, slices.Clone(good)))
		tr := tiny(t, dir, 1)
		before := outcomeOf(t, tr)
		_, err := tr.Resume()
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		prefix := "checkpoint: " + path + ": "
		if msg := err.Error(); !strings.HasPrefix(msg, prefix) || !strings.Contains(msg[len(prefix):], c.want) || strings.Contains(msg, "\n") {
			t.Errorf("%s: %q, want %q with %q", c.name, msg, prefix, c.want)
		}
		if tr.step != 0 {
			t.Errorf("%s: step %d after a failure", c.name, tr.step)
		}
		sameOutcome(t, c.name, outcomeOf(t, tr), before)
	}

	// The run has other parts than the checkpoint.
	testkit.WriteFile(t, path, good)
	for name, set := range map[string]func(*Trainer){
		"other encoder":   func(tr *Trainer) { tr.Encoder = makeMLP(t, 1, []int{30, 12}, []int{4}) },
		"other optimizer": func(tr *Trainer) { tr.Optimizer = &optim.SGD{Momentum: 0.5} },
		"no state":        func(tr *Trainer) { tr.Optimizer = &optim.SGD{} },
		"a memory":        func(tr *Trainer) { tr.Queue = &Queue{Size: 3} },
		"keys":            func(tr *Trainer) { tr.KeyEncoder = &MomentumEncoder{Encoder: tr.Encoder.(*nn.MLP).Clone()} },
		"a temperature":   func(tr *Trainer) { learnTemperature(tr) },
	} {
		tr := tiny(t, dir, 1)
		set(tr)
		before := slices.Clone(tr.Encoder.Params().Values)
		if _, err := tr.Resume(); err == nil || !strings.HasPrefix(err.Error(), "checkpoint: "+path+": tensor ") {
			t.Errorf("%s: %v", name, err)
		}
		check.SameBits(t, name, tr.Encoder.Params().Values, before)
	}
	tr := tiny(t, dir, 1)
	if step, err := tr.Resume(); step != 5 || err != nil {
		t.Errorf("the good checkpoint: step %d, error %v", step, err)
	}
}

// A change of any bit of a checkpoint is detected.
func TestCheckpointBitFlips(t *testing.T) {
	path := filepath.Join(t.TempDir(), "small")
	c := Checkpoint{Step: 3, Config: "c", Tensors: []data.Tensor{
		{Name: "model.w", Shape: []int{2, 3}, Data: []float32{1, -2, 0, 3, 4.5, 6}},
		{Name: "optimizer.m", Shape: []int{2}, Data: []float32{0, 1}},
	}}
	if err := c.write(path, ""); err != nil {
		t.Fatal(err)
	}
	good := testkit.ReadFile(t, path)
	for at := range good {
		for bit := range 8 {
			bad := slices.Clone(good)
			bad[at] ^= 1 << bit
			tensors, meta, err := data.ReadSafetensors(bytes.NewReader(bad), int64(len(bad)))
			if err == nil && meta[sealed.HashKey] == sealed.Sum(tensors, meta) && meta[sealed.FormatKey] == checkpointFormat && meta[sealed.VersionKey] == sealed.FormatVersion {
				t.Errorf("bit %d of byte %d (%q) can change", bit, at, good[at])
			}
		}
	}
}

func TestMetricsRefuse(t *testing.T) {
	dir := trained(t)
	path := filepath.Join(dir, MetricsFile)
	good := testkit.ReadFile(t, path)
	lines := bytes.SplitAfter(good, []byte("\n"))
	join := func(x ...[]byte) []byte { return bytes.Join(x, nil) }
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":              {nil, "offset 0: got end of file, want 5 lines and have 0"},
		"a line missing":     {join(lines[:4]...), "got end of file, want 5 lines and have 4"},
		"last line cut":      {good[:len(good)-1], "got end of file, want 5 lines and have 4"},
		"a line twice":       {join(lines[0], good), `line 2: want one that begins with {"step":1,`},
		"a line left out":    {join(lines[1:]...), `offset 0: line 1: want one that begins with {"step":0,`},
		"one line too long":  {join(lines[0], bytes.Repeat([]byte("x"), 1<<16)), "line 2: want"},
		"something else":     {[]byte("\n\n\n\n\n\n\n"), "offset 0: line 1: want"},
		"no file":            {nil, "no such file"},
		"a folder in place":  {nil, "not a regular file"},
		"a link in place":    {nil, "not a regular file"},
		"a dangling in link": {nil, "not a regular file"},
	} {
		os.RemoveAll(path)
		var err error
		switch name {
		case "no file":
		case "a folder in place":
			err = os.Mkdir(path, 0o777)
		case "a link in place":
			testkit.WriteFile(t, filepath.Join(dir, "elsewhere"), good)
			err = os.Symlink("elsewhere", path)
		case "a dangling in link":
			err = os.Symlink("nowhere", path)
		default:
			testkit.WriteFile(t, path, c.content)
		}
		if err != nil {
			t.Fatal(err)
		}
		tr := tiny(t, dir, 1)
		if _, err := tr.Resume(); err != nil {
			t.Fatal(err)
		}
		err = tr.Run(context.Background())
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "train: metrics: ") || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	os.RemoveAll(path)
	testkit.WriteFile(t, path, append(good, "{\"step\":5,\"lo"...))
	tr := tiny(t, dir, 1)
	if _, err := tr.Resume(); err != nil {
		t.Fatal(err)
	}
	mustRun(t, tr)
	whole := tiny(t, t.TempDir(), 1)
	mustRun(t, whole)
	sameOutcome(t, "a torn last line", outcomeOf(t, tr), outcomeOf(t, whole))
}

// A new run in the folder of an old one does not mix with it.
func TestRunReplacesAnOldRun(t *testing.T) {
	dir := trained(t)
	var stale []string
	for _, name := range []string{CheckpointFile, PreviousFile} {
		stale = append(stale, filepath.Join(dir, "."+name+".tmp-1"))
		testkit.WriteFile(t, stale[len(stale)-1], []byte("left by a killed process"))
	}
	tr := tiny(t, dir, 1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := tr.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for _, path := range append(stale, filepath.Join(dir, PreviousFile)) {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is still there", path)
		}
	}
	if b := testkit.ReadFile(t, filepath.Join(dir, MetricsFile)); len(b) != 0 {
		t.Errorf("metrics %q, want none", b)
	}
	if c, err := ReadCheckpoint(filepath.Join(dir, CheckpointFile)); err != nil || c.Step != 0 {
		t.Errorf("checkpoint %v, error %v, want one of step 0", c, err)
	}
}

func TestWeightsSHA256(t *testing.T) {
	for _, c := range []struct {
		values []float32
		want   string
	}{
		{nil, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{[]float32{0}, "df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119"},
	} {
		if got := nn.WeightsSHA256(c.values); got != c.want {
			t.Errorf("SHA-256 of %v is %s, want %s", c.values, got, c.want)
		}
	}
	long := check.NewRand(1).Normals32(10000)
	other := slices.Clone(long)
	other[9999] = math.Float32frombits(math.Float32bits(other[9999]) ^ 1)
	if nn.WeightsSHA256(long) == nn.WeightsSHA256(other) {
		t.Error("the last bit does not count")
	}
}

// A run keeps two checkpoints. If the newest is damaged or missing, the one before it is used and
// not overwritten until another one is complete. The run ends with the same bits.
func TestResumeFallsBack(t *testing.T) {
	fresh := func(dir string) *Trainer {
		tr := tiny(t, dir, 1)
		tr.CheckpointEvery = 5
		return tr
	}
	whole := fresh(t.TempDir())
	mustRun(t, whole)
	want := outcomeOf(t, whole)
	for name, damage := range map[string]func(path string){
		"missing":  func(path string) { os.Remove(path) },
		"empty":    func(path string) { testkit.WriteFile(t, path, nil) },
		"cut":      func(path string) { os.Truncate(path, 1000) },
		"a bit":    func(path string) { b := testkit.ReadFile(t, path); b[len(b)-9] ^= 1; testkit.WriteFile(t, path, b) },
		"as it is": nil,
	} {
		dir := t.TempDir()
		stop := fresh(dir)
		ctx, cancel := context.WithCancel(context.Background())
		stop.Report = func(p Progress) {
			if p.Step == 11 {
				cancel()
			}
		}
		if err := stop.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		newest, previous := filepath.Join(dir, CheckpointFile), filepath.Join(dir, PreviousFile)
		for path, want := range map[string]int{newest: 12, previous: 10} {
			if c, err := ReadCheckpoint(path); err != nil || c.Step != want {
				t.Fatalf("%s: %+v, error %v, want step %d", path, c, err, want)
			}
		}
		var warnings []string
		tr := fresh(dir)
		tr.Warn = func(err error) { warnings = append(warnings, err.Error()) }
		if damage == nil {
			if step, err := tr.Resume(); step != 12 || err != nil || warnings != nil {
				t.Errorf("step %d, error %v, warnings %q", step, err, warnings)
			}
			mustRun(t, tr)
			sameOutcome(t, name, outcomeOf(t, tr), want)
			continue
		}
		damage(newest)
		c, why, err := LastCheckpoint(dir)
		if err != nil || why == nil || c.Step != 10 || !strings.Contains(why.Error(), newest) {
			t.Fatalf("%s: %+v, damage %v, error %v", name, c, why, err)
		}
		if step, err := tr.Resume(); step != 10 || err != nil {
			t.Fatalf("%s: step %d, error %v, want 10", name, step, err)
		}
		prefix := "going on from " + previous + ", of step 10: checkpoint: "
		if len(warnings) != 1 || !strings.HasPrefix(warnings[0], prefix) || !strings.Contains(warnings[0], newest) || strings.Contains(warnings[0], "\n") {
			t.Errorf("%s: warnings %q", name, warnings)
		}
		kept := testkit.ReadFile(t, previous)
		tr.CheckpointEvery = 0
		mustRun(t, tr) // writes one checkpoint in place of the damaged one
		sameOutcome(t, name, outcomeOf(t, tr), want)
		if !bytes.Equal(testkit.ReadFile(t, previous), kept) {
			t.Errorf("%s: the good checkpoint gave way to the damaged one", name)
		}
		if c, why, err := LastCheckpoint(dir); err != nil || why != nil || c.Step != 20 {
			t.Errorf("%s: then %+v, damage %v, error %v", name, c, why, err)
		}
	}
}

func TestLastCheckpointRefuses(t *testing.T) {
	dir := t.TempDir()
	newest, previous := filepath.Join(dir, CheckpointFile), filepath.Join(dir, PreviousFile)
	read := func(want ...string) error {
		t.Helper()
		c, damage, err := LastCheckpoint(dir)
		if c != nil || damage != nil || err == nil {
			t.Fatalf("%v, %v, %v", c, damage, err)
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%v, want %s", err, w)
			}
		}
		return err
	}
	if err := read(newest); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	testkit.WriteFile(t, previous, nil)
	if err := read(previous); errors.Is(err, os.ErrNotExist) {
		t.Errorf("a damaged file: %v", err)
	}
	testkit.WriteFile(t, newest, nil)
	read(newest, previous)
	os.Remove(previous)
	read(newest)
}
