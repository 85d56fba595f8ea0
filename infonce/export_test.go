package infonce

import (
	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/simd"
)

// What tests outside the package see of the inside. They stand outside to import the catalog of
// losses.

const (
	StripRows = tile.StripRows
	LeastSine = leastSine
)

var (
	CommonShift     = tile.CommonShift
	Softplus        = tile.Softplus
	SquaredDistance = tile.SquaredDistance
	WeightOf        = tile.WeightOf
)

// Contrast replaces the logits z of negatives by their exponentials and returns the loss, their sum
// and the sum with that of the positive.
func Contrast(z []float32, pos float32) (loss float64, neg, sum float32) {
	return tile.Contrast(z, pos, tile.RowShift(z, pos))
}

// HardestRows returns the positive and the negative that l found last for each row, or −1.
func HardestRows(l *BatchHard) [][2]int {
	var rows [][2]int
	for _, h := range l.search.Best {
		rows = append(rows, [2]int{h.Positive, h.Negative})
	}
	return rows
}

// StreamsKeys reports whether l takes b without copies, and lets keys come in the smallest chunks.
func StreamsKeys(l *InfoNCE, b Batch) bool {
	l.streamed.Chunk = simd.PackAlign
	return worthStreaming(b, memoryBudget(l.MemoryBudget))
}

// Distances returns the distances between the rows of b in the unit of the second result.
func Distances(b Batch, squared bool, workers int) (simd.Matrix, float64, error) {
	e := new(tile.Distances)
	e.Load(b.Q, b.Labels, nil, squared, false, false, workers)
	r := &distanceRows{e, simd.NewMatrix(b.Q.Rows, b.Q.Rows)}
	e.Begin(false, 0)
	e.Run(r, false)
	return r.all, e.Unit, nil
}

// distanceRows keeps all distances, in the order of the batch.
type distanceRows struct {
	from *tile.Distances
	all  simd.Matrix
}

func (r *distanceRows) Score(_, i int, d, _ []float32) {
	order := r.from.Groups.Order
	for j, v := range d {
		r.all.Row(order[i])[order[j]] = v
	}
}
