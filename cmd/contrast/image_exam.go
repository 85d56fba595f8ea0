package main

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/eval"
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

// An imageExam asks for the nearest images to train on, as they are, of images to test with.
type imageExam struct {
	gallery images.Set
	tested  images.Set
	draws   int // augmented views of each tested image

	galleryRows simd.Matrix // the pixels
	views       simd.Matrix // row i shows image i mod tested.Len(), augmented
	clean       simd.Matrix // the tested images as they are
	viewLabels  []int
	apart       string
	workers     int
}

// newImageExam draws the views.
func newImageExam(d *imageCorpus, workers int) (*imageExam, error) {
	e := &imageExam{gallery: spread(d.train, maxGallery), tested: spread(d.test, maxQueries), apart: d.apart, workers: workers}
	n, size := e.tested.Len(), len(e.tested.At(0))
	e.draws = drawsOf(n)
	e.galleryRows, e.clean = pixels(e.gallery), pixels(e.tested)
	e.views = simd.NewMatrix(e.draws*n, size)
	for i := range e.draws {
		if err := augment.All(e.views.Slice(i*n, (i+1)*n), e.tested, augment.Image{}, examSeed+uint64(i), workers); err != nil {
			return nil, err
		}
		e.viewLabels = append(e.viewLabels, e.tested.Labels...)
	}
	return e, nil
}

// drawsOf returns how many views of each of n images there are.
func drawsOf(n int) int { return min(max(maxQueries/n, 1), maxDraws) }

// ask takes the exam.
func (e *imageExam) ask(how embedder) (answer, error) {
	gallery := how.k(e.galleryRows)
	near, views := e.search(how.q(e.views), gallery, e.viewLabels)
	_, clean := e.search(how.q(e.clean), gallery, e.tested.Labels)
	return answer{eval: views, clean: clean, near: near}, nil
}

// search asks for the label of queries, and shows their neighbours.
func (e *imageExam) search(queries, gallery simd.Matrix, labels []int) ([][]eval.Neighbor, figures) {
	near := eval.Neighbors(queries, gallery, voters, e.workers)
	return near, figures{
		{"knn", eval.KNN(near, voters, e.gallery.Labels, labels)},
		{"recall@1", eval.RecallAt(near, 1, e.gallery.Labels, labels)},
	}
}

func (e *imageExam) raw() (embedder, bool) { return embedder{"raw pixels", rawPixels, rawPixels}, true }

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

// describe tells what is asked, in words.
func (e *imageExam) describe() string {
	return fmt.Sprintf("%d augmented views of %d images %s, searched among %d clean images of those to train on",
		e.views.Rows, e.tested.Len(), e.apart, e.gallery.Len())
}
