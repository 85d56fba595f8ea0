package infonce

import "github.com/contrast-go/contrast/simd"

// Doors for the tests outside the package, which can import the catalog of losses.

const (
	StripRows = stripRows
	LeastSine = leastSine
)

var (
	CommonShift     = commonShift
	Softplus        = softplus
	SquaredDistance = squaredDistance
	WeightOf        = weightOf
)

// StripHeight returns how many rows a strip of n rows against n keys has.
func StripHeight(n, workers int) int { return cutUp(n, n, workers, false, true).height }

// Contrast returns loss, sum over the negatives and sum of all exponentials of a row of logits, which it replaces by theirs.
func Contrast(z []float32, pos float32) (loss float64, neg, sum float32) {
	return contrast(z, pos, rowShift(z, pos))
}

// HardestRows returns the positive and the negative that l found last for each row, or −1.
func HardestRows(l *BatchHard) [][2]int {
	var rows [][2]int
	for _, h := range l.search.best {
		rows = append(rows, [2]int{h.positive, h.negative})
	}
	return rows
}

// StreamsKeys reports whether l takes b without copies, and lets keys come in the smallest chunks.
func StreamsKeys(l *InfoNCE, b Batch) bool {
	l.streamed.chunk = simd.PackAlign
	return worthLean(b, memoryBudget(l.MemoryBudget))
}

// Distances returns the distances between the rows of b in the unit of the second result.
func Distances(b Batch, squared bool, workers int) (simd.Matrix, float64, error) {
	e := new(distances)
	if _, err := e.load(distanceSettings{op: "test", squared: squared, workers: workers}, b, nil); err != nil {
		return simd.Matrix{}, 0, err
	}
	r := &distanceRows{e, simd.NewMatrix(b.Q.Rows, b.Q.Rows)}
	e.begin(false, 0)
	e.visit(r)
	return r.all, e.unit, nil
}

// distanceRows keeps all distances, in the order of the batch.
type distanceRows struct {
	from *distances
	all  simd.Matrix
}

func (r *distanceRows) score(_, i int, d, _ []float32) {
	order := r.from.groups.order
	for j, v := range d {
		r.all.Row(order[i])[order[j]] = v
	}
}
