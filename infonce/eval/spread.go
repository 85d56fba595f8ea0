package eval

import (
	"math"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

// Alignment returns mean |x_i − y_i|² over the unit rows x of q and y of k (both n×d), 0 without
// rows: how near the two of a pair are, from 0 to 4 (Wang & Isola 2020, α = 2). The lower, the
// better.
//
// It returns an error if a row is not finite. Workers is the number of goroutines, 0 for
// GOMAXPROCS; the result does not depend on it.
func Alignment(q, k simd.Matrix, workers int) (float64, error) {
	const op = "eval.Alignment"
	q.Check(op, "q", -1, -1)
	k.Check(op, "k", q.Rows, q.Cols)
	r, err := (&infonce.AlignUniform{Alignment: 1, Workers: workers}).Evaluate(infonce.Batch{Q: q, K: k}, nil, 1)
	return r.Loss, err
}

// Uniformity returns ln mean_{i<j} e^(−2·|x_i − x_j|²) over the unit rows of x (n×d): the lower,
// the more evenly they are spread over the sphere (Wang & Isola 2020, t = 2). It is 0 if all rows
// are equal or there are fewer than two. For rows spread evenly in d dimensions it tends to −4 + ln
// ₀F₁(d/2; 4): to −1.58 in 2 dimensions, −3.88 in 64, and −4 as d grows.
//
// Time is O(n²·d), memory O(n·d). Uniformity returns an error if a row is not finite. Workers is
// the number of goroutines, 0 for GOMAXPROCS; the result does not depend on it.
func Uniformity(x simd.Matrix, workers int) (float64, error) {
	x.Check("eval.Uniformity", "x", -1, -1)
	r, err := (&infonce.AlignUniform{Uniformity: 1, Workers: workers}).Evaluate(infonce.Batch{Q: x}, nil, 1)
	return r.Loss, err
}

// A Spread measures how far apart rows are, to see whether an encoder has collapsed, that is,
// returns nearly the same embedding for everything. The loss does not show that: it is as steady as
// that of an encoder that learns slowly. The figures are those of unit rows, and 0 if there are
// fewer than two rows.
type Spread struct {
	Rows      int `json:"rows"`       // finite rows, which the figures are about
	NotFinite int `json:"not_finite"` // other rows
	ZeroRows  int `json:"zero_rows"`  // those of Rows that are all zeros, and stay so

	// Norm is the mean of the norms before the rows are normalised.
	Norm float64 `json:"mean_norm"`

	// Distance is the mean of |x_i − x_j| over all pairs: near √2 for rows spread evenly, less in
	// few dimensions.
	Distance float64 `json:"mean_distance"`

	// Cosine is the mean of x_i·x_j over all pairs: near 0 for rows spread evenly.
	Cosine float64 `json:"mean_cosine"`

	// Deviation is the mean of Deviations times √d: near 1 for rows spread evenly, each of whose
	// columns deviates by 1/√d (Chen & He 2021, section 4.1).
	Deviation  float64   `json:"deviation"`
	Deviations []float64 `json:"-"` // standard deviation of each column

	// EffectiveRank is e^H, where H is the entropy of the eigenvalues of the covariance as shares
	// of their sum (Roy & Vetterli 2007): from 1 for rows on a line to d, or n−1, for rows that
	// vary alike in all directions; 0 if all are equal. If it is low compared with d, dimensions
	// have collapsed, although few classes may not need more.
	EffectiveRank float64 `json:"effective_rank"`

	// Collapsed is true if there are at least two rows and Distance is below [CollapsedDistance].
	Collapsed bool `json:"collapsed"`
}

// CollapsedDistance is the mean distance of unit rows below which [Spread] calls an encoder
// collapsed: an angle of 11.5°. Triplet losses whose hardest negatives collapse an encoder (Schroff
// et al. 2015, section 3.2) bring it to between 0.01 and 0.07; those that do not, to between 1.2
// and 1.4.
const CollapsedDistance = 0.2

// MeasureSpread returns the spread of the rows of x (n×d).
//
// Time is O(n²·d + min(n, d)³), memory O(n·d + min(n, d)²): a few hundred rows suffice to watch
// training. Workers is the number of goroutines, 0 for GOMAXPROCS; the result does not depend on
// it.
func MeasureSpread(x simd.Matrix, workers int) Spread {
	x.Check("eval.MeasureSpread", "x", -1, -1)
	s := Spread{Deviations: make([]float64, x.Cols)}
	unit := simd.NewMatrix(x.Rows, x.Cols)
	for i := range x.Rows {
		if row := x.Row(i); finite(row) {
			copy(unit.Row(s.Rows), row)
			s.Norm += norm(row)
			s.Rows++
		}
	}
	s.NotFinite = x.Rows - s.Rows
	unit = unit.Slice(0, s.Rows)
	s.ZeroRows = simd.NormalizeRows(unit, unit, make([]float32, s.Rows))
	n := float64(s.Rows)
	if s.Rows < 2 {
		return Spread{Rows: s.Rows, NotFinite: s.NotFinite, ZeroRows: s.ZeroRows, Deviations: s.Deviations}
	}
	s.Norm /= n

	workers = par.Workers(workers)
	d := distanceSums{unit, make([]float64, s.Rows)}
	par.Ranges(workers, s.Rows, pieceRows, &d, (*distanceSums).add)
	for _, sum := range d.sums {
		s.Distance += sum
	}
	s.Distance /= n * (n - 1) / 2
	s.Collapsed = s.Distance < CollapsedDistance

	c := centre(unit)
	var squares float64
	for i := range s.Rows {
		l := norm(unit.Row(i))
		squares += float64(l * l)
		for j, v := range c.rows.Row(i) {
			s.Deviations[j] += float64(float64(v) * float64(v))
		}
	}
	// |Σ x_i|² = Σ |x_i|² + 2·Σ_{i<j} x_i·x_j
	s.Cosine = (float64(n*n*dot(c.mean, c.mean)) - squares) / (n * (n - 1))
	for j, v := range s.Deviations {
		s.Deviations[j] = float64(math.Sqrt(v/n) * c.scale)
		s.Deviation += s.Deviations[j]
	}
	s.Deviation /= math.Sqrt(float64(max(x.Cols, 1)))
	a, _ := c.products(workers)
	s.EffectiveRank = effectiveRank(a.eigenvalues())
	return s
}

// norm returns the norm of x, in float64 so that it does not overflow.
func norm(x []float32) float64 {
	var s float64
	for _, v := range x {
		s += float64(float64(v) * float64(v))
	}
	return math.Sqrt(s)
}

// effectiveRank returns e^H of the eigenvalues above 0, or 0 if there are none.
func effectiveRank(values []float64) float64 {
	var sum, entropy float64
	for _, v := range values {
		sum += max(v, 0)
	}
	if sum == 0 {
		return 0
	}
	for _, v := range values {
		if p := v / sum; p > 0 {
			entropy -= float64(p * scalar.Log64(p))
		}
	}
	return scalar.Exp64(entropy)
}

// A distanceSums adds the distances of each row to those behind it. They are computed from
// differences, because products of nearly equal rows say little about their distance.
type distanceSums struct {
	rows simd.Matrix
	sums []float64
}

func (t *distanceSums) add(_, lo, hi int) {
	for i := lo; i < hi; i++ {
		var sum float64
		for j := i + 1; j < t.rows.Rows; j++ {
			sum += math.Sqrt(float64(simd.SquaredDistance(t.rows.Row(i), t.rows.Row(j))))
		}
		t.sums[i] = sum
	}
}
