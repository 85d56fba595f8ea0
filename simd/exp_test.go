package simd_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

// expError is what the comments of Exp and Log promise, in ULP. A unit in the
// last place is at most 2u of the number, or 2·tiny where that is subnormal.
const expError = 0.9

// logits are arguments of the exponential and inputs of its sums. None overflows in a sum of 3
// chunks without a shift.
func logits(r *check.Rand, n int) map[string][]float32 {
	dominant := r.Float32s(n, -1e4, 0) // one score decides
	if n > 0 {
		dominant[r.IntN(n)] = 70
	}
	return map[string][]float32{
		"normal":   r.Normals32(n),
		"range":    r.Float32s(n, -110, 75),
		"subnorm":  r.Float32s(n, -104, -87), // e^x is subnormal
		"near 0":   scaled(r.Normals32(n), -12),
		"dominant": dominant,
		"equal":    repeat(-3.3, n),
	}
}

func TestExpTruth(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		eachLength(func(n int) {
			for kind, x := range logits(check.NewRand(uint64(n)), n+7) {
				x = x[n%7:][:n]
				dst := make([]float32, n+7)[n*3%7:][:n]
				simd.Exp(dst, x)
				for i, v := range x {
					if e := check.ULP(dst[i], math.Exp(float64(v))); !(e <= expError) {
						t.Fatalf("%s n=%d: Exp(%x) = %x, off by %.3f ULP", kind, n, v, dst[i], e)
					}
				}
				for _, shift := range []float32{0, 1.7} {
					s := simd.ExpSum(dst, x, shift)
					sum := 0.0
					for i, v := range x {
						// The difference is rounded before anything else is done.
						if e := check.ULP(dst[i], math.Exp(float64(v-shift))); !(e <= expError) {
							t.Fatalf("%s n=%d: ExpSum(%x − %v) stores %x, off by %.3f ULP", kind, n, v, shift, dst[i], e)
						}
						sum += float64(dst[i])
					}
					if bound := (gamma(rounds(n, 16)) + float64(n)*0x1p-53) * sum; !(math.Abs(float64(s)-sum) <= bound) {
						t.Fatalf("%s n=%d: ExpSum returns %v, but stores numbers of sum %v ± %v", kind, n, s, sum, bound)
					}
					check.SameBits(t, fmt.Sprintf("%s n=%d: SumExp", kind, n), []float32{simd.SumExp(x, shift)}, []float32{s})
				}
			}
		})
	})
}

// The lanes go on from what they are given: a sum may be cut at any multiple of 16, and has the
// bits of ExpSum as long as that is one piece.
func TestExpLanesCut(t *testing.T) {
	r := check.NewRand(5)
	x := r.Float32s(2*chunk+100, -110, 75)
	start := [16]float32(r.Normals32(16))
	check.EachLevel(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 15, 16, 17, 31, 33, 48, 64, 77, 100, 128, 300, chunk, chunk + 8, 2*chunk + 100} {
			want, wantDst := start, make([]float32, n)
			for i, v := range x[:n] {
				wantDst[i] = scalar.Exp(v - 0.5)
				want[i%16] += wantDst[i]
			}
			for cut := 0; cut <= n; cut += 16 * (1 + n/300) {
				lane, dst := start, make([]float32, n)
				simd.ExpLanes(dst[:cut], x[:cut], 0.5, &lane)
				simd.ExpLanes(dst[cut:], x[cut:n], 0.5, &lane)
				name := fmt.Sprintf("n=%d cut at %d", n, cut)
				check.SameBits(t, name, lane[:], want[:])
				check.SameBits(t, name+" dst", dst, wantDst)
				if t.Failed() {
					return
				}
			}
			if n <= chunk {
				var lane [16]float32
				dst := make([]float32, n)
				simd.ExpLanes(dst, x[:n], 0.5, &lane)
				check.SameBits(t, fmt.Sprintf("n=%d ExpSum", n), []float32{simd.SumLanes(&lane)}, []float32{simd.ExpSum(dst, x[:n], 0.5)})
			}
		}
	})
}

