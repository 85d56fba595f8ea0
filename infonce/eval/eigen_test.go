package eval

import (
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// withSpectrum returns V·diag(values)·Vᵀ for a V of random reflections, so that the eigenvalues are
// known.
func withSpectrum(r *check.Rand, values []float64) symmetric {
	n := len(values)
	a := newSymmetric(n)
	for i, v := range values {
		a.row(i)[i] = v
	}
	for range 3 {
		u := make([]float64, n)
		for i, v := range r.Normals32(n) {
			u[i] = float64(v)
		}
		beta := 2 / dot(u, u)
		for range 2 { // H·A, transposed, twice: H·A·H
			t := newSymmetric(n)
			for i := range n {
				w := beta * dot(a.row(i), u)
				for j := range n {
					t.row(j)[i] = a.row(i)[j] - w*u[j]
				}
			}
			a = t
		}
	}
	return a
}

func spectra() map[string][]float64 {
	r := check.NewRand(11)
	random := make([]float64, 60)
	for i, v := range r.Normals32(60) {
		random[i] = float64(v)
	}
	decay := make([]float64, 40)
	for i := range decay {
		decay[i] = math.Ldexp(1, -i)
	}
	return map[string][]float64{
		"one":       {3},
		"two":       {-1, 4},
		"zeros":     make([]float64, 5),
		"identity":  {1, 1, 1, 1, 1, 1, 1},
		"rank one":  {0, 0, 7, 0, 0, 0},
		"multiple":  {2, 2, 2, -1, -1, 5, 5, 5, 5},
		"random":    random,
		"decay":     decay,
		"large":     {1e150, 2e150, -3e150},
		"small":     {1e-150, 2e-150, 3e-150},
		"symmetric": {-3, -2, -1, 1, 2, 3},
	}
}

// Both methods are backward stable: an eigenvalue errs by a small multiple of n·2⁻⁵³ times the
// largest.
func TestEigenvalues(t *testing.T) {
	for name, want := range spectra() {
		a := withSpectrum(check.NewRand(12), want)
		want = slices.Sorted(slices.Values(want))
		slices.Reverse(want)
		bound := 100 * float64(a.n) * 0x1p-53 * max(math.Abs(want[0]), math.Abs(want[a.n-1]))
		same := func(method string, got []float64) {
			t.Helper()
			for i := range want {
				if !(math.Abs(got[i]-want[i]) <= bound) {
					t.Fatalf("%s, %s: eigenvalue %d is %v, want %v", name, method, i, got[i], want[i])
				}
			}
		}
		ql := symmetric{a.n, slices.Clone(a.data)}.eigenvalues()
		slices.Sort(ql)
		slices.Reverse(ql)
		same("implicit QL", ql)
		values, vectors := diagonalize(symmetric{a.n, slices.Clone(a.data)})
		same("rotations", values)
		for i := range a.n {
			v := vectors.row(i)
			for j := range a.n {
				want := 0.0
				if i == j {
					want = 1
				}
				if got := dot(v, vectors.row(j)); !(math.Abs(got-want) <= 1e-13) {
					t.Fatalf("%s: eigenvectors %d and %d have the product %v", name, i, j, got)
				}
				if got, want := dot(a.row(j), v), values[i]*v[j]; !(math.Abs(got-want) <= bound) {
					t.Fatalf("%s: (A·v)[%d] of eigenvector %d is %v, want %v", name, j, i, got, want)
				}
			}
		}
	}
}

// The second difference of n points has the eigenvalues 2 − 2·cos(πk/(n+1)).
func TestEigenvaluesOfTheSecondDifference(t *testing.T) {
	const n = 200
	a := newSymmetric(n)
	for i := range n {
		a.row(i)[i] = 2
		if i > 0 {
			a.row(i)[i-1], a.row(i - 1)[i] = -1, -1
		}
	}
	got := a.eigenvalues()
	slices.Sort(got)
	for i, v := range got {
		if want := 2 - 2*math.Cos(math.Pi*float64(i+1)/(n+1)); math.Abs(v-want) > 1e-13 {
			t.Errorf("eigenvalue %d is %v, want %v", i, v, want)
		}
	}
}

// A matrix that falls apart, so that rotations meet zeros.
func TestEigenvaluesOfBlocks(t *testing.T) {
	a := newSymmetric(6)
	for i := range 3 {
		a.row(2 * i)[2*i+1], a.row(2*i + 1)[2*i] = 1, 1
	}
	got := a.eigenvalues()
	slices.Sort(got)
	for i, want := range []float64{-1, -1, -1, 1, 1, 1} {
		if math.Abs(got[i]-want) > 1e-15 {
			t.Errorf("eigenvalues %v", got)
		}
	}
}

func BenchmarkEigenvalues(b *testing.B) {
	r := check.NewRand(1)
	values := make([]float64, 256)
	for i := range values {
		values[i] = r.Float64()
	}
	a := withSpectrum(r, values)
	b.Run("n=256", func(b *testing.B) {
		for b.Loop() {
			symmetric{a.n, slices.Clone(a.data)}.eigenvalues()
		}
	})
}
