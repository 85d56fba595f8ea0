//go:build arm64 && !purego

package neon_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/asm/neon"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/generic"
)

// maxLen is beyond four blocks of the largest kernel, with every tail after each.
const maxLen = 150

// A kernel is any but Gemm, in one shape: a function of x, y and s that may
// store dst and may return a number.
type kernel struct {
	name    string
	neon    func(dst, x, y []float32, s float32) float32
	generic func(dst, x, y []float32, s float32) float32
	finite  float32 // ordinary elements lie in ±finite
}

var kernels = []kernel{
	{
		name:    "Dot",
		neon:    func(_, x, y []float32, _ float32) float32 { return neon.Dot(x, y) },
		generic: func(_, x, y []float32, _ float32) float32 { return generic.Dot(x, y) },
		finite:  3,
	}, {
		name:    "SquaredDistance",
		neon:    func(_, x, y []float32, _ float32) float32 { return neon.SquaredDistance(x, y) },
		generic: func(_, x, y []float32, _ float32) float32 { return generic.SquaredDistance(x, y) },
		finite:  3,
	}, {
		name:    "Sum",
		neon:    func(_, x, _ []float32, _ float32) float32 { return neon.Sum(x) },
		generic: func(_, x, _ []float32, _ float32) float32 { return generic.Sum(x) },
		finite:  3,
	}, {
		name:    "Max",
		neon:    func(_, x, _ []float32, _ float32) float32 { return neon.Max(x) },
		generic: func(_, x, _ []float32, _ float32) float32 { return generic.Max(x) },
		finite:  3,
	}, {
		name:    "Axpy",
		neon:    func(dst, x, _ []float32, s float32) float32 { neon.Axpy(dst, s, x); return 0 },
		generic: func(dst, x, _ []float32, s float32) float32 { generic.Axpy(dst, s, x); return 0 },
		finite:  3,
	}, {
		name:    "Scale",
		neon:    func(dst, x, _ []float32, s float32) float32 { neon.Scale(dst, s, x); return 0 },
		generic: func(dst, x, _ []float32, s float32) float32 { generic.Scale(dst, s, x); return 0 },
		finite:  3,
	}, {
		name:    "Add",
		neon:    func(dst, x, y []float32, _ float32) float32 { neon.Add(dst, x, y); return 0 },
		generic: func(dst, x, y []float32, _ float32) float32 { generic.Add(dst, x, y); return 0 },
		finite:  3,
	}, {
		name:    "Weigh",
		neon:    func(dst, x, y []float32, s float32) float32 { neon.Weigh(dst, x, y, s); return 0 },
		generic: func(dst, x, y []float32, s float32) float32 { generic.Weigh(dst, x, y, s); return 0 },
		finite:  3,
	}, {
		name:    "Raise",
		neon:    func(dst, x, _ []float32, s float32) float32 { neon.Raise(dst, x, s, 0.1); return 0 },
		generic: func(dst, x, _ []float32, s float32) float32 { generic.Raise(dst, x, s, 0.1); return 0 },
		finite:  3,
	}, {
		name:    "Find",
		neon:    func(_, x, _ []float32, s float32) float32 { return float32(neon.Find(x, s)) },
		generic: func(_, x, _ []float32, s float32) float32 { return float32(generic.Find(x, s)) },
		finite:  3,
	}, {
		name:    "ExpLanes",
		neon:    inLanes(neon.ExpLanes),
		generic: inLanes(generic.ExpLanes),
		finite:  110,
	}, {
		name:    "SumExp",
		neon:    func(_, x, _ []float32, s float32) float32 { return neon.SumExp(x, s) },
		generic: func(_, x, _ []float32, s float32) float32 { return generic.SumExp(x, s) },
		finite:  110,
	}, {
		name:    "Log",
		neon:    func(dst, x, _ []float32, _ float32) float32 { neon.Log(dst, x); return 0 },
		generic: func(dst, x, _ []float32, _ float32) float32 { generic.Log(dst, x); return 0 },
		finite:  10,
	},
}

