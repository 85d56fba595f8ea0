package infonce_test

import (
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/simd"
)

// TestMemory: the memory of an evaluation grows with the rows of a batch, not with their square,
// where they may not keep exponentials. It counts all bytes that a new value ever allocates, of
// which the peak is a part, so nothing escapes it. The buffers of products, which all values share
// and whose size is limited, are there before: collections would empty their pool, and a processor
// that joins has none yet.
func TestMemory(t *testing.T) {
	n, workers := 2048, 2
	if testing.Short() || cpu.Active() == cpu.Generic {
		n, workers = StripRows, 1 // a strip of its full height, and four of the same
	}
	const d = 16
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(workers))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 30))
	bytes := func(v variant, n int) uint64 {
		b := v.batch(check.NewRand(81), n, d, 0, 0.5)
		g := gradFor(b)
		l := withBudget(v.New(workers), -1)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		evaluate(t, v.Name, l, b, &g, 1)
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	const inner = 768 // the largest of one block
	dst, x, y := simd.NewMatrix(1023, d-1), simd.NewMatrix(1023, inner), simd.NewMatrix(inner, d-1)
	simd.MatMul(dst, 1, x, y)
	simd.AddMatMulTransA(dst, simd.NewMatrix(inner, 1023), y)
	seen := make(map[string]bool)
	var vs []variant
	for _, v := range allVariants() {
		// The same loss with other numbers takes the same memory, but the paths with one shift and
		// with two differ.
		name, _, _ := strings.Cut(v.Name, "/margin")
		name = strings.TrimSuffix(strings.Replace(name, "temperature=2", "temperature=0.02", 1), "/dot")
		if testing.Short() || v.Sums || v.Steep > 0 || strings.HasPrefix(v.Name, "AlignUniform") {
			name, _, _ = strings.Cut(name, "/")
		}
		if !seen[name] {
			seen[name] = true
			vs = append(vs, v)
		}
	}
	for _, v := range vs {
		small, large := bytes(v, n), bytes(v, 4*n)
		exponent := math.Log2(float64(large)/float64(small)) / 2
		t.Logf("%s: %d KiB for %d rows, %d KiB for %d, exponent %.2f", v.Name, small>>10, n, large>>10, 4*n, exponent)
		if exponent > 1.1 {
			t.Errorf("%s: %d bytes for %d rows, %d for %d: they grow as the power %.2f, want 1", v.Name, small, n, large, 4*n, exponent)
		}
		if square := uint64(4*n) * uint64(max(4*n, v.KeyRows(4*n)+v.NegativeRows(4*n))) * 4; n >= 2048 && large > square/8 {
			t.Errorf("%s: %d bytes for %d rows, of %d that their similarities would take", v.Name, large, 4*n, square)
		}
	}
}
