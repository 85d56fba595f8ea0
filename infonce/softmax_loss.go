package infonce

import (
	"cmp"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A softmaxLoss evaluates the losses that are cross-entropies of a softmax over the logits of a row,
// or over those of a row and of a column. A loss goes through five steps:
//
//   - begin checks its settings.
//   - load takes over the rows of the batch. A loss of other rows than pairs or views does that itself,
//     through the inputs.
//   - The loss has the rows scored, by one of the scorers of a sweep.
//   - result reduces what they cost, and bounds the error of the logits.
//   - finish adds the gradient to that of the caller.
type softmaxLoss struct {
	softmaxSettings
	task  softmaxTask
	in    inputs
	want  bool // a gradient is asked for
	self  bool // queries are keys: each logit counts in its row and in its column
	width int  // columns of the batch

	q, k, neg embeddings // with self, q alone
	sweep     pass
	rows      oneSided
	two       twoSided
	ids       duplicates
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
	set.workers = par.Workers(set.workers)
	s.softmaxSettings, s.want, s.self, s.width = set, grad != nil, false, b.Q.Cols
	s.sweep.precision = set.precision
	s.task = softmaxTask{
		beta: beta, cosine: !set.dot, budget: memoryBudget(set.budget), workers: set.workers,
		weights: b.Weights, same: s.ids.load(set.op, b.IDs, candidates),
	}
	s.neg.x, s.neg.g = simd.Matrix{}, simd.Matrix{} // unless the loss loads some
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

// loaded checks what was taken over, and how n rows are reduced.
func (s *softmaxLoss) loaded(n int) error {
	s.task.total = divisor(s.reduction, s.task.weights, n)
	return s.in.checkFinite()
}

// restrict takes the weight of the samples that take no part, and returns how many of the n do. The
// samples have so many rows.
func (s *softmaxLoss) restrict(n, rows int, takesPart func(i int) bool) (valid int) {
	s.weights = grow(s.weights, n)
	for i := range n {
		s.weights[i] = 0
		if takesPart(i) {
			s.weights[i] = float32(weightOf(s.task.weights, i))
			valid++
		}
	}
	if valid < n {
		s.task.weights = s.weights
		s.task.total = divisor(s.reduction, s.weights, rows)
	}
	return valid
}

// result returns the loss, given that of each row.
func (s *softmaxLoss) result(losses []float64, valid int) Result {
	return Result{Loss: s.reduce(losses), Losses: losses, Valid: valid, ZeroNorm: s.in.zeroNorms}
}

func (s *softmaxLoss) reduce(losses []float64) float64 {
	return reduce(s.reduction, s.task.weights, losses)
}

// mass returns the sum of the weights of n rows over what their losses are divided by.
func (s *softmaxLoss) mass(n int) float64 { return mass(s.reduction, s.task.weights, n) }

// logitError returns the error of the logits.
func (s *softmaxLoss) logitError() logitError {
	square := s.q.largestSquare()
	keys := square
	if !s.self {
		keys = s.k.largestSquare()
		if s.neg.x.Rows > 0 {
			keys = max(keys, s.neg.largestSquare())
		}
	}
	return newLogitError(s.task.beta, s.width, s.task.cosine, square, keys, s.precision)
}

// carried reports whether the sums of exponentials are carried from strip to strip, as they are where
// they serve rows and columns.
func (s *softmaxLoss) carried() bool {
	_, common := commonShift(s.task.beta, s.task.cosine)
	return common
}

// finish returns r, unless its loss is no finite number, and adds the gradient to that of the caller.
func (s *softmaxLoss) finish(r Result, scale float32) (Result, error) {
	if err := finiteLoss(s.op, r.Loss); err != nil {
		return Result{}, err
	}
	if !s.want {
		return r, nil
	}
	if !s.fixed {
		inner := s.q.inner()
		if s.self {
			inner /= 2
		}
		r.DTemperature = float64(scale) * (-float64(s.task.beta) * inner)
	}
	s.in.addGrads(scale)
	return r, nil
}
