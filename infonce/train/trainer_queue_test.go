package train

import (
	"fmt"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// seen is the batch of a step as the loss saw it.
type seen struct {
	q, k, negatives []float32
	ids             []int
}

// watch records the batches of the loss of t.
func watch(t *Trainer) *[]seen {
	var steps []seen
	loss := t.Loss
	t.Loss = lossFunc(func(b infonce.Batch, grad *infonce.Batch) (infonce.Result, error) {
		steps = append(steps, seen{elements32(b.Q), elements32(b.K), elements32(b.Negatives), slices.Clone(b.IDs)})
		return loss.Evaluate(b, grad, 1)
	})
	return &steps
}

func elements32(m simd.Matrix) (x []float32) {
	for i := range m.Rows {
		x = append(x, m.Row(i)...)
	}
	return x
}

// Negatives are the second views of earlier steps, as many as fit in the queue, in the order that
// Queue.Push documents. Their IDs are those of the images.
func TestQueueHoldsTheLastKeys(t *testing.T) {
	const batch, width = 12, 4
	for name, set := range map[string]func(*Trainer){
		"MoCo":              func(tr *Trainer) { withQueue(tr, 31) },
		"MoCo in chunks":    func(tr *Trainer) { withQueue(tr, 31); tr.Chunk = 5 },
		"small queue":       func(tr *Trainer) { withQueue(tr, 7) },
		"momentum alone":    func(tr *Trainer) { withQueue(tr, 31); tr.Queue = nil },
		"own keys":          func(tr *Trainer) { tr.Loss, tr.Queue = &infonce.InfoNCE{InBatch: true}, &Queue{Size: 31} },
		"own keys in chunk": func(tr *Trainer) { tr.Loss, tr.Queue, tr.Chunk = &infonce.InfoNCE{}, &Queue{Size: 31}, 5 },
		"late":              func(tr *Trainer) { withQueue(tr, 31); tr.QueueAfter = 3 },
	} {
		tr := tiny(t, "", 1)
		set(tr)
		tr.Steps = 7
		steps := watch(tr)
		var images []int
		tr.Report = func(p Progress) { images = append(images, tr.Source.(*dataset.Views).IDs()[batch:]...) }
		mustRun(t, tr)

		for s, got := range *steps {
			var want []float32
			var ids []int
			size := 0
			if tr.Queue != nil {
				size = min(max(s-tr.QueueAfter, 0)*batch, tr.Queue.Size)
				want, ids = make([]float32, size*width), make([]int, size)
				for r := range max(s-tr.QueueAfter, 0) * batch {
					step, row := tr.QueueAfter+r/batch, r%batch
					place := r % tr.Queue.Size
					copy(want[place*width:(place+1)*width], (*steps)[step].k[row*width:])
					ids[place] = images[step*batch+row]
				}
				if s >= tr.QueueAfter {
					ids = slices.Concat(images[s*batch:(s+1)*batch], ids)
				}
			}
			check.SameBits(t, fmt.Sprintf("%s: step %d", name, s), got.negatives, want)
			if !slices.Equal(got.ids, ids) {
				t.Errorf("%s: step %d: IDs %v, want %v", name, s, got.ids, ids)
			}
		}
	}
}

// Keys are the embeddings of second views by the momentum encoder, which is updated after each
// step. Gradients reach the trained encoder through the first views only.
func TestMomentumKeys(t *testing.T) {
	tr := tiny(t, "", 1)
	withQueue(tr, 31)
	tr.Steps = 5
	steps := watch(tr)
	inner := tr.Source
	var x []simd.Matrix
	tr.Source = sourceFunc(func(step int, dst simd.Matrix) {
		if _, err := inner.Next(step, dst); err != nil {
			t.Error(err)
		}
		views := simd.NewMatrix(dst.Rows, dst.Cols)
		copy(views.Data, dst.Data)
		x = append(x, views)
	})
	mustRun(t, tr)

	// Expected: the same steps by hand, without the gradient of K.
	query := makeMLP(t, 3, []int{30, 12, 10}, []int{8, 4})
	key, opt := query.Clone(), &optim.AdamW{WeightDecay: 0.01}
	follower := &MomentumEncoder{Encoder: key, Momentum: tr.KeyEncoder.Momentum}
	memory := &Queue{Size: 31}
	loss := &infonce.InfoNCE{Temperature: 0.2}
	for s, views := range x {
		z, k := query.Forward(views.Slice(0, 12)), key.Forward(views.Slice(12, 24))
		name := fmt.Sprintf("step %d: ", s)
		check.SameBits(t, name+"queries", (*steps)[s].q, z.Data)
		check.SameBits(t, name+"keys", (*steps)[s].k, k.Data)
		grad := infonce.Batch{Q: simd.NewMatrix(12, 4)}
		if _, err := loss.Evaluate(infonce.Batch{Q: z, K: k, Negatives: memory.Rows()}, &grad, 1); err != nil {
			t.Fatal(err)
		}
		clear(query.Params().Grads)
		query.Backward(grad.Q)
		opt.Step(query.Params(), s, tr.Schedule.Rate(s))
		follower.Follow(query.Params())
		memory.Push(k, nil)
	}
	check.SameBits(t, "parameters", tr.Encoder.Params().Values, query.Params().Values)
	check.SameBits(t, "parameters of the keys", tr.KeyEncoder.Encoder.Params().Values, key.Params().Values)
}

// If the source has no IDs, neither has the batch.
func TestQueueWithoutIDs(t *testing.T) {
	tr := tiny(t, "", 1)
	withQueue(tr, 31)
	inner := tr.Source
	tr.Source = sourceFunc(func(step int, x simd.Matrix) {
		if _, err := inner.Next(step, x); err != nil {
			t.Error(err)
		}
	})
	steps := watch(tr)
	mustRun(t, tr)
	for s, got := range *steps {
		if got.ids != nil {
			t.Errorf("step %d: IDs %v, want none", s, got.ids)
		}
	}
}

func TestRunWithQueueBits(t *testing.T) {
	var first *outcome
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range []struct{ workers, chunk int }{{1, 0}, {2, 7}, {7, 1}} {
			tr := tiny(t, t.TempDir(), c.workers)
			withQueue(tr, 31)
			learnTemperature(tr)
			tr.Batch, tr.Chunk, tr.Steps = 11, c.chunk, 8
			mustRun(t, tr)
			got := outcomeOf(t, tr)
			if first == nil {
				first = &got
			}
			sameOutcome(t, fmt.Sprintf("%d workers, chunks of %d", c.workers, c.chunk), got, *first)
		}
	})
}
