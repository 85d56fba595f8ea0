package main

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/simd"
)

const (
	voters     = 5     // neighbours of a query
	maxQueries = 2500  // one point in a hundred is 25 of them
	maxDraws   = 10    // augmented views of one image
	maxGallery = 60000 // as many as MNIST has to train on

	// examSeed draws the views of the exam, the same for every run, so that the
	// figures of raw pixels are those of the data.
	examSeed = 0x5eed
)

// An exam asks for the nearest images to train on, as they are, of images to test with.
type exam struct {
	gallery data.Images
	tested  data.Images
	draws   int // augmented views of each tested image

	galleryRows simd.Matrix // the pixels
	views       simd.Matrix // row i shows image i mod tested.Len(), augmented
	clean       simd.Matrix // the tested images as they are
	viewLabels  []int
	workers     int
}

// newExam draws the views.
func newExam(d *dataset, workers int) (*exam, error) {
	e := &exam{gallery: spread(d.train, maxGallery), tested: spread(d.test, maxQueries), workers: workers}
	n, size := e.tested.Len(), len(e.tested.At(0))
	e.draws = min(max(maxQueries/n, 1), maxDraws)
	e.galleryRows = simd.NewMatrix(e.gallery.Len(), size)
	train.Flatten(e.galleryRows, e.gallery)
	e.clean = simd.NewMatrix(n, size)
	train.Flatten(e.clean, e.tested)
	e.views = simd.NewMatrix(e.draws*n, size)
	for i := range e.draws {
		if err := train.AugmentAll(e.views.Slice(i*n, (i+1)*n), e.tested, train.Augmentation{}, examSeed+uint64(i), workers); err != nil {
			return nil, err
		}
		e.viewLabels = append(e.viewLabels, e.tested.Labels...)
	}
	return e, nil
}

// Figures are the shares, between 0 and 1, of queries that were answered right.
type figures struct {
	KNN    float64 `json:"knn"`      // label by the vote of the 5 nearest
	Recall float64 `json:"recall@1"` // the nearest is of the same label
}

// An answer is what one way to see images finds.
type answer struct {
	views, clean figures
	near         [][]eval.Neighbor // of the views
}

// ask takes the exam with the images as embed sees them.
func (e *exam) ask(embed func(simd.Matrix) simd.Matrix) answer {
	gallery := embed(e.galleryRows)
	search := func(queries simd.Matrix, labels []int) ([][]eval.Neighbor, figures) {
		near := eval.Neighbors(embed(queries), gallery, voters, e.workers)
		return near, figures{
			KNN:    eval.KNN(near, voters, e.gallery.Labels, labels),
			Recall: eval.RecallAt(near, 1, e.gallery.Labels, labels),
		}
	}
	var a answer
	a.near, a.views = search(e.views, e.viewLabels)
	_, a.clean = search(e.clean, e.tested.Labels)
	return a
}

// rawPixels returns the pixels of each row less their mean: the cosine is then the
// correlation, which finds a little more than the cosine of the pixels as they are.
func rawPixels(x simd.Matrix) simd.Matrix {
	z := simd.NewMatrix(x.Rows, x.Cols)
	ones := make([]float32, x.Cols)
	for i := range ones {
		ones[i] = 1
	}
	for i := range x.Rows {
		copy(z.Row(i), x.Row(i))
		simd.Axpy(z.Row(i), -simd.Sum(x.Row(i))/float32(x.Cols), ones)
	}
	return z
}

// embeddings returns what m makes of rows.
func embeddings(m *train.MLP) func(simd.Matrix) simd.Matrix {
	return func(x simd.Matrix) simd.Matrix {
		const part = 1024 // m keeps the activations of all rows that it is given
		_, out := m.Dims()
		z := simd.NewMatrix(x.Rows, out)
		for i := 0; i < x.Rows; i += part {
			j := min(i+part, x.Rows)
			copy(z.Slice(i, j).Data, m.Forward(x.Slice(i, j)).Data)
		}
		return z
	}
}

// describe tells what is asked, in words.
func (e *exam) describe(d *dataset) string {
	return fmt.Sprintf("%d augmented views of %d images %s, searched among %d clean images of those to train on",
		e.views.Rows, e.tested.Len(), d.held, e.gallery.Len())
}
