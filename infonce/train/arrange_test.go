package train

import (
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/internal/check"
)

// Arrangements put rows where losses expect them.
func TestRunArrangesViews(t *testing.T) {
	rows := dataset.Table{Matrix: testkit.Normals(check.NewRand(5), 40, 30)}
	for name, set := range map[string]func(tr *Trainer, look func(b infonce.Batch)){
		"four views by sample": func(tr *Trainer, look func(b infonce.Batch)) {
			tr.Views, tr.Source = 4, &dataset.VectorViews{Rows: rows, Each: 4, Augment: augment.Vector{Noise: 0.5}}
			loss := &infonce.SupCon{}
			tr.Loss = lossFunc(func(b infonce.Batch, grad *infonce.Batch) (infonce.Result, error) {
				for i, l := range b.Labels {
					if l != i%tr.Batch || b.Q.Rows != 4*tr.Batch || grad.Labels == nil {
						t.Fatalf("labels %v of %d rows", b.Labels, b.Q.Rows)
					}
				}
				look(b)
				return loss.Evaluate(b, grad, 1)
			})
		},
		"triplets": func(tr *Trainer, look func(b infonce.Batch)) {
			var list [][3]int
			for i := range 40 {
				list = append(list, [3]int{i, (i + 5) % 40, (i + 7) % 40})
			}
			tr.Views, tr.Arrange, tr.Source = 3, Triplets, &dataset.VectorTriplets{Rows: rows, Triplets: list}
			loss := &infonce.Triplet{Soft: true}
			tr.Loss = lossFunc(func(b infonce.Batch, grad *infonce.Batch) (infonce.Result, error) {
				if b.Q.Rows != tr.Batch || b.K.Rows != tr.Batch || b.Negatives.Rows != tr.Batch {
					t.Fatalf("%d, %d and %d rows", b.Q.Rows, b.K.Rows, b.Negatives.Rows)
				}
				look(b)
				return loss.Evaluate(b, grad, 1)
			})
		},
		"classes of one view": func(tr *Trainer, look func(b infonce.Batch)) {
			tr.Views, tr.Arrange, tr.Source = 1, Labelled, &dataset.VectorClasses{Rows: rows, Labels: manyLabels(40, 5)}
			loss := &infonce.BatchHard{Soft: true}
			tr.Loss = lossFunc(func(b infonce.Batch, grad *infonce.Batch) (infonce.Result, error) {
				if b.Q.Rows != tr.Batch || len(b.Labels) != tr.Batch {
					t.Fatalf("%d rows, %d labels", b.Q.Rows, len(b.Labels))
				}
				look(b)
				return loss.Evaluate(b, grad, 1)
			})
		},
	} {
		var want outcome
		for _, chunk := range []int{0, 7} {
			tr := tiny(t, "", 1)
			looks := 0
			set(tr, func(infonce.Batch) { looks++ })
			tr.Chunk, tr.Schedule, tr.Steps = chunk, optim.Constant{Peak: 0.003}, 60
			var losses []float64
			tr.Report = func(p Progress) { losses = append(losses, p.Loss) }
			mustRun(t, tr)
			if looks != 60 || !(losses[59] < 0.95*losses[0]) {
				t.Errorf("%s: %d steps, the loss goes from %v to %v", name, looks, losses[0], losses[59])
			}
			if got := outcomeOf(t, tr); chunk == 0 {
				want = got
			} else {
				sameOutcome(t, name+" in chunks", got, want)
			}
		}
	}
}

func TestRunRefusesViews(t *testing.T) {
	for _, c := range []struct {
		set  func(*Trainer)
		want string
	}{
		{func(tr *Trainer) { tr.Views = -2 }, "train: -2 views of a sample, want 2 or more, or an arrangement"},
		{func(tr *Trainer) { tr.Views = 1 }, "train: 1 views of a sample, want 2 or more, or an arrangement"},
		{func(tr *Trainer) { tr.Views = 3 }, "train: the source gives 2 views of each sample, want 3"},
		{func(tr *Trainer) {
			tr.Views, tr.Source = 3, &dataset.Views{Images: testkit.Bars(40, 5), Each: 3}
			withQueue(tr, 9)
		}, "train: 3 views of a sample, want 2 with a key encoder or a queue"},
	} {
		tr := tiny(t, "", 1)
		c.set(tr)
		if err := tr.Run(t.Context()); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// manyLabels returns n labels of the given number of classes.
func manyLabels(n, classes int) (l []int) {
	for i := range n {
		l = append(l, i%classes+3)
	}
	return l
}

// Documents that are the same are no negatives of each other: the loss is told of them by every
// source that knows, with the default arrangement.
func TestRunTellsTheLossOfDuplicates(t *testing.T) {
	rows := dataset.Table{Matrix: testkit.Normals(check.NewRand(5), 40, 30)}
	run := func(source dataset.Source, loss func(b infonce.Batch)) {
		tr := tiny(t, "", 1)
		tr.Source, tr.Steps = source, 3
		inner := tr.Loss
		tr.Loss = lossFunc(func(b infonce.Batch, grad *infonce.Batch) (infonce.Result, error) {
			loss(b)
			return inner.Evaluate(b, grad, 1)
		})
		mustRun(t, tr)
	}
	ids := make([]int, 40)
	for i := range ids {
		ids[i] = i / 20
	}
	pairs := &dataset.VectorPairs{Queries: rows, Documents: rows, DocumentIDs: ids}
	run(pairs, func(b infonce.Batch) {
		if !slices.Equal(b.IDs, pairs.IDs()[12:]) {
			t.Errorf("pairs: the loss is given IDs %v, want %v", b.IDs, pairs.IDs()[12:])
		}
	})
	matched := &dataset.Views{Images: testkit.Bars(40, 5), Match: true}
	run(matched, func(b infonce.Batch) {
		if !slices.Equal(b.IDs, matched.IDs()[12:]) {
			t.Errorf("images of classes: the loss is given IDs %v, want %v", b.IDs, matched.IDs()[12:])
		}
	})
	run(&dataset.Views{Images: testkit.Bars(40, 5)}, func(b infonce.Batch) {
		if b.IDs != nil {
			t.Errorf("images that all differ: the loss is given IDs %v, want none", b.IDs)
		}
	})

	before := tiny(t, "", 1)
	before.Source, before.IgnoreIDs, before.Steps = pairs, true, 1
	before.Loss = lossFunc(func(b infonce.Batch, grad *infonce.Batch) (infonce.Result, error) {
		if b.IDs != nil {
			t.Errorf("with IgnoreIDs the loss is given IDs %v, want none", b.IDs)
		}
		return (&infonce.NTXent{}).Evaluate(b, grad, 1)
	})
	mustRun(t, before)

	// All documents are one, so there is nothing to tell apart.
	tr := tiny(t, "", 1)
	tr.Source = &dataset.VectorPairs{Queries: rows, Documents: rows, DocumentIDs: make([]int, 40)}
	tr.Loss = &infonce.InfoNCE{}
	var last float64
	tr.Report = func(p Progress) { last = p.Loss }
	mustRun(t, tr)
	if last != 0 {
		t.Errorf("loss %v of documents that are all the same, want 0", last)
	}
}