func TestLogTruth(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		eachLength(func(n int) {
			r := check.NewRand(uint64(n))
			for kind, x := range map[string][]float32{
				"wide": wide(r, n+7, 120), "near 1": r.Float32s(n+7, 0.7, 1.5), "subnormal": scaled(r.Float32s(n+7, 0, 1), -126),
			} {
				x = x[n%7:][:n]
				dst := make([]float32, n+7)[n*3%7:][:n]
				simd.Log(dst, x)
				for i, v := range x {
					if e := check.ULP(dst[i], math.Log(float64(v))); !(e <= expError) {
						t.Fatalf("%s n=%d: Log(%x) = %x, off by %.3f ULP", kind, n, v, dst[i], e)
					}
				}
			}
		})
	})
}

// softmaxErrors returns the bounds of LogSumExp, absolute, and of the elements of
// Softmax, as their relative error times the truth p, plus what is lost below the normal numbers.
//
// With the maximum m, which is exact, the difference x−m is rounded, by u·|x−m| at most; its
// exponential errs by expError·2u; the sum by γ_k. So the relative error of the sum, which is
// at least 1, is their mean with weights p, and that is the absolute error of its
// logarithm; adding m rounds once more. An element of Softmax has the errors of its exponential and
// of the sum, and is rounded twice: in 1/s and in the product.
// The factor 1 + 2^-10 covers the products of errors, all of which are below 2^-12.
func softmaxErrors(x, p []float64, lse float64) (ofLSE float64, of []float64) {
	m := ref.Max(x)
	sum := gamma(rounds(len(x), 16)) + 2*expError*u + 2*tiny*float64(len(x))
	for i, v := range x {
		if p[i] > 0 {
			sum += p[i] * math.Abs(v-m) * u
		}
	}
	const second = 1 + 0x1p-10
	of = make([]float64, len(x))
	for i, v := range x {
		if p[i] > 0 {
			of[i] = p[i]*second*(sum+(math.Abs(v-m)+2*expError+2)*u) + 4*tiny
		}
	}
	return second*sum + u*math.Abs(lse), of
}

func TestSoftmaxTruth(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		worstLSE, worst := 0.0, 0.0
		eachLength(func(n int) {
			if n == 0 {
				return
			}
			kinds := logits(check.NewRand(uint64(n)), n+7)
			kinds["huge"] = wide(check.NewRand(uint64(n)), n+7, 120)
			for kind, x := range kinds {
				x = x[n%7:][:n]
				dst := make([]float32, n+7)[n*3%7:][:n]
				lse := simd.Softmax(dst, x)
				check.SameBits(t, "LogSumExp", []float32{simd.LogSumExp(x)}, []float32{lse})

				// The logarithm and the maximum are added before anything is rounded to float32.
				m := simd.Max(x)
				if e := check.ULP(lse, math.Log(float64(simd.SumExp(x, m)))+float64(m)); !(e <= 0.5+0x1p-20) {
					t.Fatalf("%s n=%d: LogSumExp is %v, off by %v ULP from the logarithm of the sum", kind, n, lse, e)
				}

				x64 := float64s(x)
				want, p := ref.LogSumExp(x64), ref.Softmax(x64)
				boundLSE, bounds := softmaxErrors(x64, p, want)
				if e := math.Abs(float64(lse) - want); !(e <= boundLSE) {
					t.Fatalf("%s n=%d: LogSumExp is %v, want %v ± %v", kind, n, lse, want, boundLSE)
				} else if boundLSE > 0 {
					worstLSE = max(worstLSE, e/boundLSE)
				}
				for i, got := range dst {
					if e := math.Abs(float64(got) - p[i]); !(e <= bounds[i]) {
						t.Fatalf("%s n=%d: Softmax[%d] is %v, want %v ± %v", kind, n, i, got, p[i], bounds[i])
					} else if bounds[i] > 0 {
						worst = max(worst, e/bounds[i])
					}
				}
			}
		})
		t.Logf("worst error: LogSumExp %.3f of the bound, Softmax %.3f", worstLSE, worst)
	})
}

