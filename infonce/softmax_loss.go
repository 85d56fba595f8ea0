package infonce

import (
	"cmp"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A softmaxLoss evaluates the losses that are cross-entropies of a softmax over the logits of a
// row, or over those of a row and of a column. A loss goes through five steps:
//
//   - begin checks its settings.
//   - loadPairs or loadViews takes over the rows of the batch. A loss of other rows does that
//     itself, through the inputs, and calls loaded.
//   - The loss has the rows scored, by one of the kernels of a sweep.
//   - result reduces what they cost; logitError helps to bound the error.
//   - finish adds the gradient to that of the caller.
type softmaxLoss struct {
	softmaxSettings
	task  tile.Softmax
	in    inputs
	want  bool // a gradient is asked for
	self  bool // queries are keys: each logit counts in its row and in its column
	width int  // columns of the batch

	q, k, neg tile.Embeddings // with self, q alone
	sweep     tile.Sweep
	rows      tile.OneSided
	two       tile.TwoSided
	ids       tile.Duplicates
	weights   []float32 // those of the caller, but 0 where a row takes no part
}

// softmaxSettings are what the losses of a softmax have in common.
type softmaxSettings struct {
	op          string
	temperature float32 // 0 means standard
	standard    float32
	fixed       bool // the temperature is no input of the loss
	dot         bool // compare by dot product
	reduction   Reduction
	workers     int
	precision   simd.Precision
	budget      int64
}

// begin checks the settings and, of the batch, the weights and the IDs of its candidates.
func (s *softmaxLoss) begin(set softmaxSettings, b Batch, grad *Batch, candidates int) error {
	beta, err := inverseTemperature(set.op, set.temperature, set.standard)
	err = cmp.Or(err, checkPrecision(set.op, set.precision), checkSmooth(set.op, set.reduction), checkWeights(set.op, b.Weights, b.Q.Rows))
	if err != nil {
		return err
	}
	checkIDs(set.op, b.IDs, candidates)
	set.workers = par.Workers(set.workers)
	s.softmaxSettings, s.want, s.self, s.width = set, grad != nil, false, b.Q.Cols
	s.sweep.Precision = set.precision
	s.task = tile.Softmax{
		Beta: beta, Cosine: !set.dot, Budget: memoryBudget(set.budget), Workers: set.workers,
		Weights: b.Weights, Same: s.ids.Load(b.IDs),
	}
	s.neg.X, s.neg.G = simd.Matrix{}, simd.Matrix{} // unless the loss loads some
	s.in.begin(set.op, set.workers, !set.dot)
	return nil
}

// loadPairs takes over queries and keys.
func (s *softmaxLoss) loadPairs(b Batch, grad *Batch) error {
	g := gradOf(grad)
	s.in.load(&s.q, "Q", b.Q, g.Q, s.want)
	s.in.load(&s.k, "K", b.K, g.K, s.want)
	return s.loaded(b.Q.Rows)
}

// loadViews takes over two views of each sample, which are both queries and keys.
func (s *softmaxLoss) loadViews(b Batch, grad *Batch) error {
	g := gradOf(grad)
	s.self = true
	s.in.stack(&s.q, "Q", b.Q, g.Q, "K", b.K, g.K, s.want)
	return s.loaded(2 * b.Q.Rows)
}

// loaded checks the rows that were taken over, and sets how n of them are reduced.
func (s *softmaxLoss) loaded(n int) error {
	s.task.Total = divisor(s.reduction, s.task.Weights, n)
	return s.in.checkFinite()
}

// restrict takes the weight of those of the n samples that take no part, and returns how many do.
// The samples have rows rows in all.
func (s *softmaxLoss) restrict(n, rows int, takesPart func(i int) bool) (valid int) {
	s.weights = tile.Grow(s.weights, n)
	for i := range n {
		s.weights[i] = 0
		if takesPart(i) {
			s.weights[i] = float32(tile.WeightOf(s.task.Weights, i))
			valid++
		}
	}
	if valid < n {
		s.task.Weights = s.weights
		s.task.Total = divisor(s.reduction, s.weights, rows)
	}
	return valid
}

// result returns the loss, given that of each row.
func (s *softmaxLoss) result(losses []float64, valid int) Result {
	return Result{Loss: s.reduce(losses), Losses: losses, Valid: valid, ZeroNorm: s.in.zeroNorms}
}

func (s *softmaxLoss) reduce(losses []float64) float64 {
	return reduce(s.reduction, s.task.Weights, losses)
}

// mass returns the sum of the weights of n rows over what their losses are divided by.
func (s *softmaxLoss) mass(n int) float64 { return mass(s.reduction, s.task.Weights, n) }

// logitError returns the error of the logits.
func (s *softmaxLoss) logitError() logitError {
	square := s.q.LargestSquare()
	keys := square
	if !s.self {
		keys = s.k.LargestSquare()
		if s.neg.X.Rows > 0 {
			keys = max(keys, s.neg.LargestSquare())
		}
	}
	return newLogitError(s.task.Beta, s.width, s.task.Cosine, square, keys, s.precision)
}

// carried reports whether sums of exponentials are carried from strip to strip, as they are where
// they serve both rows and columns.
func (s *softmaxLoss) carried() bool {
	_, common := tile.CommonShift(s.task.Beta, s.task.Cosine)
	return common
}

// finish returns r, unless its loss is not finite, and adds the gradient to that of the caller.
func (s *softmaxLoss) finish(r Result, scale float32) (Result, error) {
	if err := finiteLoss(s.op, r.Loss); err != nil {
		return Result{}, err
	}
	if !s.want {
		return r, nil
	}
	if !s.fixed {
		inner := s.q.Inner()
		if s.self {
			inner /= 2
		}
		r.DTemperature = float64(scale) * (-float64(s.task.Beta) * inner)
	}
	s.in.addGrads(scale)
	return r, nil
}
