package simd_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/internal/generic"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// sumsOf are the functions that return a sum, with the truth and with the sum of absolute
// values to which its error is relative.
var sumsOf = []struct {
	name  string
	lanes int
	extra float64 // roundings of a term, beside those of the sum
	got   func(x, y []float32) float32
	truth func(x, y []float64) float64
	size  func(x, y []float64) float64
}{
	{"Dot", 32, 0, simd.Dot, ref.Dot, func(x, y []float64) float64 { return ref.Dot(abs(x), abs(y)) }},
	// The difference is rounded, and its square has that error twice.
	{"SquaredDistance", 32, 2, simd.SquaredDistance, ref.SquaredDistance, ref.SquaredDistance},
	{"Sum", 16, 0, func(x, _ []float32) float32 { return simd.Sum(x) },
		func(x, _ []float64) float64 { return ref.Sum(x) },
		func(x, _ []float64) float64 { return ref.Sum(abs(x)) }},
}

func abs(x []float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = math.Abs(v)
	}
	return y
}

// The error of a sum of k roundings an element is at most γ_k times the sum of absolute
// values, and 2^-150 for each term that may have become subnormal. The truth, in
// float64, errs by n·2^-53 itself. Sums of small integers are exact.
func TestSumsTruth(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		for _, f := range sumsOf {
			worst := 0.0
			for seed, kind := range kinds {
				eachLength(func(n int) {
					x, y := kind.data(check.NewRand(uint64(seed)), n+7)
					ox, oy := n%7, n*3%7
					x, y = x[ox:ox+n], y[oy:oy+n]
					got := float64(f.got(x, y))
					x64, y64 := float64s(x), float64s(y)
					want, size := f.truth(x64, y64), f.size(x64, y64)
					bound := (gamma(rounds(n, f.lanes)+f.extra)+float64(n)*0x1p-53)*size + float64(n)*tiny
					if kind.name == "integer" {
						bound = 0
					}
					if err := math.Abs(got - want); !(err <= bound) {
						t.Fatalf("%s/%s n=%d: %v, want %v ± %v", f.name, kind.name, n, got, want, bound)
					} else if bound > 0 {
						worst = max(worst, err/bound)
					}
				})
			}
			t.Logf("%s: worst error is %.3f of the bound", f.name, worst)
		}
	})
}

// Longer sums than a chunk are the sums of their chunks, from the left.
func TestSumsOfChunks(t *testing.T) {
	r := check.NewRand(1)
	x, y := r.Normals32(3*chunk+5), r.Normals32(3*chunk+5)
	check.EachLevel(t, func(t *testing.T) {
		for _, f := range []struct {
			name   string
			sum    func(x, y []float32) float32
			kernel func(x, y []float32) float32
		}{
			{"Dot", simd.Dot, generic.Dot},
			{"SquaredDistance", simd.SquaredDistance, generic.SquaredDistance},
			{"Sum", func(x, _ []float32) float32 { return simd.Sum(x) }, func(x, _ []float32) float32 { return generic.Sum(x) }},
			{"SumExp", func(x, _ []float32) float32 { return simd.SumExp(x, 1) }, func(x, _ []float32) float32 { return generic.SumExp(x, 1) }},
			{"ExpSum", func(x, _ []float32) float32 { return simd.ExpSum(make([]float32, len(x)), x, 1) }, func(x, _ []float32) float32 { return generic.SumExp(x, 1) }},
		} {
			for _, n := range []int{chunk, chunk + 1, 2 * chunk, 2*chunk + 1, 3 * chunk, 3*chunk + 5} {
				var want float32
				for i := 0; i < n; i += chunk {
					end := min(i+chunk, n)
					want += f.kernel(x[i:end], y[i:end])
				}
				check.SameBits(t, fmt.Sprintf("%s n=%d", f.name, n), []float32{f.sum(x[:n], y[:n])}, []float32{want})
			}
		}
	})
}

func TestMaxTruth(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		eachLength(func(n int) {
			// Bit patterns of all kinds: NaN is passed over, both infinities count.
			x := check.NewRand(uint64(n)).Bits32(n + 5)[n%5:][:n]
			got, want := simd.Max(x), float32(ref.Max(float64s(x)))
			if got != want || math.Signbit(float64(got)) && got == 0 {
				t.Fatalf("n=%d: %v, want %v", n, got, want)
			}
		})
	})
}

