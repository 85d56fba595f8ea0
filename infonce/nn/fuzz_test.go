package nn

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/simd"
)

// A model that can be read can also be used, and is written with the same bytes.
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
		f.Add(testkit.ReadFile(f, path))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		testkit.FuzzSealed(t, content, "model", func(path string) error {
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
			if b := testkit.ReadFile(t, first); !bytes.Equal(b, testkit.ReadFile(t, second)) || !bytes.Equal(b, testkit.ReadFile(t, path)) {
				t.Fatal("a clone, or the same model read again, is written in another way")
			}
			return nil
		})
	})
}