func inLanes(f func(dst, x []float32, shift float32, lane *[16]float32)) func(dst, x, y []float32, s float32) float32 {
	return func(dst, x, _ []float32, s float32) float32 {
		lane := [16]float32{1, 0x1p20, 3: 0x1p-20, 15: 7}
		f(dst, x, s, &lane)
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

// data lists ways to fill an operand. Where everything may be NaN or infinite, a
// sum soon is NaN and shows nothing; the others keep it finite.
var data = []struct {
	name string
	fill func(r *check.Rand, n int, finite float32) []float32
}{
	{"ordinary", func(r *check.Rand, n int, finite float32) []float32 { return r.Float32s(n, -finite, finite) }},
	{"tiny", func(r *check.Rand, n int, _ float32) []float32 {
		x := make([]float32, n) // subnormal, and ±0
		for i := range x {
			x[i] = math.Float32frombits(r.Uint32() & 0x807fffff >> (r.IntN(2) * r.IntN(32)))
		}
		return x
	}},
	{"sparse", func(r *check.Rand, n int, finite float32) []float32 {
		x := r.Float32s(n, -finite, finite)
		if n > 0 {
			x[r.IntN(n)] = r.Bits32(1)[0]
		}
		return x
	}},
	{"bits", func(r *check.Rand, n int, _ float32) []float32 { return r.Bits32(n) }},
}

// TestBits compares every kernel with its definition, for every length, with the
// operands at different offsets from a 16-byte boundary, dst apart from the
// inputs or one of them.
func TestBits(t *testing.T) {
	for _, k := range kernels {
		for _, d := range data {
			t.Run(k.name+"/data="+d.name, func(t *testing.T) {
				r := check.NewRand(1)
				for n := range maxLen + 1 {
					for offset := range 4 {
						x, y := d.fill(r, n, k.finite), d.fill(r, n, k.finite)
						s := d.fill(r, 1, k.finite)[0]
						for alias := range 3 {
							var dst [2][]float32
							var ret [2]float32
							for i, f := range []func(dst, x, y []float32, s float32) float32{k.neon, k.generic} {
								const margin = 3
								xx, yy := place(x, offset, 0), place(y, 3-offset, 0)
								whole := place(y, offset^2, margin)
								out := whole[margin : margin+n]
								switch alias {
								case 1:
									out, whole = xx, xx
								case 2:
									out, whole = yy, yy
								}
								ret[i] = f(out, xx, yy, s)
								dst[i] = whole
							}
							name := fmt.Sprintf("n=%d offset=%d alias=%d", n, offset, alias)
							check.SameBits(t, name+" result", ret[:1], ret[1:])
							check.SameBits(t, name+" dst", dst[0], dst[1])
							if t.Failed() {
								return
							}
						}
					}
				}
			})
		}
	}
}

// place copies x to the given offset from the beginning of an allocation,
// margin elements around it.
func place(x []float32, offset, margin int) []float32 {
	p := make([]float32, offset+margin+len(x)+margin)[offset:]
	copy(p[margin:], x)
	return p
}

// TestStaysWithin runs every kernel between pages that fault.
func TestStaysWithin(t *testing.T) {
	if !check.Guarded() {
		t.Fatal("no guard pages on this system")
	}
	dst, x, y := check.NewFence(t, maxLen), check.NewFence(t, maxLen), check.NewFence(t, maxLen)
	for _, k := range kernels {
		for n := range maxLen + 1 {
			for _, end := range []bool{false, true} {
				if check.Faults(func() { k.neon(dst.Slice(n, end), x.Slice(n, end), y.Slice(n, end), 1) }) {
					t.Errorf("%s touches memory beyond its %d elements (at the end of a page: %t)", k.name, n, end)
				}
			}
		}
	}
	const n = 4
	beyond := x.Slice(n, true)
	if !check.Faults(func() { neon.Scale(dst.Slice(n+1, false), 1, beyond) }) {
		t.Error("reading one element too many does not fault: this test shows nothing")
	}
}

// TestMaxIgnoresNaN puts quiet and signalling NaNs of either sign in every place.
func TestMaxIgnoresNaN(t *testing.T) {
	for _, nan := range []uint32{0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fbfffff} {
		for n := range 70 {
			x := make([]float32, n)
			for i := range x {
				x[i] = math.Float32frombits(nan)
			}
			check.SameBits(t, fmt.Sprintf("Max of %d × %08x", n, nan), []float32{neon.Max(x)}, []float32{float32(math.Inf(-1))})
			for i := range x {
				for _, v := range []float32{-2, float32(math.Copysign(0, -1))} {
					x[i] = v
					check.SameBits(t, fmt.Sprintf("Max of %v at %d of %d × %08x", v, i, n, nan), []float32{neon.Max(x)}, []float32{v + 0})
				}
				x[i] = math.Float32frombits(nan)
			}
		}
	}
}

// TestFindAnywhere looks for the first of several, wherever they are, among NaN.
func TestFindAnywhere(t *testing.T) {
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
				if got := neon.Find(x, 2); got != at {
					t.Fatalf("n=%d: %d, want %d", n, got, at)
				}
				copy(x, before)
			}
			x[at] = 1
		}
		if got := neon.Find(x, 2); got != n {
			t.Fatalf("n=%d: %d, want n where none is so large", n, got)
		}
		if got := neon.Find(x, nan); got != n {
			t.Fatalf("n=%d: %d, want n for NaN", n, got)
		}
	}
}

// TestRaiseSpecial leaves NaN in dst, lets none in, and keeps the zero that is there.
func TestRaiseSpecial(t *testing.T) {
	nan, inf, zero := float32(math.NaN()), float32(math.Inf(1)), float32(math.Copysign(0, -1))
	for _, c := range []struct{ dst, x, alpha, c, want float32 }{
		{nan, 1, 1, 1, nan}, {1, nan, 1, 1, 1}, {1, inf, 0, 1, 1}, {1, 1, 1, nan, 1}, {nan, nan, 1, 1, nan},
		{zero, 0, 1, 0, zero}, {0, zero, 1, zero, 0}, {-inf, inf, -1, 0, -inf}, {-inf, 1, 2, 3, 5}, {5, 1, 2, 3, 5}, {1, inf, 1, 0, inf},
	} {
		for n := range 80 {
			dst, x := slices.Repeat([]float32{c.dst}, n), slices.Repeat([]float32{c.x}, n)
			neon.Raise(dst, x, c.alpha, c.c)
			check.SameBits(t, fmt.Sprintf("Raise %+v n=%d", c, n), dst, slices.Repeat([]float32{c.want}, n))
		}
	}
}

