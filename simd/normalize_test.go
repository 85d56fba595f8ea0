package simd_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// rowsOfNorm returns a matrix of random directions with rows near the given norm. A norm of
// 0 means rows of zeros.
func rowsOfNorm(r *check.Rand, rows, cols int, norm float64) simd.Matrix {
	m := fill(simd.NewMatrix(rows, cols), r.Normals32(rows*cols))
	for i := range rows {
		row := m.Row(i)
		s := norm / math.Max(math.Sqrt(ref.Dot(float64s(row), float64s(row))), 1e-3)
		for j, v := range row {
			row[j] = float32(float64(v) * s)
		}
	}
	return m
}

// norms are those of ordinary rows, of rows whose squares vanish or overflow, at the edges
// between the two ways to normalise (2^-40 and 2^50), and of rows that are subnormal.
var norms = []float64{1, 1e-3, 0x1p-40, 0x1.01p-40, 0x0.ffp-40, 0x1p-62, 1e-20, 1e-38, 1e-41, 3e-44, 1e5, 0x1p50, 0x1.01p50, 1e20, 1e38, 0}

// A norm errs by half the error of its square, which is a sum without cancellation, and by a
// rounding; a unit row by those, the rounding of 1/norm and its own.
func TestNormalizeTruth(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		r := check.NewRand(1)
		worst := 0.0
		for _, norm := range norms {
			for _, d := range []int{1, 2, 3, 7, 31, 32, 33, 128, 1000, chunk + 3} {
				const rows = 3
				x := rowsOfNorm(r, rows, d, norm)
				unit, want := ref.Normalize(ref.FromFloat32(rows, d, d, x.Data))
				dst, got := newGuarded(rows, d, 2), make([]float32, rows)
				zeros := simd.NormalizeRows(dst.Matrix, x, got)

				name := fmt.Sprintf("norm=%v d=%d", norm, d)
				wantZeros := 0
				for i := range rows {
					if want[i] == 0 {
						wantZeros++
					}
					half := gamma(rounds(d, 32)) / 2
					if e := math.Abs(float64(got[i]) - want[i]); !(e <= (half+u)*(1+0x1p-10)*want[i]+tiny) {
						t.Fatalf("%s: norm %d is %v, want %v", name, i, got[i], want[i])
					}
					for j, v := range dst.Row(i) {
						bound := (half+2*u)*(1+0x1p-10)*math.Abs(unit.At(i, j)) + 2*tiny
						if e := math.Abs(float64(v) - unit.At(i, j)); !(e <= bound) {
							t.Fatalf("%s: (%d, %d) is %v, want %v ± %v", name, i, j, v, unit.At(i, j), bound)
						} else {
							worst = max(worst, e/bound)
						}
					}
				}
				if zeros != wantZeros {
					t.Errorf("%s: %d zero rows, want %d", name, zeros, wantZeros)
				}
				dst.intact(t, name)

				again := make([]float32, rows)
				simd.NormalizeRows(x, x, again)
				check.SameBits(t, name+" in place", x.Data, dense(dst.Matrix))
				check.SameBits(t, name+" norms in place", again, got)
			}
		}
		t.Logf("worst error is %.3f of the bound", worst)
	})
}

