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
	"github.com/contrast-go/contrast/internal/scalar"
)

// needAVX512 skips the test where the CPU lacks the instructions. There
// CONTRAST_REQUIRE=avx512 fails the tests of internal/cpu.
func needAVX512(t testing.TB) {
	t.Helper()
	if !slices.Contains(cpu.Levels(), cpu.AVX512) {
		t.Skip("this CPU has no AVX-512")
	}
}

// A vector kernel in the one form that the tests call.
type kernelFunc func(dst, x, y []float32, alpha float32) float32

var vectorKernels = []struct {
	name      string
	got, want kernelFunc
}{
	{"Dot", ofPair(avx512.Dot), ofPair(generic.Dot)},
	{"SquaredDistance", ofPair(avx512.SquaredDistance), ofPair(generic.SquaredDistance)},
	{"Sum", ofOne(avx512.Sum), ofOne(generic.Sum)},
	{"Max", ofOne(avx512.Max), ofOne(generic.Max)},
	{"Axpy", scaled(avx512.Axpy), scaled(generic.Axpy)},
	{"Scale", scaled(avx512.Scale), scaled(generic.Scale)},
	{"Add", toDst(avx512.Add), toDst(generic.Add)},
	{"Weigh", weighing(avx512.Weigh), weighing(generic.Weigh)},
	{"Raise", raising(avx512.Raise), raising(generic.Raise)},
	{"Find", finding(avx512.Find), finding(generic.Find)},
	{"ExpLanes", inLanes(avx512.ExpLanes), inLanes(generic.ExpLanes)},
	{"SumExp", shifted(avx512.SumExp), shifted(generic.SumExp)},
	{"Log", mapping(avx512.Log), mapping(generic.Log)},
}

func ofPair(f func(x, y []float32) float32) kernelFunc {
	return func(_, x, y []float32, _ float32) float32 { return f(x, y) }
}

func ofOne(f func(x []float32) float32) kernelFunc {
	return func(_, x, _ []float32, _ float32) float32 { return f(x) }
}

func shifted(f func(x []float32, shift float32) float32) kernelFunc {
	return func(_, x, _ []float32, alpha float32) float32 { return f(x, alpha) }
}

func inLanes(f func(dst, x []float32, shift float32, lane *[16]float32)) kernelFunc {
	return func(dst, x, _ []float32, alpha float32) float32 {
		lane := [16]float32{1, 0x1p20, 3: 0x1p-20, 15: 7}
		f(dst, x, alpha, &lane)
		return digest(lane)
	}
}

// digest returns a number that depends on the bits of all lanes and their order.
func digest(lane [16]float32) float32 {
	var d uint32
	for _, v := range lane {
		u := math.Float32bits(v)
		if v != v {
			u = 1 // any NaN
		}
		d = d*0x01000193 ^ u
	}
	return float32(d >> 8)
}

func raising(f func(dst, x []float32, alpha, c float32)) kernelFunc {
	return func(dst, x, _ []float32, alpha float32) float32 { f(dst, x, alpha, 0.1); return 0 }
}

func finding(f func(x []float32, least float32) int) kernelFunc {
	return func(_, x, _ []float32, alpha float32) float32 { return float32(f(x, alpha)) }
}

func scaled(f func(dst []float32, alpha float32, x []float32)) kernelFunc {
	return func(dst, x, _ []float32, alpha float32) float32 { f(dst, alpha, x); return 0 }
}

func toDst(f func(dst, x, y []float32)) kernelFunc {
	return func(dst, x, y []float32, _ float32) float32 { f(dst, x, y); return 0 }
}

func weighing(f func(dst, x, w []float32, alpha float32)) kernelFunc {
	return func(dst, x, y []float32, alpha float32) float32 { f(dst, x, y, alpha); return 0 }
}

func mapping(f func(dst, x []float32)) kernelFunc {
	return func(dst, x, _ []float32, _ float32) float32 { f(dst, x); return 0 }
}

// data returns operands of several kinds. NaN and Inf drown sums of uniform bits,
// so that the others are finite or nearly so.
func data(n int) map[string][]float32 {
	r := check.NewRand(1)
	d := map[string][]float32{
		"normal": r.Normals32(n),
		"bits":   r.Bits32(n),
		"expo":   r.Float32s(n, -110, 95),
		"tiny":   r.Normals32(n), // with subnormal products
		"wide":   r.Bits32(n),    // finite, of all magnitudes
		"rare":   r.Normals32(n), // one in 97 is any bits
	}
	tiny, wide, rare := d["tiny"], d["wide"], d["rare"]
	for i := range n {
		tiny[i] *= 0x1p-70
		if i%5 == 0 {
			tiny[i] = float32(math.Copysign(0, float64(tiny[i])))
		}
		if math.IsInf(float64(wide[i]), 0) || wide[i] != wide[i] {
			wide[i] = 1
		}
		if i%97 == 0 {
			rare[i] = r.Bits32(1)[0]
		}
	}
	return d
}