// TestExpLogAllRanges compares exp and log on every 4099th bit pattern, on the
// patterns around the bounds of their cases, and on specials.
func TestExpLogAllRanges(t *testing.T) {
	const stride, block = 4099, 1 << 12
	x := make([]float32, 0, block)
	got, want := make([]float32, block), make([]float32, block)
	flush := func() {
		g, w := got[:len(x)], want[:len(x)]
		var lane, wantLane [16]float32
		neon.ExpLanes(g, x, 0, &lane)
		generic.ExpLanes(w, x, 0, &wantLane)
		check.SameBits(t, "ExpLanes stores", g, w)
		check.SameBits(t, "ExpLanes adds", lane[:], wantLane[:])
		check.SameBits(t, "SumExp returns", []float32{neon.SumExp(x, 0)}, []float32{generic.SumExp(x, 0)})
		neon.Log(g, x)
		generic.Log(w, x)
		check.SameBits(t, "Log", g, w)
		x = x[:0]
	}
	push := func(u uint32) {
		if x = append(x, math.Float32frombits(u)); len(x) == block {
			flush()
		}
	}
	for u := uint64(0); u < 1<<32; u += stride {
		push(uint32(u))
	}
	for _, v := range []float32{0, 1, -104, -103.97208, -87.33655, 88.72284, 89, math.Sqrt2, math.Sqrt2 / 2, 0x1p-126, math.MaxFloat32} {
		for d := range uint32(1000) {
			push(math.Float32bits(v) + d)
			push(math.Float32bits(v) - d)
		}
	}
	flush()
}

// TestGemmBits compares Gemm with generic.Gemm on operands that end, or begin,
// at a page that faults.
func TestGemmBits(t *testing.T) {
	const maxK, maxRows, pad = 40, 3 * neon.GemmRows, 3
	fa, fb := check.NewFence(t, maxK*(maxRows+pad)), check.NewFence(t, maxK*neon.GemmCols)
	fc := check.NewFence(t, maxRows*(neon.GemmCols+pad))
	for _, d := range data {
		t.Run("data="+d.name, func(t *testing.T) {
			r := check.NewRand(2)
			for k := range maxK + 1 {
				for rows := 0; rows <= maxRows; rows += neon.GemmRows {
					for variant := range 16 {
						end, add := variant&1 != 0, variant&2 != 0
						alpha, ldc, acs := float32(1), neon.GemmCols, rows
						if variant&4 != 0 {
							alpha = d.fill(r, 1, 3)[0]
						}
						if variant&8 != 0 {
							ldc, acs = ldc+pad, acs+pad
						}
						a := fa.Slice(max(0, (k-1)*acs+rows), end)
						b := fb.Slice(k*neon.GemmCols, end)
						c := fc.Slice(max(0, (rows-1)*ldc+neon.GemmCols), end)
						for _, x := range [][]float32{a, b, c} {
							copy(x, d.fill(r, len(x), 3))
						}
						want := gemm(c, ldc, a, acs, b, k, rows, alpha, add)
						name := fmt.Sprintf("k=%d rows=%d acs=%d ldc=%d alpha=%v add=%t end=%t", k, rows, acs, ldc, alpha, add, end)
						if check.Faults(func() { neon.Gemm(c, ldc, a, 1, acs, b, k, rows, alpha, add) }) {
							t.Fatalf("%s: touches memory beyond its operands", name)
						}
						check.SameBits(t, name, c, want)
						if t.Failed() {
							return
						}
					}
				}
			}
		})
	}
}

// gemm returns what c is to become: columns 0 to 7 and then 4 to 11 by
// generic.Gemm, whose panels are narrower.
func gemm(c []float32, ldc int, a []float32, acs int, b []float32, k, rows int, alpha float32, add bool) []float32 {
	want := slices.Clone(c)
	if rows == 0 {
		return want
	}
	if k == 0 { // generic.Gemm slices a and b all the same
		a, b = make([]float32, rows), make([]float32, neon.GemmCols)
	}
	for _, j := range []int{0, neon.GemmCols - generic.GemmCols} {
		var panel []float32
		for p := 0; p < len(b); p += neon.GemmCols {
			panel = append(panel, b[p+j:][:generic.GemmCols]...)
		}
		part := slices.Clone(c)
		generic.Gemm(part[j:], ldc, a, 1, acs, panel, k, rows, alpha, add)
		for i := range rows {
			copy(want[i*ldc+j:][:generic.GemmCols], part[i*ldc+j:])
		}
	}
	return want
}
