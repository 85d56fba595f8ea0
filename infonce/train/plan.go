package train

import (
	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/simd"
)

// An Estimator is an encoder that tells how many bytes it keeps beside its parameters and their
// gradients once it has passed so many rows forward and backward, about.
type Estimator interface {
	ActivationBytes(rows int) int64
}

// PlannedBytes returns how many bytes a run will hold at most, to within a fifth where that is tens
// of megabytes: parameters, gradients, the state of the optimiser, what the encoders and the loss keep of a
// step, and the data where they are in memory. It counts nothing of an Encoder that is no [Estimator], a
// Loss that infonce.PlannedBytes does not know, or a Source of another package.
//
// The program takes some ten megabytes besides, Resume the size of a checkpoint while it reads, and
// the garbage collector what GOGC and GOMEMLIMIT let it. The error is that of [Trainer.Run].
func (t *Trainer) PlannedBytes() (int64, error) {
	if err := t.check(); err != nil {
		return 0, err
	}
	in, out := t.Encoder.Dims()
	rows, n := t.x.Rows, len(t.Encoder.Params().Values)
	total := 8*int64(n) + stateBytes(t.Optimizer, n)
	total += 4 * int64(rows) * int64(in+out) // samples, and the gradient of the embeddings
	if t.Keys != nil || rows > t.chunk() {
		total += 4 * int64(rows) * int64(out) // the embeddings
	}
	total += activationBytes(t.Encoder, min(t.chunk(), t.taught()))
	if t.Keys != nil {
		total += 8 * int64(n)
		// Outputs, but no gradients and no layout of the inputs for them.
		total += activationBytes(t.Keys.Encoder, min(t.chunk(), t.Batch)) / 3
	}
	t.dz = t.dz.Reshape(rows, out) // as a step does
	b := t.arrange(t.dz, t.samples)
	if t.Memory != nil {
		total += 4 * int64(t.Memory.Size) * int64(out+digits)
		b.Negatives = simd.Matrix{Rows: t.Memory.Size, Cols: out}
	}
	total += infonce.PlannedBytes(t.Loss, b)
	if s, ok := t.Source.(sized); ok {
		total += s.bytes()
	}
	return total, nil
}

func activationBytes(e Encoder, rows int) int64 {
	if e, ok := e.(Estimator); ok {
		return e.ActivationBytes(rows)
	}
	return 0
}

// stateBytes returns the size of the state of n parameters. An optimiser of another package makes
// its state to show it.
func stateBytes(o Optimizer, n int) (total int64) {
	switch o := o.(type) {
	case *AdamW:
		return 8 * int64(n)
	case *LARS:
		return 4 * int64(n)
	case *SGD:
		if o.Momentum == 0 {
			return 0
		}
		return 4 * int64(n)
	}
	for _, s := range o.State(n) {
		total += 4 * int64(len(s.Data))
	}
	return total
}

// A sized source tells how many bytes of memory its data take.
type sized interface{ bytes() int64 }

func (s *Views) bytes() int64   { return imageBytes(len(s.Images.Pixels), s.Images.Labels) }
func (s *Classes) bytes() int64 { return imageBytes(len(s.Images.Pixels), s.Images.Labels) }

func imageBytes(pixels int, labels []int) int64 { return int64(pixels) + 8*int64(len(labels)) }

func (s *RowViews) bytes() int64   { return rowBytes(s.Rows) + 8*int64(len(s.Labels)) }
func (s *RowClasses) bytes() int64 { return rowBytes(s.Rows) + 8*int64(len(s.Labels)) }

func (s *RowTriplets) bytes() int64 { return rowBytes(s.Rows) + 24*int64(len(s.Triplets)) }

func (s *RowPairs) bytes() int64 {
	total := rowBytes(s.Queries) + 8*int64(len(s.DocumentIDs))
	q, inMemory := s.Queries.(Table)
	d, alike := s.Documents.(Table)
	if inMemory && alike && q.Overlaps(d.Matrix) {
		return total
	}
	return total + rowBytes(s.Documents)
}

// rowBytes returns the bytes of rows that are in memory.
func rowBytes(r Rows) int64 {
	if t, ok := r.(Table); ok {
		return 4 * int64(len(t.Data))
	}
	return 0
}
