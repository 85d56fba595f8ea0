//go:build amd64 && !purego

package avx512_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/asm/avx512"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/internal/generic"
	"github.com/contrast-go/contrast/internal/kerneltest"
	"github.com/contrast-go/contrast/internal/scalar"
)

// halves returns the numbers of pairs, the first ones and then the second ones.
func halves(pairs []float32) []float32 {
	x := make([]float32, 2*len(pairs))
	for i, p := range pairs {
		u := math.Float32bits(p)
		x[i], x[len(pairs)+i] = math.Float32frombits(u>>16<<16), math.Float32frombits(u<<16)
	}
	return x
}

// numbers returns ways to fill an operand.
func numbers(n int) map[string][]float32 {
	r := check.NewRand(1)
	near := r.Float32s(n, -0x1p-54, 0x1p-54) // where small numbers become zeros
	rare := r.Normals32(n)
	for i := range n {
		if i%3 == 0 {
			near[i] *= 0x1p-3
		}
		if i%97 == 0 {
			rare[i] = r.Bits32(1)[0]
		}
	}
	return map[string][]float32{"normal": r.Normals32(n), "bits": r.Bits32(n), "near": near, "rare": rare}
}

func TestPairsBits(t *testing.T) {
	kerneltest.Need(t, cpu.AVX512BF16)
	const maxLen = 200
	for kind, x := range numbers(maxLen + 3) {
		y := slices.Clone(x)
		slices.Reverse(y)
		for n := range maxLen + 1 {
			for off := range 4 {
				xs, ys := x[off:][:n], y[3-off:][:n]
				got, want := make([]float32, n), make([]float32, n)
				avx512.PairRows(got, xs, ys)
				generic.PairRows(want, xs, ys)
				check.SameBits(t, fmt.Sprintf("PairRows/%s n=%d off=%d", kind, n, off), halves(got), halves(want))
				got, want = got[:(n+1)/2], want[:(n+1)/2]
				avx512.PairRow(got, xs)
				generic.PairRow(want, xs)
				check.SameBits(t, fmt.Sprintf("PairRow/%s n=%d off=%d", kind, n, off), halves(got), halves(want))
			}
			if t.Failed() {
				return
			}
		}
	}
}

// Rounding of every upper half of a number with the lower halves where the result changes.
func TestPairsOfAllUpperHalves(t *testing.T) {
	kerneltest.Need(t, cpu.AVX512BF16)
	const uppers = 1 << 16
	x, got, want := make([]float32, uppers), make([]float32, uppers), make([]float32, uppers)
	for _, lower := range []uint32{0, 1, 0x7fff, 0x8000, 0x8001, 0xffff} {
		for u := range x {
			x[u] = math.Float32frombits(uint32(u)<<16 | lower)
		}
		y := slices.Clone(x)
		slices.Reverse(y)
		avx512.PairRows(got, x, y)
		generic.PairRows(want, x, y)
		check.SameBits(t, fmt.Sprintf("PairRows, lower half %#x", lower), halves(got), halves(want))
		avx512.PairRow(got[:uppers/2], x)
		generic.PairRow(want[:uppers/2], x)
		check.SameBits(t, fmt.Sprintf("PairRow, lower half %#x", lower), halves(got[:uppers/2]), halves(want[:uppers/2]))
	}
}

func TestPairsFence(t *testing.T) {
	kerneltest.Need(t, cpu.AVX512BF16)
	const maxLen = 200
	x, y, dst := check.NewFence(t, maxLen), check.NewFence(t, maxLen), check.NewFence(t, maxLen)
	for n := range maxLen + 1 {
		for places := range 8 {
			at := func(i int) bool { return places>>i&1 == 1 }
			if check.Faults(func() { avx512.PairRows(dst.Slice(n, at(0)), x.Slice(n, at(1)), y.Slice(n, at(2))) }) {
				t.Errorf("PairRows: n=%d, operands at ends %b: access outside the slices", n, places)
			}
			if check.Faults(func() { avx512.PairRow(dst.Slice((n+1)/2, at(0)), x.Slice(n, at(1))) }) {
				t.Errorf("PairRow: n=%d, operands at ends %b: access outside the slices", n, places)
			}
		}
	}
}

// addPair carries on a chain of generic.GemmPairs with a pair of a and one of b.
func addPair(a, b, s float32) float32 {
	x, y := halves([]float32{a}), halves([]float32{b})
	return scalar.FMA(x[1], y[1], scalar.FMA(x[0], y[0], s))
}

var gemmPairs = kerneltest.Gemm{Name: "GemmPairs", Rows: avx512.GemmRows, Cols: avx512.GemmCols, Func: avx512.GemmPairs}

// The pairs are of all finite numbers that rounding returns, with zeros, infinities and NaN in one
// case, and the sums to which products are added are such sums themselves.
func TestGemmPairsBits(t *testing.T) {
	kerneltest.Need(t, cpu.AVX512BF16)
	const maxK = 19
	sizeA, sizeB, sizeC := gemmPairs.Sizes(maxK)
	for kind, d := range numbers(2*sizeA + 2*sizeB) {
		pairs := make([]float32, len(d)/2)
		generic.PairRow(pairs, d)
		a, b := pairs[:sizeA], pairs[sizeA:]
		c := make([]float32, sizeC)
		for i := range c {
			c[i] = scalar.FMA(halves(b[i%len(b):][:1])[0], halves(b[i%(len(b)-1):][:1])[1], 0)
		}
		gemmPairs.TestBitsOf(t, kind, maxK, a, b, c, addPair)
	}
}

func TestGemmPairsFence(t *testing.T) {
	kerneltest.Need(t, cpu.AVX512BF16)
	gemmPairs.TestFence(t)
}