func TestVectorBits(t *testing.T) {
	needAVX512(t)
	const maxLen, offsets = 300, 8
	alphas := []float32{0.7, 1, 0, -0x1p-80, float32(math.Inf(1))}
	for kind, x := range data(maxLen + offsets) {
		y := slices.Clone(x)
		slices.Reverse(y)
		for _, k := range vectorKernels {
			for n := range maxLen + 1 {
				o := n % 3 * 5 % offsets // the operands lie differently
				for off := range offsets {
					alpha := alphas[(n+off)%len(alphas)]
					xs, ys := x[off:off+n], y[o:o+n]
					name := fmt.Sprintf("%s/%s n=%d off=%d alpha=%v", k.name, kind, n, off, alpha)
					for _, alias := range []string{"", "x", "y"} {
						// Whole buffers are compared: nothing around dst may change.
						got, want := slices.Clone(y), slices.Clone(y)
						g, w := got[off:off+n], want[off:off+n]
						gx, gy, wx, wy := xs, ys, xs, ys
						switch alias {
						case "x":
							copy(g, xs)
							copy(w, xs)
							gx, wx = g, w
						case "y":
							copy(g, ys)
							copy(w, ys)
							gy, wy = g, w
						}
						a, b := k.got(g, gx, gy, alpha), k.want(w, wx, wy, alpha)
						check.SameBits(t, name+" dst="+alias, got, want)
						check.SameBits(t, name+" dst="+alias+" result", []float32{a}, []float32{b})
					}
					if t.Failed() {
						return
					}
				}
			}
		}
	}
}

// The kernels stay within their slices at both ends.
func TestVectorFence(t *testing.T) {
	needAVX512(t)
	const maxLen = 300
	x, y, dst := check.NewFence(t, maxLen), check.NewFence(t, maxLen), check.NewFence(t, maxLen)
	for _, k := range vectorKernels {
		for n := range maxLen + 1 {
			for _, atEnd := range []bool{false, true} {
				if check.Faults(func() { k.got(dst.Slice(n, atEnd), x.Slice(n, atEnd), y.Slice(n, atEnd), 1) }) {
					t.Errorf("%s: n=%d atEnd=%v: access outside the slices", k.name, n, atEnd)
				}
			}
		}
	}
}

// Max ignores NaN and gives −Inf where there is nothing else.
func TestMaxIgnoresNaN(t *testing.T) {
	needAVX512(t)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	zero := float32(math.Copysign(0, -1))
	for n := range 70 {
		for at := range max(n, 1) {
			for _, c := range []struct{ fill, v float32 }{{nan, -3}, {-2, nan}, {nan, -inf}, {-inf, nan}, {zero, zero}, {-inf, inf}, {nan, nan}, {-1, zero}} {
				x := slices.Repeat([]float32{c.fill}, n)
				if n > 0 {
					x[at] = c.v
				}
				check.SameBits(t, fmt.Sprintf("Max of %d %v, one %v", n, c.fill, c.v), []float32{avx512.Max(x)}, []float32{generic.Max(x)})
			}
		}
	}
}

// Find gives the first of several, wherever they are, and passes over NaN.
func TestFindAnywhere(t *testing.T) {
	needAVX512(t)
	nan := float32(math.NaN())
	for n := range 200 {
		x := slices.Repeat([]float32{1}, n)
		for at := range n {
			x[at] = 2
			for _, later := range []int{n, at + 1, at + 8, at + 31, at + 64} {
				before := slices.Clone(x)
				if later < n {
					x[later] = 3
				}
				if at > 0 {
					x[at-1] = nan
				}
				if got := avx512.Find(x, 2); got != at {
					t.Fatalf("n=%d: %d, want %d", n, got, at)
				}
				copy(x, before)
			}
			x[at] = 1
		}
		if got := avx512.Find(x, 2); got != n {
			t.Fatalf("n=%d: %d, want n where none is so large", n, got)
		}
		if got := avx512.Find(x, nan); got != n {
			t.Fatalf("n=%d: %d, want n for NaN", n, got)
		}
	}
}

// Raise leaves NaN in dst, lets none in, and keeps the zero that is there.
func TestRaiseSpecial(t *testing.T) {
	needAVX512(t)
	nan, inf, zero := float32(math.NaN()), float32(math.Inf(1)), float32(math.Copysign(0, -1))
	for _, c := range []struct{ dst, x, alpha, c, want float32 }{
		{nan, 1, 1, 1, nan}, {1, nan, 1, 1, 1}, {1, inf, 0, 1, 1}, {1, 1, 1, nan, 1}, {nan, nan, 1, 1, nan},
		{zero, 0, 1, 0, zero}, {0, zero, 1, zero, 0}, {-inf, inf, -1, 0, -inf}, {-inf, 1, 2, 3, 5}, {5, 1, 2, 3, 5}, {1, inf, 1, 0, inf},
	} {
		for n := range 80 {
			dst, x := slices.Repeat([]float32{c.dst}, n), slices.Repeat([]float32{c.x}, n)
			avx512.Raise(dst, x, c.alpha, c.c)
			check.SameBits(t, fmt.Sprintf("Raise %+v n=%d", c, n), dst, slices.Repeat([]float32{c.want}, n))
		}
	}
}

