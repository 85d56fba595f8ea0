//go:build !race

package nn

// The race detector takes memory of its own.

import (
	"runtime"
	"testing"

	"github.com/contrast-go/contrast/simd"
)

// Each encoder holds as much memory as it estimates, within 20 %.
func TestActivationBytes(t *testing.T) {
	live := func() int64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc)
	}
	for name, m := range examples(t) {
		const rows = 150
		in, out := m.Dims()
		x, dz := simd.NewMatrix(rows, in), simd.NewMatrix(rows, out)
		m.SetWorkers(2)
		before := live()
		m.Forward(x)
		m.Backward(dz)
		got, want := live()-before, ActivationBytes(m, rows)
		t.Logf("%s: %.1f MB estimated, %.1f MB held", name, float64(want)/1e6, float64(got)/1e6)
		if d := got - want; max(d, -d) > got/5 {
			t.Errorf("%s: %.1f MB estimated, %.1f MB held", name, float64(want)/1e6, float64(got)/1e6)
		}
		runtime.KeepAlive(m)
	}
}
