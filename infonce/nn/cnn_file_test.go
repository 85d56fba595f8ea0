package nn

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/internal/sealed"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/internal/check"
)

// same checks that got, which was read from a file or cloned, equals want.
func same(t *testing.T, got, want Model) {
	t.Helper()
	a, b := State(got), State(want)
	if err := sealed.Match(a, b); err != nil {
		t.Fatal(err)
	}
	for i := range a {
		check.SameBits(t, a[i].Name, a[i].Data, b[i].Data)
	}
	in, _ := want.Dims()
	x := testkit.Normals(check.NewRand(2), 4, in)
	check.SameBits(t, "Embed", got.Embed(x).Data, want.Embed(x).Data)
	check.SameBits(t, "Represent", got.Represent(x).Data, want.Represent(x).Data)
	check.SameBits(t, "Forward", got.Forward(x).Data, want.Forward(x).Data)
	if g, w := fmt.Sprint(got.describe()), fmt.Sprint(want.describe()); g != w {
		t.Errorf("metadata %s, want %s", g, w)
	}
}

func TestCNNRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	for _, c := range cnnShapes {
		m := c.mustNew(t, 8)
		in, out := m.Dims()
		r := check.NewRand(3)
		for range 3 { // to change the statistics
			m.Forward(testkit.Normals(r, c.rows, in))
			m.Backward(testkit.Normals(r, c.rows, out))
		}
		if err := WriteModel(path, m); err != nil {
			t.Fatal(err)
		}
		got, err := ReadModel(path)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, m)
		if g, w := fmt.Sprint(got.(*CNN).Config()), fmt.Sprint(m.Config()); g != w {
			t.Errorf("config %s, want %s", g, w)
		}
		clone := CloneModel(m)
		same(t, clone, m)
		clone.Params().Values[0]++
		if clone.Params().Values[0] == m.params.Values[0] {
			t.Error("a clone shares the parameters")
		}
		for i, s := range clone.(*CNN).State() {
			s.Data[0]++
			if s.Data[0] == m.State()[i].Data[0] {
				t.Error("a clone shares the statistics")
			}
		}
	}
}

func TestReadCNNRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	c := CNNConfig{Width: 6, Height: 5, Channels: 2, Filters: []int{3, 4}, Norm: BatchNorm, Head: []int{2}}
	if err := WriteModel(path, c.mustNew(t, 8)); err != nil {
		t.Fatal(err)
	}
	good := testkit.ReadFile(t, path)
	for _, c := range []struct{ key, value, want string }{
		{"kind", "mlp", "mlp: body has widths [], want"},
		{"kind", "cnn2", `kind: got "cnn2", want one of ["mlp" `},
		{"image", "", "image: got nothing, want a list of widths"},
		{"image", "[6,5]", "image: got [6 5], want width, height and channels"},
		{"image", "[6,5,2,1]", "image: got [6 5 2 1], want"},
		{"image", "[6,0,2]", "cnn: image of 6×0×2, want sides of 1 to"},
		{"image", "[6,5,-2]", "cnn: image of 6×5×-2, want sides of 1 to"},
		{"image", "[99999999,5,2]", "cnn: image of 99999999×5×2, want sides of 1 to"},
		{"image", "[9999999,9999999,2]", "cnn: block 0 has an image of 9999999×9999999×2, want at most"},
		{"image", "[5000,3000,1]", "cnn: block 0 has an image of 5000×3000×3, want at most"},
		{"image", "[6,5,3]", "tensor conv.0.weight: got shape [3 3 2 3], want [3 3 3 3]"},
		{"filters", "[]", "cnn: 0 filters and 2 strides, want one or more, and as many"},
		{"filters", "[3]", "cnn: 1 filters and 2 strides"},
		{"filters", "[3,0]", "cnn: filters [3 0], want each 1 to"},
		{"filters", "[3,5]", "tensor conv.1.weight: got shape [3 3 3 4], want [3 3 3 5]"},
		{"filters", "[3000,30000]", "cnn: filters [3000 30000] need more than"},
		{"filters", "[3," + strings.Repeat("1,", 2000) + "4]", "filters: got"},
		{"strides", "[1,3]", "cnn: strides [1 3], want each 1 or 2"},
		{"strides", "null", `strides: got "null", want a list of widths`},
		{"norm", "group", `norm: got "group", want one of ["layer" "batch" "none"]`},
		{"norm", "layer", `got shape [3], want none`},
		{"norm", "none", "tensor conv.0.bias: got none, want shape [3]"},
		{"activation", "", `activation: got nothing, want one of ["relu" "gelu"]`},
		{"pooling", "sum", `pooling: got "sum", want one of ["none" "max" "average"]`},
		{"body", "[7]", "tensor encoder.0.weight: got none, want shape [7 4]"},
		{"head", "[3]", "tensor head.0.weight: got shape [2 4], want [3 4]"},
		{"head", "[0]", "cnn: width 0, want 1 to"},
	} {
		refusesMetadata(t, path, good, c.key, c.value, c.want)
	}
	for _, n := range []int{0, 1, 100, len(good) / 2, len(good) - 1} {
		testkit.WriteFile(t, path, good[:n])
		if _, err := ReadModel(path); err == nil || !strings.HasPrefix(err.Error(), "model: "+path+": ") {
			t.Errorf("%d bytes of the file: %v", n, err)
		}
	}
}
