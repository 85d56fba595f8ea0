package train

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// Weights do not depend on the size of chunks.
func TestRunBitsForAnyChunk(t *testing.T) {
	var want *outcome
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range []struct{ chunk, workers int }{{0, 1}, {1, 2}, {7, 1}, {7, 7}, {64, 1}, {74, 1}, {1000, 1}} {
			tr := tiny(t, t.TempDir(), c.workers)
			tr.Batch, tr.Chunk, tr.Steps = 37, c.chunk, 6
			mustRun(t, tr)
			got := outcomeOf(t, tr)
			if want == nil {
				want = &got
			}
			sameOutcome(t, fmt.Sprintf("chunks of %d, %d workers", c.chunk, c.workers), got, *want)
		}
	})
}

// A tallest is an MLP that records the largest number of rows of a Forward.
type tallest struct {
	*nn.MLP
	rows int
}

func (e *tallest) Forward(x simd.Matrix) simd.Matrix {
	e.rows = max(e.rows, x.Rows)
	return e.MLP.Forward(x)
}

// Activations grow with the chunk and not with the batch.
func TestChunkBoundsActivations(t *testing.T) {
	kept := func(batch, chunk int) (n int) {
		tr := tiny(t, "", 1)
		tr.Source = &dataset.Views{Images: testkit.Bars(batch, 5), Seed: 9}
		tr.Batch, tr.Chunk, tr.Steps = batch, chunk, 2
		tr.Encoder = &tallest{MLP: tr.Encoder.(*nn.MLP)}
		mustRun(t, tr)
		return int(tr.Encoder.(*tallest).rows)
	}
	if got, want := kept(160, 10), kept(20, 10); got != want {
		t.Errorf("320 rows in chunks come %d at once, 40 rows %d, want the same", got, want)
	}
	if got, want := kept(160, 0), 32*kept(160, 10); got != want {
		t.Errorf("320 rows come %d at once, want %d, 32 times those of 10", got, want)
	}
}

// A drifter is an MLP whose embeddings differ from call to call, as with dropout.
type drifter struct{ *nn.MLP }

func (e drifter) Forward(x simd.Matrix) simd.Matrix {
	z := e.MLP.Forward(x)
	tensors := e.Params().Tensors
	tensors[len(tensors)-1].Values[0]++ // the last bias
	return z
}

// If the second embedding of a row differed from that which the loss saw, gradients would be
// silently wrong.
func TestChunkWantsTheSameEmbedding(t *testing.T) {
	tr := tiny(t, "", 1)
	tr.Encoder, tr.Chunk = drifter{tr.Encoder.(*nn.MLP)}, 5
	err := tr.Run(context.Background())
	const want = "train: step 0: encoder: row 0 has another embedding the second time, want the same: it is the one that the gradient is of"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	for _, v := range tr.Optimizer.State(len(tr.Encoder.Params().Values))[0].Data {
		if v != 0 {
			t.Fatal("the optimizer made a step")
		}
	}
}

// A run may be resumed with another size of chunks.
func TestResumeWithAnotherChunk(t *testing.T) {
	dir := t.TempDir()
	whole := tiny(t, t.TempDir(), 1)
	mustRun(t, whole)
	ctx, cancel := context.WithCancel(context.Background())
	tr := tiny(t, dir, 1)
	tr.Chunk = 5
	tr.Report = func(p Progress) {
		if p.Step == 8 {
			cancel()
		}
	}
	if err := tr.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	tr = tiny(t, dir, 1)
	tr.Chunk = 11
	if step, err := tr.Resume(); step != 9 || err != nil {
		t.Fatalf("step %d, error %v, want 9", step, err)
	}
	mustRun(t, tr)
	sameOutcome(t, "chunks of 5, then of 11", outcomeOf(t, tr), outcomeOf(t, whole))
}
