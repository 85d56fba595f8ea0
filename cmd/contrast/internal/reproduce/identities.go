package reproduce

import (
	"context"
	"math"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/simd"
)

// The sizes of identities.
const (
	identityDim = 12
	nuisanceDim = 24
	hiddenDim   = 128
	sampleDim   = 64

	embeddingDim = 32

	seenIdentities   = 2000
	unseenIdentities = 200
	unseenViews      = 8 // of each
)

// identities make samples for want of photographs: a sample shows an identity, 12 normal numbers
// that stay the same, under circumstances, 24 that are drawn for each view, both through a random
// network:
//
//	x = B·tanh(A·(identity, nuisance))
//
// Euclidean distances of samples tell little of identities, as those of pixels do.
type identities struct {
	seed   uint64
	all    simd.Matrix // identities to train on, then those to test with
	a, b   simd.Packed // transposed
	latent simd.Matrix
	hidden simd.Matrix
}

// nuisanceScale is the standard deviation of the circumstances, where that of identities is 1.
const nuisanceScale = 1.25

func newIdentities(seed uint64) *identities {
	s := &identities{seed: seed, all: simd.NewMatrix(seenIdentities+unseenIdentities, identityDim)}
	newRandom(seed, toDefine, 0).fill(s.all.Data)
	weights := func(r *random, rows, cols int, gain float64) simd.Matrix {
		w := simd.NewMatrix(rows, cols)
		r.fill(w.Data)
		simd.Scale(w.Data, float32(gain/math.Sqrt(float64(cols))), w.Data)
		return w
	}
	s.a.PackTrans(weights(newRandom(seed, toDefine, 1), hiddenDim, identityDim+nuisanceDim, 2))
	s.b.PackTrans(weights(newRandom(seed, toDefine, 2), sampleDim, hiddenDim, 1.5))
	return s
}

// show fills the rows of x with views of the given identities, drawn from r.
func (s *identities) show(x simd.Matrix, ids []int, r *random) {
	s.latent = s.latent.Reshape(x.Rows, identityDim+nuisanceDim)
	s.hidden = s.hidden.Reshape(x.Rows, hiddenDim)
	for i, id := range ids {
		row := s.latent.Row(i)
		copy(row, s.all.Row(id))
		r.fill(row[identityDim:])
		simd.Scale(row[identityDim:], nuisanceScale, row[identityDim:])
	}
	s.a.Mul(s.hidden, 2, s.latent)
	tanhOfHalf(s.hidden.Data)
	s.b.Mul(x, 1, s.hidden)
}

// tanhOfHalf stores tanh(x/2) = 1 − 2/(e^x + 1) in x.
func tanhOfHalf(x []float32) {
	simd.Exp(x, x)
	for i, e := range x {
		x[i] = 1 - 2/(e+1)
	}
}

// An identityPairs is a source of two views of each of some identities, without repeating one.
type identityPairs struct {
	*identities
	seed   uint64
	ids    []int
	choice []int
}

// Next fills x with the views of a step, and returns the identities of the rows.
func (s *identityPairs) Next(step int, x simd.Matrix) ([]int, error) {
	r := newRandom(s.seed, toLearn, uint64(step))
	s.choice = choose(s.choice, r, seenIdentities, x.Rows/2)
	s.ids = append(append(s.ids[:0], s.choice...), s.choice...)
	s.show(x, s.ids, r)
	return s.ids, nil
}

// An identityGroups is a source of perID views of each of some identities.
type identityGroups struct {
	*identities
	seed   uint64
	perID  int
	ids    []int
	choice []int
}

// Next fills x with the views of a step, and returns the identities of the rows.
func (s *identityGroups) Next(step int, x simd.Matrix) ([]int, error) {
	r := newRandom(s.seed, toLearn, uint64(step))
	s.choice = choose(s.choice, r, seenIdentities, x.Rows/s.perID)
	s.ids = s.ids[:0]
	for _, id := range s.choice {
		for range s.perID {
			s.ids = append(s.ids, id)
		}
	}
	s.show(x, s.ids, r)
	return s.ids, nil
}

// choose returns k different numbers in [0, n), in the memory of dst if it suffices (Floyd; see
// Bentley 1987).
func choose(dst []int, r *random, n, k int) []int {
	dst = dst[:0]
	taken := make(map[int]bool, k)
	for i := n - k; i < n; i++ {
		j := r.intN(i + 1)
		if taken[j] {
			j = i
		}
		taken[j] = true
		dst = append(dst, j)
	}
	return dst
}

// unseen returns views of the identities nobody trains on, and the identity of each.
func (s *identities) unseen() (x simd.Matrix, ids []int) {
	x = simd.NewMatrix(unseenIdentities*unseenViews, sampleDim)
	for i := range x.Rows {
		ids = append(ids, seenIdentities+i/unseenViews)
	}
	s.show(x, ids, newRandom(s.seed, toTest))
	return x, ids
}

// A lesson is what an encoder is trained on, and how.
type lesson struct {
	loss    infonce.Loss
	source  dataset.Source
	arrange func(z simd.Matrix, labels []int) infonce.Batch // nil means pairs

	batch, steps int // as those of [train.Trainer]
	optimizer    optim.Optimizer
	schedule     optim.Schedule
	report       func(train.Progress) // may be nil

	seed    uint64 // seed of the weights
	workers int

	encoder *nn.MLP // being trained
}

// current returns a copy of the encoder, for use between two steps.
func (l *lesson) current() *nn.MLP { return l.encoder.Clone() }

// newEncoder returns the untrained encoder of all lessons.
func newEncoder(seed uint64, workers int) (*nn.MLP, error) {
	m, err := nn.NewMLP(seed, []int{sampleDim, 256, 256, embeddingDim}, nil)
	if err != nil {
		return nil, err
	}
	m.Workers = workers
	return m, nil
}

// learn trains a new encoder in the lesson.
func (l *lesson) learn(ctx context.Context) (err error) {
	if l.encoder, err = newEncoder(l.seed, l.workers); err != nil {
		return err
	}
	t := train.Trainer{
		Encoder: l.encoder, Loss: l.loss, Optimizer: l.optimizer, Schedule: l.schedule, Source: l.source,
		Batch: l.batch, Steps: l.steps, Arrange: l.arrange, Report: l.report,
	}
	return t.Run(ctx)
}

// adam and cosine are the default of lessons: AdamW at a learning rate that falls from 0.001 along
// half a cosine.
func adam(workers int) optim.Optimizer { return &optim.AdamW{Workers: workers} }

func cosine(steps int) optim.Schedule {
	return optim.Cosine{Peak: 1e-3, Warmup: min(20, steps/4), Steps: steps}
}

// An evaluation measures how well samples of one unseen identity are found among others.
type evaluation struct {
	x       simd.Matrix
	ids     []int
	workers int
}

func newEvaluation(s *identities, workers int) evaluation {
	x, ids := s.unseen()
	return evaluation{x, ids, workers}
}

// first returns the evaluation of the first n samples.
func (e evaluation) first(n int) evaluation {
	return evaluation{e.x.Slice(0, n), e.ids[:n], e.workers}
}

// mapAtR returns the mean average precision at R of embeddings of the samples (Musgrave et al.
// 2020).
func (e evaluation) mapAtR(z simd.Matrix) float64 {
	return eval.Ranking{Queries: z, Itself: true, QueryLabels: e.ids, Workers: e.workers}.Measure().MAPR
}