// The numeric contract, with what is special at every place: in the main loop and in the tail.
func TestSoftmaxSpecial(t *testing.T) {
	zeros := func(n, at int) []float32 { return repeat(0, n) }
	ones := func(n, at int) []float32 {
		x := repeat(0, n)
		x[at] = 1
		return x
	}
	nans := func(n, at int) []float32 { return repeat(nan, n) }
	cases := []struct {
		name        string
		fill, v, v2 float32 // all elements, the one, and its successor
		lse         float32
		softmax     func(n, at int) []float32
	}{
		{"all −Inf", -inf, -inf, -inf, -inf, zeros},
		{"all but one −Inf", -inf, 3.3, -inf, 3.3, ones},
		{"all but one far below", -200, 3.3, -200, 3.3, ones},
		{"all but one lowest", -math.MaxFloat32, math.MaxFloat32, -math.MaxFloat32, math.MaxFloat32, ones},
		{"+Inf", 1, inf, 1, inf, nans},
		{"+Inf and −Inf", -inf, inf, -inf, inf, nans},
		{"two +Inf", 1, inf, inf, inf, nans},
		{"NaN", 1, nan, 1, nan, nans},
		{"NaN among −Inf", -inf, nan, -inf, nan, nans},
		{"NaN and +Inf", 1, inf, nan, nan, nans},
		{"all NaN", nan, nan, nan, nan, nans},
	}
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range cases {
			for _, n := range []int{2, 3, 7, 8, 9, 15, 16, 17, 23, 31, 32, 33, 40, 63, 64, 65, 70, 2*chunk + 5} {
				for at := 0; at < n; at += 1 + n/20 {
					x := repeat(c.fill, n)
					x[(at+1)%n] = c.v2
					x[at] = c.v
					name := fmt.Sprintf("%s n=%d at=%d", c.name, n, at)
					dst := repeat(7, n)
					check.SameBits(t, name+" LogSumExp", []float32{simd.LogSumExp(x)}, []float32{c.lse})
					check.SameBits(t, name+" Softmax's", []float32{simd.Softmax(dst, x)}, []float32{c.lse})
					check.SameBits(t, name+" Softmax", dst, c.softmax(n, at))
					simd.Softmax(x, x)
					check.SameBits(t, name+" Softmax in place", x, dst)
					if t.Failed() {
						return
					}
				}
			}
		}
	})
}

// The log-sum-exp of one number is that number, and its probability 1.
func TestSoftmaxOfOne(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		r := check.NewRand(1)
		for range 10000 {
			x := r.Bits32(1)
			if x[0] != x[0] || math.IsInf(float64(x[0]), 0) {
				continue
			}
			dst := []float32{7}
			if got := simd.LogSumExp(x); got != x[0] {
				t.Fatalf("LogSumExp(%x) = %x", x[0], got)
			}
			if got := simd.Softmax(dst, x); got != x[0] || dst[0] != 1 {
				t.Fatalf("Softmax(%x) = %x, %x, want 1 and the number", x[0], dst[0], got)
			}
		}
	})
}

// Subnormal inputs and results are kept, not flushed to zero.
func TestSubnormalsKept(t *testing.T) {
	const least = 0x1p-149
	check.EachLevel(t, func(t *testing.T) {
		for n := 1; n <= 70; n++ {
			x, y := repeat(least, n), repeat(1, n)
			if got, want := simd.Dot(x, y), float32(n)*least; got != want {
				t.Errorf("Dot n=%d: %v, want %v", n, got, want)
			}
			if got, want := simd.Sum(x), float32(n)*least; got != want {
				t.Errorf("Sum n=%d: %v, want %v", n, got, want)
			}
			if got := simd.Max(x); got != least {
				t.Errorf("Max n=%d: %v, want %v", n, got, least)
			}
			if got, want := simd.LogSumExp(x), float32(math.Log(float64(n))); math.Abs(float64(got-want)) > 1e-6 || n == 1 && got != least {
				t.Errorf("LogSumExp n=%d: %v, want %v", n, got, want)
			}
			dst := make([]float32, n)
			simd.Exp(dst, repeat(-103, n)) // e^-103 is 1.32·2^-149
			check.SameBits(t, fmt.Sprintf("Exp(-103) n=%d", n), dst, repeat(least, n))
			simd.Scale(dst, 0.5, repeat(3*least, n)) // ties to even
			check.SameBits(t, fmt.Sprintf("Scale n=%d", n), dst, repeat(2*least, n))
			simd.Log(dst, x)
			check.SameBits(t, fmt.Sprintf("Log n=%d", n), dst, repeat(-103.27893, n))
		}
	})
}

