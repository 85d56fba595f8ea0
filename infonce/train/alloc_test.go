//go:build !race

package train

// The race detector empties the pools of packages simd and par at random.

import (
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/internal/check"
)

func TestStepDoesNotAllocate(t *testing.T) {
	// That losses do not allocate is tested in package infonce.
	towardsZero := lossFunc(func(b infonce.Batch, grad *infonce.Batch) (infonce.Result, error) {
		copy(grad.Q.Data, b.Q.Data)
		return infonce.Result{Loss: 1}, nil
	})
	for _, workers := range []int{1, 2} {
		sets := map[string]func(*Trainer){
			"clipped": func(tr *Trainer) { tr.ClipNorm = 1e-6 },
			"chunks":  func(tr *Trainer) { tr.Chunk = 7 },
			"memory":  func(tr *Trainer) { withQueue(tr, 17); tr.Loss = towardsZero },
			"temperature": func(tr *Trainer) {
				learnTemperature(tr)
				tr.Loss = towardsZero
			},
			"match": func(tr *Trainer) {
				tr.Source = &dataset.Views{Images: testkit.Bars(40, 5), Match: true, Workers: workers}
			},
			"distinct": func(tr *Trainer) {
				tr.Source = &dataset.Views{Images: testkit.Bars(40, 20), NoDuplicates: true, Workers: workers}
			},
			"rows": func(tr *Trainer) {
				tr.Source = &dataset.VectorPairs{Queries: table(40, 30), Documents: table(40, 30), Augment: augment.Vector{Noise: 1, Dropout: 0.1, Crop: 0.1}, Workers: workers}
			},
			"triplets": func(tr *Trainer) {
				tr.Views, tr.Arrange = 3, Triplets
				tr.Source = &dataset.VectorTriplets{Rows: table(40, 30), Triplets: make([][3]int, 40), Workers: workers}
			},
			"three views": func(tr *Trainer) {
				tr.Views, tr.Source = 3, &dataset.VectorViews{Rows: table(40, 30), Each: 3, Workers: workers}
			},
			"CNN":             func(tr *Trainer) { tinyCNN(t, tr, nn.LayerNorm) },
			"CNN, batch norm": func(tr *Trainer) { tinyCNN(t, tr, nn.BatchNorm) },
			"classes": func(tr *Trainer) {
				tr.Arrange = Labelled
				tr.Source = &dataset.Classes{Images: testkit.Bars(40, 5), Workers: workers, PerClass: 8}
			},
		}
		for _, k := range optim.Kinds {
			sets[k.Name] = func(tr *Trainer) { tr.Optimizer = k.New(optim.Config{WeightDecay: 0.1, Workers: workers}) }
		}
		for name, set := range sets {
			tr := tiny(t, t.TempDir(), workers)
			tr.Loss = towardsZero
			set(tr)
			if err := tr.check(); err != nil {
				t.Fatal(err)
			}
			m, err := tr.open()
			if err != nil {
				t.Fatal(err)
			}
			step := 0
			one := func() {
				p, err := tr.advance(step)
				if err != nil {
					t.Fatal(err)
				}
				step++
				if err := m.add(p); err != nil {
					t.Fatal(err)
				}
			}
			// Memory grows in the first steps, and package par starts another goroutine whenever
			// the existing ones are late, so it may take a while to reach the steady state.
			n := 1.
			for i := 0; i < 50 && n > 0; i++ {
				n = testing.AllocsPerRun(50, one)
			}
			if n > 0 {
				t.Errorf("%s, workers %d: %v allocations a step, want 0", name, workers, n)
			}
			m.close()
		}
	}
}

func table(rows, cols int) dataset.Table {
	return dataset.Table{Matrix: testkit.Normals(check.NewRand(4), rows, cols)}
}