// Products that underflow to −0 in every lane, empty lanes or not, add up to +0.
func TestDotOfMinusZeros(t *testing.T) {
	needAVX512(t)
	for n := range 100 {
		x, y := slices.Repeat([]float32{-0x1p-100}, n), slices.Repeat([]float32{0x1p-100}, n)
		check.SameBits(t, fmt.Sprint("Dot n=", n), []float32{avx512.Dot(x, y)}, []float32{0})
	}
}

// Exp and log of every 251st bit pattern; 251 divides no power of two.
func TestExpLogBits(t *testing.T) {
	needAVX512(t)
	const stride = 251
	x, got, want := make([]float32, 4096), make([]float32, 4096), make([]float32, 4096)
	for u := uint64(0); u < 1<<32 && !t.Failed(); {
		for i := range x {
			x[i] = math.Float32frombits(uint32(u))
			u += stride
		}
		avx512.ExpLanes(got, x, 0, new([16]float32))
		for i, v := range x {
			want[i] = scalar.Exp(v)
		}
		check.SameBits(t, fmt.Sprintf("exp up to %#x", u), got, want)
		avx512.Log(got, x)
		for i, v := range x {
			want[i] = scalar.Log(v)
		}
		check.SameBits(t, fmt.Sprintf("log up to %#x", u), got, want)
	}
}

// gemm is the definition in generic.Gemm's comment, of this package's tile.
func gemm(c []float32, ldc int, a []float32, ars, acs int, b []float32, k, rows int, alpha float32, add bool) {
	for i := range rows {
		for j := range avx512.GemmCols {
			s := float32(0)
			if add {
				s = c[i*ldc+j]
			}
			for p := range k {
				s = scalar.FMA(a[i*ars+p*acs], b[p*avx512.GemmCols+j], s)
			}
			c[i*ldc+j] = alpha * s
		}
	}
}

func TestGemmBits(t *testing.T) {
	needAVX512(t)
	const maxK, maxRows, ldc = 70, 7 * avx512.GemmRows, avx512.GemmCols + 3
	for kind, d := range data(maxRows*(maxK+5) + maxK*avx512.GemmCols + maxRows*ldc) {
		a, b, c := d[:maxRows*(maxK+5)], d[maxRows*(maxK+5):][:maxK*avx512.GemmCols], d[len(d)-maxRows*ldc:]
		for k := range maxK + 1 {
			for rows := 0; rows <= maxRows; rows += avx512.GemmRows {
				for _, stride := range []struct{ ars, acs int }{{k + 5, 1}, {1, rows + 1}} {
					for _, add := range []bool{false, true} {
						alpha := []float32{1, -0.3}[(k+rows/avx512.GemmRows)%2]
						got, want := slices.Clone(c), slices.Clone(c)
						avx512.Gemm(got, ldc, a, stride.ars, stride.acs, b, k, rows, alpha, add)
						gemm(want, ldc, a, stride.ars, stride.acs, b, k, rows, alpha, add)
						check.SameBits(t, fmt.Sprintf("Gemm/%s k=%d rows=%d %+v alpha=%v add=%v", kind, k, rows, stride, alpha, add), got, want)
						if t.Failed() {
							return
						}
					}
				}
			}
		}
	}
}

func TestGemmFence(t *testing.T) {
	needAVX512(t)
	const maxK, maxRows, ldc = 40, 7 * avx512.GemmRows, avx512.GemmCols + 3
	fc, fa, fb := check.NewFence(t, maxRows*ldc), check.NewFence(t, maxRows*(maxK+maxRows+5)), check.NewFence(t, maxK*avx512.GemmCols)
	for k := 1; k <= maxK; k++ {
		for rows := avx512.GemmRows; rows <= maxRows; rows += avx512.GemmRows {
			for _, stride := range []struct{ ars, acs int }{{k + 5, 1}, {1, rows + 1}} {
				for _, atEnd := range []bool{false, true} {
					a := fa.Slice((rows-1)*stride.ars+(k-1)*stride.acs+1, atEnd)
					b, c := fb.Slice(k*avx512.GemmCols, atEnd), fc.Slice((rows-1)*ldc+avx512.GemmCols, atEnd)
					if check.Faults(func() { avx512.Gemm(c, ldc, a, stride.ars, stride.acs, b, k, rows, 1, true) }) {
						t.Errorf("Gemm k=%d rows=%d %+v atEnd=%v: access outside the slices", k, rows, stride, atEnd)
					}
				}
			}
		}
	}
}