// What is special gives what the comments say at every place and leaves its neighbours alone.
func TestExpLogSpecial(t *testing.T) {
	zero, negZero := float32(0), float32(math.Copysign(0, -1))
	functions := []struct {
		name  string
		call  func(dst, x []float32)
		cases [][2]float32
	}{
		{"Exp", simd.Exp, [][2]float32{
			{-inf, 0}, {inf, inf}, {nan, nan}, {zero, 1}, {negZero, 1}, {math.MaxFloat32, inf}, {-math.MaxFloat32, 0},
			{0x1p-149, 1}, {-0x1p-149, 1},
			{0x1.62e42ep6, 0x1.ffff08p127}, {0x1.62e43p6, inf}, // the last that fits
			{-0x1.9fe368p6, 0x1p-149}, {-0x1.9fe36ap6, 0}, // the last above half the least
		}},
		{"Log", simd.Log, [][2]float32{
			{zero, -inf}, {negZero, -inf}, {inf, inf}, {-inf, nan}, {nan, nan}, {-1, nan}, {-0x1p-149, nan}, {-math.MaxFloat32, nan},
			{1, 0}, {math.MaxFloat32, 0x1.62e43p6},
		}},
	}
	check.EachLevel(t, func(t *testing.T) {
		for _, f := range functions {
			for _, c := range f.cases {
				for n := 1; n <= 40; n++ {
					plain := make([]float32, n)
					f.call(plain, repeat(2.5, n))
					for at := range n {
						x, want := repeat(2.5, n), slices.Clone(plain)
						x[at], want[at] = c[0], c[1]
						got := make([]float32, n)
						f.call(got, x)
						check.SameBits(t, fmt.Sprintf("%s n=%d with %x at %d", f.name, n, c[0], at), got, want)
						f.call(x, x)
						check.SameBits(t, fmt.Sprintf("%s n=%d with %x at %d in place", f.name, n, c[0], at), x, want)
						if t.Failed() {
							return
						}
					}
				}
			}
		}
	})
}

// The functions of rows are those of vectors, row by row, and touch nothing between the rows.
func TestSoftmaxRows(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range []struct{ rows, cols, gap int }{{0, 4, 0}, {3, 0, 0}, {3, 0, 2}, {1, 1, 0}, {5, 7, 0}, {4, 33, 3}, {9, 100, 1}} {
			r := check.NewRand(2)
			x, dst := newGuarded(c.rows, c.cols, c.gap), newGuarded(c.rows, c.cols, c.gap+1)
			fill(x.Matrix, r.Normals32(c.rows*c.cols))
			if c.rows*c.cols > 0 {
				x.Row(c.rows - 1)[c.cols/2] = inf
			}
			lse, only := make([]float32, c.rows), make([]float32, c.rows)
			simd.SoftmaxRows(dst.Matrix, x.Matrix, lse)
			simd.LogSumExpRows(only, x.Matrix)
			name := fmt.Sprintf("%+v", c)
			for i := range c.rows {
				row := make([]float32, c.cols)
				want := simd.Softmax(row, x.Row(i))
				check.SameBits(t, name+" softmax", dst.Row(i), row)
				check.SameBits(t, name+" log-sum-exp", []float32{lse[i], only[i]}, []float32{want, want})
			}
			dst.intact(t, name)
			x.intact(t, name)

			want := dense(dst.Matrix)
			simd.SoftmaxRows(x.Matrix, x.Matrix, nil)
			check.SameBits(t, name+" in place", dense(x.Matrix), want)
			x.intact(t, name+" in place")
		}
	})
}
