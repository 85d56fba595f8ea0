package nn

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// examples returns an encoder of each kind that a file can have. Samples are 192 numbers wide.
func examples(t testing.TB) map[string]Model {
	t.Helper()
	// Estimates of memory assume the widest tiles, which 48 filters fill at every level.
	cnn := CNNConfig{Width: 4, Height: 4, Channels: 12, Filters: []int{48, 48}, Head: []int{16}}
	models := map[string]Model{cnnKind: cnn.mustNew(t, 1)}
	for a := range activations {
		for _, residual := range []bool{false, true} {
			c := MLPConfig{Body: []int{192, 224, 192}, Head: []int{16}, Activation: Activation(a), Residual: residual}
			models[c.kind()] = c.mustNew(t, 2)
		}
	}
	for _, k := range towerKinds {
		if models[k.kind] == nil {
			t.Fatalf("no example of kind %s: add one", k.kind)
		}
	}
	cnn.Norm = BatchNorm
	models["cnn, batch norm"] = cnn.mustNew(t, 3)
	models[dualKind] = mustDual(t, cnn.mustNew(t, 4), mustMLP(t, 5, []int{100, 50}, []int{16}))
	return models
}

// Encoders of all kinds keep the promises of Encoder and Model.
func TestEncoders(t *testing.T) {
	const rows = 70
	path := filepath.Join(t.TempDir(), "model.safetensors")
	for name, m := range examples(t) {
		t.Run(name, func(t *testing.T) {
			in, out := m.Dims()
			r := check.NewRand(6)
			x, dz := testkit.Normals(r, rows, in), testkit.Normals(r, rows, out)
			copies := make([]Model, 3)
			for i := range copies {
				copies[i] = CloneModel(m)
			}
			m.SetWorkers(1)
			z := slices.Clone(m.Forward(x).Data)
			m.Backward(dz)

			b, ok := m.(BatchDependent)
			if !ok || !b.MixesRows() {
				check.SameBits(t, "Embed", m.Embed(x).Data, z)
				for i := 0; i < rows; i += 30 {
					j := min(i+30, rows)
					check.SameBits(t, "chunk", copies[0].Forward(x.Slice(i, j)).Data, z[i*out:j*out])
					copies[0].Backward(dz.Slice(i, j))
				}
				check.SameBits(t, "gradients of chunks", copies[0].Params().Grads, m.Params().Grads)
			}
			if z := copies[1].Forward(simd.Matrix{Cols: in}); z.Rows != 0 || z.Cols != out {
				t.Errorf("no samples: the embedding is %d×%d, want 0×%d", z.Rows, z.Cols, out)
			} else {
				copies[1].Backward(z)
			}
			same(t, copies[1], copies[2])
			copies[2].SetWorkers(3)
			check.SameBits(t, "Forward of three workers", copies[2].Forward(x).Data, z)
			copies[2].Backward(dz)
			check.SameBits(t, "gradients of three workers", copies[2].Params().Grads, m.Params().Grads)
			same(t, copies[2], m)

			if err := WriteModel(path, m); err != nil {
				t.Fatal(err)
			}
			read, err := ReadModel(path)
			if err != nil {
				t.Fatal(err)
			}
			same(t, read, m)
			same(t, CloneModel(m), m)
			before := slices.Clone(m.Params().Values)
			fill(read.Params().Values, 1)
			fill(copies[2].Params().Values, 1)
			check.SameBits(t, "parameters after those of others changed", m.Params().Values, before)
		})
	}
}
