package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/simd"
)

// An evaluation compares how well images are recognised by their nearest neighbours
// among the training images: as pixels, and as embeddings of the encoder before and
// after training.
type evaluation struct {
	Raw       accuracy `json:"raw"`
	Untrained accuracy `json:"untrained"`
	Trained   accuracy `json:"trained"`
}

// An accuracy is a share of queries, between 0 and 1.
type accuracy struct {
	KNN    float64 `json:"knn"`      // the vote of the 5 nearest is right
	Recall float64 `json:"recall@1"` // the nearest has the label of the query
}

const neighbours = 5

// viewSeed draws the views of the evaluation, apart from those of any training step.
const viewSeed = 0x5eed

// evaluate fills e and returns a grid of queries with their neighbours. Without
// labels there is nothing to count, and e stays 0.
func evaluate(e *evaluation, set *dataset, untrained, trained *train.MLP, workers int) (*grid, error) {
	gallery := simd.NewMatrix(set.train.Len(), set.pixels())
	train.Flatten(gallery, set.train)
	n := set.test.Len()
	queries := simd.NewMatrix(n*set.draws, set.pixels())
	var labels []int
	for i := range set.draws {
		err := train.AugmentAll(queries.Slice(i*n, (i+1)*n), set.test, train.Augmentation{}, viewSeed+uint64(i), workers)
		if err != nil {
			return nil, err
		}
		labels = append(labels, set.test.Labels...)
	}
	raw := eval.Neighbors(queries, gallery, neighbours, workers)
	before := eval.Neighbors(embed(untrained, queries), embed(untrained, gallery), neighbours, workers)
	after := eval.Neighbors(embed(trained, queries), embed(trained, gallery), neighbours, workers)
	if labels != nil && set.train.Labels != nil {
		count := func(near [][]eval.Neighbor) accuracy {
			return accuracy{eval.KNN(near, neighbours, set.train.Labels, labels), eval.RecallAt(near, 1, set.train.Labels, labels)}
		}
		*e = evaluation{count(raw), count(before), count(after)}
	}
	return &grid{set: set, queries: queries, labels: labels, raw: raw, trained: after}, nil
}

// embed returns the embeddings of the rows of x, in memory of their own.
func embed(m *train.MLP, x simd.Matrix) simd.Matrix {
	const block = 1024 // rows: bounds the memory of the hidden layers
	_, d := m.Dims()
	z := simd.NewMatrix(x.Rows, d)
	for i := 0; i < x.Rows; i += block {
		end := min(i+block, x.Rows)
		copy(z.Slice(i, end).Data, m.Forward(x.Slice(i, end)).Data)
	}
	return z
}

func (e *evaluation) print(w io.Writer, set *dataset) {
	if *e == (evaluation{}) {
		fmt.Fprintln(w, "\nno labels: nothing to count")
		return
	}
	fmt.Fprintf(w, "\naugmented images of %s, looked up among the training images\n\n", set.queries)
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\t%d-NN\trecall@1\t\n", neighbours)
	for _, row := range []struct {
		name string
		a    accuracy
	}{{"raw pixels", e.Raw}, {"untrained encoder", e.Untrained}, {"trained encoder", e.Trained}} {
		fmt.Fprintf(t, "%s\t%.1f %%\t%.1f %%\t\n", row.name, 100*row.a.KNN, 100*row.a.Recall)
	}
	t.Flush()
}
