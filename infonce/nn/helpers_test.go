package nn

import (
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/simd"
)

// refusesShapes checks that m, whose samples have width in and whose embeddings have width out,
// panics with a *simd.ShapeError on wrong shapes.
func refusesShapes(t *testing.T, m Model, in, out int) {
	t.Helper()
	x, dz := simd.NewMatrix(5, in), simd.NewMatrix(5, out)
	for name, f := range map[string]func(){
		"x one column narrower":    func() { m.Forward(simd.NewMatrix(5, in-1)) },
		"dz of 4 rows":             func() { m.Forward(x); m.Backward(simd.NewMatrix(4, out)) },
		"dz one column wider":      func() { m.Forward(x); m.Backward(simd.NewMatrix(5, out+1)) },
		"Backward after Represent": func() { m.Forward(x); m.Represent(x); m.Backward(dz) },
		"Backward after Embed":     func() { m.Forward(x); m.Embed(x); m.Backward(dz) },
	} {
		testkit.PanicsOnShape(t, name, f)
	}
}

// refusesMetadata changes the value of a key in the file good and checks that ReadModel returns an
// error of one line that names the file and contains want.
func refusesMetadata(t *testing.T, path string, good []byte, key, value, want string) {
	t.Helper()
	testkit.WriteFile(t, path, testkit.Edit(t, good, func(x []data.Tensor, meta map[string]string) []data.Tensor {
		meta[key] = value
		return x
	}))
	m, err := ReadModel(path)
	if err == nil || !strings.HasPrefix(err.Error(), "model: "+path+": ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s %s: %v, want %q", key, value, err, want)
	}
	if m != nil {
		t.Errorf("%s %s: a model beside the error", key, value)
	}
}