// A zero row is zero even where it consists of −0, and one that is not finite is NaN throughout,
// whichever element makes it so. Its neighbours are what they are without it.
func TestNormalizeSpecial(t *testing.T) {
	negZero := float32(math.Copysign(0, -1))
	check.EachLevel(t, func(t *testing.T) {
		for _, d := range []int{1, 2, 5, 8, 33, 70} {
			for _, c := range []struct {
				fill, one float32
				norm      float32
				zeros     int
			}{
				{0, 0, 0, 1}, {negZero, negZero, 0, 1}, {0, negZero, 0, 1},
				{1, nan, nan, 0}, {0, nan, nan, 0}, {1, inf, inf, 0}, {0, -inf, inf, 0}, {0x1p-149, nan, nan, 0}, {math.MaxFloat32, inf, inf, 0},
				{inf, nan, nan, 0},
			} {
				for at := range d {
					x := simd.NewMatrix(3, d)
					fill(x, slices.Concat(repeat(2, d), repeat(c.fill, d), repeat(-3, d)))
					x.Row(1)[at] = c.one
					if d == 1 && c.one != c.one {
						c.norm = nan
					}
					want := []float32{float32(2 * math.Sqrt(float64(d))), c.norm, float32(3 * math.Sqrt(float64(d)))}
					dst, got := simd.NewMatrix(3, d), make([]float32, 3)
					zeros := simd.NormalizeRows(dst, x, got)
					name := fmt.Sprintf("%+v d=%d at=%d", c, d, at)
					if zeros != c.zeros {
						t.Errorf("%s: %d zero rows", name, zeros)
					}
					check.SameBits(t, name+" norms", got[1:2], want[1:2])
					for i := range 3 {
						for j, v := range dst.Row(i) {
							w := float32([]float64{1, 0, -1}[i] / math.Sqrt(float64(d)))
							switch {
							case i != 1 && math.Abs(float64(v-w)) > 1e-6, i == 1 && c.zeros == 1 && math.Float32bits(v) != 0, i == 1 && c.zeros == 0 && v == v:
								t.Fatalf("%s: (%d, %d) is %v", name, i, j, v)
							}
						}
					}
				}
			}
		}
	})
}

// With k roundings in a dot product and unit rows that err by (k/2+2)·u, the coefficient g·u errs
// by (3k/2+2)·u·|g|, its product with u_j by (k/2+2)·u more. The difference h and the division by
// the norm, which errs by (k/2+1)·u and half the least subnormal, are rounded; so is the sum with
// dst.
func TestNormalizeGradTruth(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		r := check.NewRand(2)
		worst := 0.0
		for _, norm := range norms {
			for _, d := range []int{1, 2, 7, 33, 128, 1000} {
				const rows, alpha = 4, 0.75
				x := rowsOfNorm(r, rows, d, norm)
				g := fill(simd.NewMatrix(rows, d), r.Normals32(rows*d))
				if norm < 1e-30 && norm > 0 { // so that the gradient fits
					simd.Scale(g.Data, 0x1p-24, g.Data)
				}
				old := r.Normals32(rows * d)
				want := ref.NormalizeGrad(ref.FromFloat32(rows, d, d, x.Data), ref.FromFloat32(rows, d, d, g.Data))
				unit, wantNorms := ref.Normalize(ref.FromFloat32(rows, d, d, x.Data))
				g64 := float64s(g.Data)

				un, ns, dst := simd.NewMatrix(rows, d), make([]float32, rows), newGuarded(rows, d, 1)
				simd.NormalizeRows(un, x, ns)
				fill(dst.Matrix, old)
				simd.AddNormalizeRowsGrad(dst.Matrix, alpha, g, un, ns)
				name := fmt.Sprintf("norm=%v d=%d", norm, d)
				dst.intact(t, name)

				k := rounds(d, 32)
				for i := range rows {
					size := math.Sqrt(ref.Dot(g64[i*d:(i+1)*d], g64[i*d:(i+1)*d]))
					for j, v := range dst.Row(i) {
						w := float64(old[i*d+j]) + alpha*want.At(i, j)
						bound := u * math.Abs(w)
						if norm > 0 {
							h := math.Abs(want.At(i, j)) * wantNorms[i]
							bound += alpha / wantNorms[i] * (1 + 0x1p-10) * (u*size*math.Abs(unit.At(i, j))*(2*k+4) + h*((k/2+4)*u+tiny/wantNorms[i]*1.1))
						}
						if e := math.Abs(float64(v) - w); !(e <= bound) {
							t.Fatalf("%s: (%d, %d) is %v, want %v ± %v", name, i, j, v, w, bound)
						} else if bound > 0 {
							worst = max(worst, e/bound)
						}
					}
				}
			}
		}
		t.Logf("worst error is %.3f of the bound", worst)
	})
}

