package evaluation

import (
	"fmt"

	"github.com/contrast-go/contrast/cmd/contrast/internal/dataset"
	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/simd"
)

const (
	Neighbours = 5     // of a query
	maxQueries = 2500  // one point in a hundred is 25 of them
	maxDraws   = 10    // augmented views of one image
	maxGallery = 60000 // as many as MNIST has to train on
	shownViews = 12    // rows of a picture of neighbours
)

// A Retrieval searches for images to test with, augmented and clean, among images to train
// on.
type Retrieval struct {
	Gallery     images.Set
	GalleryRows simd.Matrix // the pixels

	Views      simd.Matrix // row i shows image i mod the number of images to test with, augmented
	ViewLabels []int
	Tested     images.Set

	draws   int         // views of each image
	clean   simd.Matrix // the images without augmentation
	apart   string
	workers int
}

func newRetrieval(d *dataset.Images, workers int) (*Retrieval, error) {
	e := &Retrieval{Gallery: dataset.Spread(d.Train, maxGallery), Tested: dataset.Spread(d.Test, maxQueries), apart: d.Apart, workers: workers}
	n, size := e.Tested.Len(), len(e.Tested.At(0))
	e.draws = drawsOf(n)
	e.GalleryRows, e.clean = dataset.Pixels(e.Gallery), dataset.Pixels(e.Tested)
	e.Views = simd.NewMatrix(e.draws*n, size)
	for i := range e.draws {
		if err := augment.All(e.Views.Slice(i*n, (i+1)*n), e.Tested, augment.Image{}, dataset.EvalSeed+uint64(i), workers); err != nil {
			return nil, err
		}
		e.ViewLabels = append(e.ViewLabels, e.Tested.Labels...)
	}
	return e, nil
}

// drawsOf returns how many views of each of n images there are.
func drawsOf(n int) int { return min(max(maxQueries/n, 1), maxDraws) }

func retrievalBytes(d *dataset.Images, columns int) int64 {
	g, n, size := min(d.Train.Len(), maxGallery), min(d.Test.Len(), maxQueries), len(d.Test.At(0))
	views := n * drawsOf(n)
	numbers := size * (g + n + views)             // the pixels
	numbers += max(size, columns) * (g + 2*views) // embedded, and brought to norm 1
	return 4 * int64(numbers)
}

// Evaluate searches for augmented and for clean images.
func (e *Retrieval) Evaluate(how Embedder) (Answer, error) {
	gallery := how.K(e.GalleryRows)
	near, views := e.search(how.Q(e.Views), gallery, e.ViewLabels)
	_, clean := e.search(how.Q(e.clean), gallery, e.Tested.Labels)
	return Answer{Name: how.Name, Eval: views, Clean: clean, Near: near}, nil
}

// search returns the neighbours of queries, and how often these have their label.
func (e *Retrieval) search(queries, gallery simd.Matrix, labels []int) ([][]eval.Neighbor, Metrics) {
	near := eval.Neighbors(queries, gallery, Neighbours, e.workers)
	return near, Metrics{
		{"knn", eval.KNN(near, Neighbours, e.Gallery.Labels, labels)},
		{"recall@1", eval.RecallAt(near, 1, e.Gallery.Labels, labels)},
	}
}

// Raw compares images by their pixels.
func (e *Retrieval) Raw() (Embedder, bool) { return Embedder{"raw pixels", centred, centred}, true }

// Question tells what is asked.
func (e *Retrieval) Question() string {
	return fmt.Sprintf("%d augmented views of %d images %s, searched among %d clean images of those to train on",
		e.Views.Rows, e.Tested.Len(), e.apart, e.Gallery.Len())
}

// Shown returns the views in a picture of neighbours. They are not chosen: they are spread
// over all, by steps of the golden section so that they do not keep time with the classes.
func (e *Retrieval) Shown() []int {
	n := e.Tested.Len()
	rows := make([]int, min(shownViews, n))
	for r := range rows {
		rows[r] = r * (n * 610 / 987) % n // of the first view of each image
	}
	return rows
}

// Share returns how many of all neighbours have the label of their view.
func (e *Retrieval) Share(a Answer) float64 {
	n, all := 0, 0
	for i, near := range a.Near {
		for _, row := range near {
			all++
			if e.Gallery.Labels[row.Row] == e.ViewLabels[i] {
				n++
			}
		}
	}
	return float64(n) / float64(max(all, 1))
}