// The greatest may lie anywhere, in a chunk of its own too.
func TestMaxAnywhere(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		for _, n := range []int{1, 5, 8, 31, 64, 100, 2*chunk + 9} {
			x := repeat(-2, n)
			step := 1 + n/200
			for i := 0; i < n; i += step {
				x[i] = -1
				if got := simd.Max(x); got != -1 {
					t.Fatalf("n=%d: %v where element %d is -1 and the others are -2", n, got, i)
				}
				x[i] = nan
				if got := simd.Max(x); n > 1 && got != -2 || n == 1 && got != -inf {
					t.Fatalf("n=%d: %v where element %d is NaN and the others are -2", n, got, i)
				}
				x[i] = -2
			}
		}
	})
}

// elementwise are the functions whose elements have no sum in them. The truth of one rounding in
// float64 is the float32 next to it: sums of two float32 rounded to 53 bits and then to 24 are
// rounded right (Figueroa 1995), and products are exact in 53. Only the fused alpha·x + y is
// rounded twice so; then half a unit and 2^-29 is the bound. MulShifted rounds twice.
var elementwise = []struct {
	name   string
	rounds int // 0: exactly the truth, rounded
	truth  func(dst, x, y, alpha float64) float64
}{
	{"Axpy", 1, func(dst, x, _, alpha float64) float64 { return float64(alpha*x) + dst }},
	{"Scale", 0, func(_, x, _, alpha float64) float64 { return alpha * x }},
	{"Add", 0, func(_, x, y, _ float64) float64 { return x + y }},
	{"MaxAffine", 1, func(dst, x, _, alpha float64) float64 { return max(dst, float64(alpha*x)-0.25) }},
	{"MulShifted", 2, func(_, x, y, alpha float64) float64 { return x * (y + alpha) }},
}

func TestElementwiseTruth(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		for _, e := range elementwise {
			f := vectorFuncs[slices.IndexFunc(vectorFuncs, func(f vectorFunc) bool { return f.name == e.name })]
			for seed, kind := range kinds {
				for _, alpha := range []float32{0.7, -1, 0x1p-20} {
					eachLength(func(n int) {
						if n > 301 && alpha != 0.7 {
							return
						}
						r := check.NewRand(uint64(seed))
						x, y := kind.data(r, n+7)
						old := slices.Clone(y)
						slices.Reverse(old)
						dst := slices.Clone(old)
						ox, oy, od := n%7, n*3%7, n*5%7
						f.call(dst[od:od+n], x[ox:ox+n], y[oy:oy+n], alpha)
						for i := range n {
							got := dst[od+i]
							want := e.truth(float64(old[od+i]), float64(x[ox+i]), float64(y[oy+i]), float64(alpha))
							ok := false
							switch e.rounds {
							case 0:
								ok = got == float32(want)
							case 1:
								ok = check.ULP(got, want) <= 0.5+0x1p-29
							case 2:
								ok = math.Abs(float64(got)-want) <= (2*u+u*u+0x1p-52)*math.Abs(want)+tiny
							}
							if !ok {
								t.Fatalf("%s/%s n=%d alpha=%v: element %d is %v, want %v", e.name, kind.name, n, alpha, i, got, want)
							}
						}
						check.SameBits(t, e.name+" before dst", dst[:od], old[:od])
						check.SameBits(t, e.name+" after dst", dst[od+n:], old[od+n:])
					})
				}
			}
		}
	})
}

// IndexAtLeast gives the first that is large enough, wherever it is, and passes over NaN.
func TestFindAnywhere(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		for _, n := range []int{1, 5, 8, 31, 64, 100, 2*chunk + 9} {
			x := repeat(-2, n)
			if got := simd.IndexAtLeast(x, -1); got != n {
				t.Fatalf("n=%d: %d where none is so large", n, got)
			}
			for i := 0; i < n; i += 1 + n/200 {
				x[i], x[n-1] = -1, 3
				if i > 0 {
					x[i-1] = nan
				}
				if got := simd.IndexAtLeast(x, -1); got != i {
					t.Fatalf("n=%d: %d where element %d is the first so large", n, got, i)
				}
				if got := simd.IndexAtLeast(x, nan); got != n {
					t.Fatalf("n=%d: %d, but nothing is as large as NaN", n, got)
				}
				x[max(i-1, 0)], x[i], x[n-1] = -2, -2, -2
			}
		}
	})
}

