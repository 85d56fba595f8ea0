package train

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// pairsOfKinds returns a run that aligns two kinds of numbers about the same things.
func pairsOfKinds(t testing.TB, dir string, workers int) *Trainer {
	r := check.NewRand(4)
	queries, documents := testkit.Normals(r, 60, 12), simd.NewMatrix(60, 7)
	for i := range 60 {
		for j := range 7 {
			documents.Row(i)[j] = queries.Row(i)[(3*j)%12] - queries.Row(i)[(5*j+1)%12]
		}
	}
	query := makeCNN(t, nn.CNNConfig{Width: 4, Height: 3, Channels: 1, Filters: []int{3, 4}, Norm: nn.BatchNorm, Head: []int{3}}, 1)
	d, err := nn.NewDual(query, makeMLP(t, 2, []int{7, 5}, []int{3}))
	if err != nil {
		t.Fatal(err)
	}
	d.SetWorkers(workers)
	return &Trainer{
		Encoder:   d,
		Loss:      &infonce.InfoNCE{Temperature: 0.2, Symmetric: true, Workers: workers},
		Optimizer: &optim.AdamW{Workers: workers},
		Schedule:  optim.Constant{Peak: 0.02},
		Source:    &dataset.VectorPairs{Queries: dataset.Table{Matrix: queries}, Documents: dataset.Table{Matrix: documents}, Workers: workers},
		Batch:     20, Steps: 60, Dir: dir,
	}
}

func TestDualLearns(t *testing.T) {
	tr := pairsOfKinds(t, "", 1)
	tr.Steps = 150
	var first, last float64
	tr.Report = func(p Progress) {
		if p.Step == 0 {
			first = p.Loss
		}
		last = p.Loss
	}
	mustRun(t, tr)
	if !(last < first/2) {
		t.Errorf("the loss went from %v to %v, want less than half", first, last)
	}
}

// A run with batch norm that is stopped and resumed ends with the same bits, for any number of
// workers.
func TestResumeWithStatistics(t *testing.T) {
	var want outcome
	for i, workers := range []int{1, 3} {
		whole := pairsOfKinds(t, t.TempDir(), workers)
		whole.Steps = 20
		mustRun(t, whole)
		if i == 0 {
			want = outcomeOf(t, whole)
		}
		sameOutcome(t, fmt.Sprintf("%d workers", workers), outcomeOf(t, whole), want)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	part := pairsOfKinds(t, dir, 1)
	part.Steps = 20
	part.Report = func(p Progress) {
		if p.Step == 7 {
			cancel()
		}
	}
	if err := part.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	rest := pairsOfKinds(t, dir, 1)
	rest.Steps = 20
	if step, err := rest.Resume(); step != 8 || err != nil {
		t.Fatalf("step %d, error %v, want 8", step, err)
	}
	mustRun(t, rest)
	sameOutcome(t, "resumed", outcomeOf(t, rest), want)
}

func TestDualWantsTwoViews(t *testing.T) {
	tr := pairsOfKinds(t, "", 1)
	tr.Views, tr.Arrange = 3, Triplets
	const want = "train: 3 views of a sample, want 2: the encoder has two towers"
	if err := tr.Run(context.Background()); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