// The gradient is that of Σ w·u(x) by central differences of the truth, and at a right angle to
// the row, along which the unit row does not change.
func TestNormalizeGradient(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		r := check.NewRand(3)
		for _, d := range []int{1, 2, 5, 16, 40} {
			const rows = 3
			x, w := rowsOfNorm(r, rows, d, 2), r.Normals32(rows*d)
			g, u, dst := fill(simd.NewMatrix(rows, d), w), simd.NewMatrix(rows, d), simd.NewMatrix(rows, d)
			ns := make([]float32, rows)
			simd.NormalizeRows(u, x, ns)
			simd.AddNormalizeRowsGrad(dst, 1, g, u, ns)

			x64, w64 := ref.FromFloat32(rows, d, d, x.Data), float64s(w)
			f := func() float64 {
				unit, _ := ref.Normalize(x64)
				return ref.Dot(unit.Data, w64)
			}
			check.Gradient(t, fmt.Sprint("d=", d), f, x64.Data, float64s(dst.Data))

			for i := range rows {
				along := ref.Dot(float64s(dst.Row(i)), float64s(x.Row(i)))
				// |g|·(2k+8)·u, from the bound of the elements; g is within √d·6.
				if bound := math.Sqrt(float64(d)) * 6 * (2*rounds(d, 32) + 8) * 0x1p-24; !(math.Abs(along) <= bound) {
					t.Errorf("d=%d: gradient %d has the product %v with its row, want 0 ± %v", d, i, along, bound)
				}
			}
		}
	})
}

// The gradient of a zero row is 0, and so is that of a direction that does not count, however
// short the row: no 0·Inf.
func TestNormalizeGradZeros(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		x := fill(simd.NewMatrix(3, 2), []float32{0, 0, 0x1p-149, 0, 0, -0x1p-140})
		u, ns := simd.NewMatrix(3, 2), make([]float32, 3)
		if zeros := simd.NormalizeRows(u, x, ns); zeros != 1 {
			t.Errorf("%d zero rows, want 1", zeros)
		}
		check.SameBits(t, "unit rows", u.Data, []float32{0, 0, 1, 0, 0, -1})
		check.SameBits(t, "norms", ns, []float32{0, 0x1p-149, 0x1p-140})
		g := fill(simd.NewMatrix(3, 2), []float32{1, 2, 5, 0x1p-30, 0x1p-20, 7})
		dst := fill(simd.NewMatrix(3, 2), []float32{3, 4, 0, 0, 0, 0})
		simd.AddNormalizeRowsGrad(dst, 2, g, u, ns)
		check.SameBits(t, "gradient", dst.Data, []float32{3, 4, 0, 0x1p120, 0x1p121, 0})
	})
}

// Empty matrices have no rows, and rows without elements are zero rows.
func TestNormalizeEmpty(t *testing.T) {
	if got := simd.NormalizeRows(simd.Matrix{}, simd.Matrix{}, nil); got != 0 {
		t.Errorf("%d zero rows of none", got)
	}
	if got := simd.NormalizeRows(simd.NewMatrix(2, 0), simd.NewMatrix(2, 0), []float32{7, 7}); got != 2 {
		t.Errorf("%d zero rows of two without elements", got)
	}
	simd.AddNormalizeRowsGrad(simd.Matrix{}, 1, simd.Matrix{}, simd.Matrix{}, nil)
}

func TestNormalizeBits(t *testing.T) {
	const rows, cols = 40, 37
	r := check.NewRand(5)
	var all []simd.Matrix
	for _, norm := range norms {
		all = append(all, rowsOfNorm(r, rows, cols, norm))
	}
	all = append(all, fill(simd.NewMatrix(rows, cols), r.Bits32(rows*cols)), fill(simd.NewMatrix(rows, cols), wide(r, rows*cols, 120)))
	check.EachLevel(t, func(t *testing.T) {
		for i, x := range all {
			run := func() []float32 {
				u, ns, dst := simd.NewMatrix(rows, cols), make([]float32, rows), simd.NewMatrix(rows, cols)
				g := fill(simd.NewMatrix(rows, cols), check.NewRand(uint64(i)).Bits32(rows*cols))
				simd.NormalizeRows(u, x, ns)
				simd.AddNormalizeRowsGrad(dst, 0.3, g, u, ns)
				return slices.Concat(u.Data, ns, dst.Data)
			}
			var want []float32
			atGeneric(t, func() { want = run() })
			check.SameBits(t, fmt.Sprint("matrix ", i), run(), want)
		}
	})
}
