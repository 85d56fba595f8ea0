package catalog

import (
	"math"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
)

// Rounding says what tests need to know to bound the error of a case. Its zero value is a mean of
// terms of distances that are measured in float64.
type Rounding struct {
	Cosine    bool    // rows are normalised inside
	Beta      float64 // 1/temperature, or the scale; 0 where there is none
	Queries   int     // rows that enter the mean for each row of Q; 0 where that depends on the labels
	Symmetric bool    // columns are normalised too
	Paired    bool    // negatives belong to one query
	Mass      float64 // at most Σ|∂L/∂z|; 0 where it is 2·min(1, L), as for a mean of cross-entropies
	Sums      bool    // Σ|∂L/∂z| is at most L, which is a sum over all logits
	Steep     float64 // how many times as much as that of a softmax the gradient changes with the logits; 0 means 1
	Bias      float64 // of the logits
	Signed    bool    // the loss may be negative
	Indexed   bool    // what takes part depends on the indices of rows
	Squared   bool    // distances are
	Products  bool    // distances come from products
	Smooth    bool    // the slope of a loss of distances changes with them
	Picks     bool    // negatives by distance, some of which may be equal but for rounding
	Scores    bool    // rows are scores, not embeddings
	Loose     bool    // only the derived bound holds, not the published one: parts of a gradient may cancel

	// Tolerance is what follows from rounding, for losses with neither a temperature nor distances.
	Tolerance func(b infonce.Batch, loss float64) Tolerance
}

// A Tolerance is how far a result may be from the truth.
type Tolerance struct {
	Value, Temperature, Bias float64
	Row                      func(part, i int) float64 // of an element of row i of the gradient of Q, K or Negatives
}

// ulp is the rounding error of float32 relative to a number.
const ulp = 0x1p-24

// cosineTolerance is what follows from the rounding of cosines: exponents change by up to steep
// times an error of a cosine, and the slopes of the loss by cosines add up to at most force.
func cosineTolerance(steep float64, force func(b infonce.Batch, loss float64) float64) func(b infonce.Batch, loss float64) Tolerance {
	return func(b infonce.Batch, loss float64) Tolerance {
		const tiny = 0x1p-126
		cosine := ulp * (8 + math.Sqrt(float64(b.Q.Cols))/2)
		f := force(b, loss) + tiny
		rel := 2*steep*cosine + (8+math.Sqrt(float64(max(b.Q.Rows, b.K.Rows))))*ulp
		var norms [2][]float64
		_, norms[0] = ref.Normalize(mat(b.Q))
		_, norms[1] = ref.Normalize(mat(b.K))
		return Tolerance{
			Value: 1e-7*loss + 2*cosine*f + float64(b.Q.Rows)*tiny,
			Row: func(p, i int) float64 {
				norm := norms[p][i]
				if norm == 0 {
					return 0
				}
				return (f*(rel+0x1p-149/norm) + 0x1p-140) / norm
			},
		}
	}
}

// steepest returns the largest slope of cos(θ + m) by cos θ over the rows of b and their classes,
// among angles that are not 0.
func steepest(b infonce.Batch, m float64) float64 {
	q, _ := ref.Normalize(mat(b.Q))
	k, _ := ref.Normalize(mat(b.K))
	steepest := 1.0
	for i, y := range b.Labels {
		square := ref.SquaredDistance(q.Row(i), k.Row(y))
		if sine := math.Sqrt(square * (1 - square/4)); sine > 0 {
			steepest = max(steepest, 1+math.Sin(m)/sine)
		}
	}
	return steepest
}
