package train

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/simd"
)

// A damaged file is caught by its hash, so what is behind that is reached with a hash made anew.
func resealed(b []byte) []byte {
	tensors, meta, err := data.ReadSafetensors(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return b
	}
	if meta == nil {
		meta = make(map[string]string)
	}
	meta[hashKey] = seal(tensors, meta)
	var out bytes.Buffer
	if err := data.WriteSafetensors(&out, tensors, meta); err != nil {
		return b
	}
	return out.Bytes()
}

// fuzzSealed calls f with the path of a file of each content, as it is and sealed anew.
func fuzzSealed(t *testing.T, content []byte, noun string, f func(path string) error) {
	path := filepath.Join(t.TempDir(), "bad")
	for _, b := range [][]byte{content, resealed(content)} {
		writeFile(t, path, b)
		if err := f(path); err != nil && (!strings.HasPrefix(err.Error(), noun+": "+path+": ") || strings.ContainsAny(err.Error(), "\n\r")) {
			t.Fatalf("error %q, want one line that begins with %s: and the path", err, noun)
		}
	}
}

// A model that could be read can be used, and is written as it was.
func FuzzModel(f *testing.F) {
	path := filepath.Join(f.TempDir(), "model")
	query, document := towers(f, 1)
	for _, m := range []Model{
		mustMLP(f, 1, []int{3, 2}, []int{2}),
		MLPConfig{Body: []int{2, 3, 2}, Residual: true, Activation: GELU}.mustNew(f, 1),
		CNNConfig{Width: 3, Height: 2, Channels: 1, Filters: []int{2, 1}, Norm: BatchNorm, Pooling: MaxPooling}.mustNew(f, 1),
		CNNConfig{Width: 3, Height: 2, Channels: 1, Filters: []int{2}, Norm: NoNorm, Body: []int{3}, Head: []int{2}}.mustNew(f, 1),
		mustDual(f, query, document),
	} {
		if err := WriteModel(path, m); err != nil {
			f.Fatal(err)
		}
		f.Add(readFile(f, path))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		fuzzSealed(t, content, "model", func(path string) error {
			m, err := ReadModel(path)
			if err != nil {
				return err
			}
			if in, out := m.Dims(); in <= 1<<12 {
				if z := m.Forward(simd.NewMatrix(2, in)); z.Rows != 2 || z.Cols != out {
					t.Fatalf("embedding is %d×%d, want 2×%d", z.Rows, z.Cols, out)
				}
			}
			first, second := path+".1", path+".2"
			for at, m := range map[string]Model{first: m, second: CloneModel(m)} {
				if err := WriteModel(at, m); err != nil {
					t.Fatal(err)
				}
			}
			again, err := ReadModel(first)
			if err != nil {
				t.Fatalf("what was read from a file and written to one: %v", err)
			}
			if err := WriteModel(path, again); err != nil {
				t.Fatal(err)
			}
			if b := readFile(t, first); !bytes.Equal(b, readFile(t, second)) || !bytes.Equal(b, readFile(t, path)) {
				t.Fatal("a clone, or the same model read again, is written in another way")
			}
			return nil
		})
	})
}

// A checkpoint that could be read is written as it was; a run that it is not of refuses it and goes on.
func FuzzCheckpoint(f *testing.F) {
	f.Add(readFile(f, filepath.Join(trained(f), CheckpointFile)))
	for _, set := range []func(tr *Trainer){
		func(tr *Trainer) { withMemory(tr, 5); tr.Clip = 1 },
		func(tr *Trainer) { tinyCNN(f, tr, BatchNorm); learnTemperature(tr) },
	} {
		tr := tiny(f, f.TempDir(), 1)
		set(tr)
		tr.Steps = 1
		mustRun(f, tr)
		f.Add(readFile(f, tr.checkpoint()))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		fuzzSealed(t, content, "checkpoint", func(path string) error {
			c, err := ReadCheckpoint(path)
			if err != nil {
				return err
			}
			if c.Step < 0 {
				t.Fatalf("step %d", c.Step)
			}
			if err := c.write(path+".1", ""); err != nil {
				t.Fatal(err)
			}
			again, err := ReadCheckpoint(path + ".1")
			if err != nil {
				t.Fatalf("what was read from a file and written to one: %v", err)
			}
			if again.Step != c.Step || again.Config != c.Config || len(again.Tensors) != len(c.Tensors) {
				t.Fatalf("step %d, config %q and %d tensors became others", c.Step, c.Config, len(c.Tensors))
			}
			tr := tiny(t, t.TempDir(), 1)
			if err := os.Rename(path+".1", tr.checkpoint()); err != nil {
				t.Fatal(err)
			}
			before := WeightsSHA256(tr.Encoder.Params().Values)
			step, err := tr.Resume()
			if err == nil && (step != c.Step || step > tr.Steps) {
				t.Fatalf("step %d, want %d, and at most %d", step, c.Step, tr.Steps)
			}
			if err != nil && WeightsSHA256(tr.Encoder.Params().Values) != before {
				t.Fatal("a checkpoint that was refused changed the weights")
			}
			return nil
		})
	})
}
