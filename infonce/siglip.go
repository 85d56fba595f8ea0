package infonce

import (
	"cmp"
	"fmt"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// SigLIP decides for each query and key independently whether they belong together (Zhai et al.
// 2023, eq. 1):
//
//	L = mean_i Σ_j ln(1 + e^(−y_ij·z_ij)),  z_ij = cos(q_i, k_j)/τ + bias
//
// where y_ij is 1 for i = j and −1 otherwise. It reads Q (n×d) and K (m×d, m ≥ n); rows of K beyond
// those of Q are negatives for all, except those with the ID of the positive. IDs are those of the
// rows of K, Weights those of the queries. Where all similarities are 0, the loss is ln(1 +
// e^−bias) + (m−1)·ln(1 + e^bias).
//
// [Result].DBias is the gradient with respect to the bias. The zero value has the values with which
// the paper begins training.
type SigLIP struct {
	Temperature float32        // 0 means 0.1
	Bias        float32        // 0 means −10
	NoBias      bool           // the bias is 0
	DotProduct  bool           // compare by dot product; by default rows are normalised inside
	Reduction   Reduction      // of the queries
	Workers     int            // 0 means GOMAXPROCS; the result does not depend on it
	Precision   simd.Precision // of matrix products

	rows rowLoss
	bias float32
	room []tile.SoftplusScratch // of each worker
	ids  tile.Duplicates
	same *tile.Duplicates
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *SigLIP) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.SigLIP"
	workers := par.Workers(l.Workers)
	beta, err := inverseTemperature(op, l.Temperature, 0.1)
	l.bias = cmp.Or(l.Bias, -10)
	if l.NoBias {
		l.bias = 0
	}
	if err == nil && l.bias-l.bias != 0 {
		err = fmt.Errorf("%s: bias is %v, want a finite number", op, l.bias)
	}
	if err != nil {
		return Result{}, err
	}
	checkKeys(op, b)
	checkIDs(op, b.IDs, b.K.Rows)
	l.same = l.ids.Load(b.IDs)
	l.room = tile.Grow(l.room, workers)
	set := rowSettings{
		op: op, beta: beta, temperature: true, cosine: !l.DotProduct,
		workers: workers, precision: l.Precision, reduction: l.Reduction,
	}
	r, err := l.rows.evaluate(set, l, b, grad, scale)
	if err == nil && l.Reduction != MeanActive { // a loss that vanishes in float32 would count
		weight := mass(l.Reduction, b.Weights, b.Q.Rows)
		r.Bound = l.rows.logitError(set, b).sigmoid(r.Loss, weight, l.bias, b.Q.Rows, b.K.Rows)
	}
	return r, err
}

func (l *SigLIP) score(worker, i int, z []float32) rowScore {
	loss, slope := tile.Softplus(-(float64(z[i]) + float64(l.bias)))
	z[i] = tile.NegInf
	l.same.Exclude(z, i, 0, 0)
	sum, slopes := tile.SoftplusRow(z, l.bias, &l.room[worker])
	z[i] = float32(slope)
	return rowScore{loss: loss + sum, factor: -1, bias: slopes - slope, valid: true}
}

// MemoryEstimate implements [MemoryEstimator].
func (l *SigLIP) MemoryEstimate(b Batch) int64 {
	return estimateRows(b.Q.Rows, b.K.Rows, b.Q.Cols, !l.DotProduct, l.Workers, l.Precision)
}
