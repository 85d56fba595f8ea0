package check

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestGradient(t *testing.T) {
	x := []float64{0.5, -1.25, 3}
	f := func() float64 { return x[0]*x[1] + math.Sin(x[2]) }
	right := []float64{-1.25, 0.5, math.Cos(3)}
	for _, c := range []struct {
		name    string
		change  func(g []float64)
		message string // part of it; empty where the gradient is right
	}{
		{"right", func(g []float64) {}, ""},
		{"within the absolute tolerance", func(g []float64) { g[0] += 9e-6 }, ""},
		{"within the relative tolerance", func(g []float64) { g[0] *= 1.0009 }, ""},
		{"sign", func(g []float64) { g[1] = -g[1] }, "∂f/∂x[1] = -0.5"},
		{"slightly off", func(g []float64) { g[2] *= 1.0012 }, "∂f/∂x[2]"},
		{"zero", func(g []float64) { g[0] = 0 }, "∂f/∂x[0] = 0"},
		{"NaN", func(g []float64) { g[1] = math.NaN() }, "∂f/∂x[1] = NaN"},
		{"infinite", func(g []float64) { g[1] = math.Inf(1) }, "∂f/∂x[1] = +Inf"},
	} {
		g := slices.Clone(right)
		c.change(g)
		var r recorder
		Gradient(&r, "f", f, x, g)
		got := strings.Join(r.errors, "\n")
		if (got == "") != (c.message == "") || !strings.Contains(got, c.message) {
			t.Errorf("%s: reported %q, want %q", c.name, got, c.message)
		}
	}
	if !slices.Equal(x, []float64{0.5, -1.25, 3}) {
		t.Errorf("x is %v afterwards", x)
	}
	var r recorder
	Gradient(&r, "f", f, x, right[:2])
	if len(r.errors) == 0 {
		t.Error("a gradient too short is not reported")
	}
}
