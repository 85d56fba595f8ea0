package eval

import (
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

const (
	// probeRows is how many rows are a block, whose gradients are added in float32. The result
	// depends on it.
	probeRows = 512

	// probeBlocks is how many blocks are computed before they are added, so that memory does not
	// grow with the rows. The result does not depend on it.
	probeBlocks = 16
)

// A probeLoss is the loss of a [Probe] as a function of its weights.
type probeLoss struct {
	x       simd.Matrix // n×(d+1)
	class   []int       // number of the class of each row
	l2      float64
	workers int // above 0

	first   int         // block of those computed together
	weights simd.Matrix // classes×(d+1)
	packed  simd.Packed // the same, transposed
	scores  simd.Matrix // probeRows rows for each worker
	partial []simd.Matrix
	losses  []float64
	add     gradientSum
}

// start takes weights as scratch memory.
func (t *probeLoss) start(weights simd.Matrix) {
	blocks := min(probeBlocks, (t.x.Rows+probeRows-1)/probeRows)
	t.weights = weights
	t.scores = simd.NewMatrix(min(t.workers, blocks)*min(probeRows, t.x.Rows), weights.Rows)
	t.partial, t.losses = make([]simd.Matrix, blocks), make([]float64, blocks)
	for i := range t.partial {
		t.partial[i] = simd.NewMatrix(weights.Rows, weights.Cols)
	}
}

// evaluate returns the loss at weights w, and stores its gradient in dw.
func (t *probeLoss) evaluate(dw, w []float64) (loss float64) {
	round(t.weights.Data, w)
	t.packed.PackTrans(t.weights)
	n := float64(t.x.Rows)
	for i, v := range w {
		dw[i] = 0
		if (i+1)%t.weights.Cols > 0 { // biases are free
			loss += float64(v * v)
			dw[i] = float64(n * float64(t.l2*v))
		}
	}
	loss *= n * t.l2 / 2
	blocks := (t.x.Rows + probeRows - 1) / probeRows
	for t.first = 0; t.first < blocks; t.first += probeBlocks {
		count := min(probeBlocks, blocks-t.first)
		par.For(t.workers, count, t, (*probeLoss).block)
		t.add = gradientSum{dw, t.partial[:count], t.weights.Cols}
		par.For(t.workers, t.weights.Rows, &t.add, (*gradientSum).row)
		for _, v := range t.losses[:count] {
			loss += v
		}
	}
	for i := range dw {
		dw[i] /= n
	}
	return loss / n
}

// block stores the loss and the gradient of a block of rows.
func (t *probeLoss) block(worker, piece int) {
	lo := (t.first + piece) * probeRows
	hi := min(lo+probeRows, t.x.Rows)
	at := worker * min(probeRows, t.x.Rows)
	scores, x := t.scores.Slice(at, at+hi-lo), t.x.Slice(lo, hi)
	t.packed.Mul(scores, 1, x)
	t.losses[piece] = 0
	for i := range scores.Rows {
		t.losses[piece] += crossEntropy(scores.Row(i), t.class[lo+i])
	}
	simd.MatMulTransA(t.partial[piece], 1, scores, x)
}

// crossEntropy returns −ln softmax(z)[class], and overwrites z with its gradient. A small loss is
// computed from the sum over the other classes, because a difference of large numbers would cancel.
func crossEntropy(z []float32, class int) float64 {
	most := simd.Max(z)
	behind := float64(most) - float64(z[class])
	simd.ExpSum(z, z, most)
	own := z[class]
	z[class] = 0
	others := float64(simd.Sum(z))
	sum := others + float64(own)
	simd.Scale(z, float32(1/sum), z)
	z[class] = float32(-others / sum)
	if behind == 0 {
		return scalar.Log1p64(others)
	}
	return behind + scalar.Log64(sum)
}

// A gradientSum adds the gradients of blocks, in their order.
type gradientSum struct {
	dst   []float64
	parts []simd.Matrix
	cols  int
}

func (t *gradientSum) row(_, i int) {
	dst := t.dst[i*t.cols:][:t.cols]
	for _, p := range t.parts {
		for j, v := range p.Row(i) {
			dst[j] += float64(v)
		}
	}
}