// Every level gives the bits of the definition, for operands of all bit patterns too, wherever
// they lie and with dst an operand or not.
func TestVectorBits(t *testing.T) {
	const maxLen = 3*chunk + 33
	r := check.NewRand(1)
	operands := map[string][2][]float32{
		"bits": {r.Bits32(maxLen + 8), r.Bits32(maxLen + 8)},
		"rare": {r.Normals32(maxLen + 8), r.Normals32(maxLen + 8)}, // NaN and Inf drown the sums of the others
	}
	for i := 0; i < maxLen; i += 97 {
		operands["rare"][0][i] = r.Bits32(1)[0]
	}
	for _, kind := range kinds {
		x, y := kind.data(r, maxLen+8)
		operands[kind.name] = [2][]float32{x, y}
	}
	alphas := []float32{0.7, 1, 0, -0x1p-80, inf}
	check.EachLevel(t, func(t *testing.T) {
		if cpu.Active() == cpu.Generic {
			return // it is what the others are compared with
		}
		for kind, xy := range operands {
			for _, f := range vectorFuncs {
				eachLength(func(n int) {
					if n > 301 && kind != "bits" && kind != "normal" {
						return
					}
					x, y := xy[0][:n+8], xy[1][:n+8]
					od, ox, oy := n%8, n*3%8, n*5%8
					alpha := alphas[n%len(alphas)]
					run := func(alias byte) (dst []float32) {
						dst = slices.Concat(y, []float32{0}) // the last element holds the result
						d, xs, ys := dst[od:od+n], x[ox:ox+n], y[oy:oy+n]
						switch alias {
						case 'x':
							copy(d, xs)
							xs = d
						case 'y':
							copy(d, ys)
							ys = d
						}
						dst[n+8] = f.call(d, xs, ys, alpha)
						return dst
					}
					for _, alias := range []byte(f.operands) {
						if n > 301 && alias != f.operands[0] {
							continue
						}
						var want []float32
						atGeneric(t, func() { want = run(alias) })
						check.SameBits(t, fmt.Sprintf("%s/%s n=%d alpha=%v dst=%c", f.name, kind, n, alpha, alias), run(alias), want)
					}
				})
				if t.Failed() {
					return
				}
			}
		}
	})
}

// 0·Inf is NaN, and NaN stays NaN, wherever it is: in the main loop or in the tail.
func TestSumsOfNaN(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		for _, n := range []int{1, 2, 3, 7, 8, 9, 31, 32, 33, 63, 64, 65, 100, 127, 128, 200} {
			for i := range n {
				for _, c := range []struct{ fillX, fillY, x, y float32 }{
					{1, 1, nan, 1}, {1, 1, 1, nan}, {1, 0, inf, 0}, {0, 1, 0, inf}, {0, 0, nan, 0}, {1, 1, nan, inf},
				} {
					x, y := repeat(c.fillX, n), repeat(c.fillY, n)
					x[i], y[i] = c.x, c.y
					if got := simd.Dot(x, y); got == got {
						t.Fatalf("Dot n=%d with %v·%v at %d is %v, want NaN", n, c.x, c.y, i, got)
					}
				}
				x, y := repeat(1, n), repeat(2, n)
				x[i] = nan
				if got := simd.Sum(x); got == got {
					t.Fatalf("Sum n=%d with NaN at %d is %v", n, i, got)
				}
				if got := simd.SquaredDistance(x, y); got == got {
					t.Fatalf("SquaredDistance n=%d with NaN at %d is %v", n, i, got)
				}
				x[i], y[i] = inf, inf
				if got := simd.SquaredDistance(x, y); got == got {
					t.Fatalf("SquaredDistance n=%d with Inf−Inf at %d is %v, want NaN", n, i, got)
				}
				x[i] = -inf
				if got := simd.Sum(x); got != -inf {
					t.Fatalf("Sum n=%d with −Inf at %d is %v", n, i, got)
				}
				if got := simd.Dot(x, y); got != -inf {
					t.Fatalf("Dot n=%d with −Inf·Inf at %d is %v", n, i, got)
				}
			}
		}
	})
}

func TestEmptyVectors(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		want := map[string]float32{"Max": -inf, "LogSumExp": -inf, "Softmax": -inf}
		for _, f := range vectorFuncs {
			if got := f.call(nil, nil, nil, 1); got != want[f.name] || math.Signbit(float64(got)) && got == 0 {
				t.Errorf("%s of nothing is %v, want %v", f.name, got, want[f.name])
			}
		}
	})
}

func TestFMA(t *testing.T) {
	// The exact sum lies just above the middle of two float32, to which float64 rounds it.
	a, b, c := float32(-0x1.0001p-24), float32(0x1.fffep-1), float32(0x1.19d072p+00)
	if got, want := simd.FMA(a, b, c), float32(0x1.19d072p+00); got != want {
		t.Errorf("FMA(%x, %x, %x) = %x, want %x", a, b, c, got, want)
	}
}
