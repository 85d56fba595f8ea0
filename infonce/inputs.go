package infonce

import (
	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/simd"
)

// inputs are the matrices of a batch that a loss compares, with where it holds their rows and where
// their gradients go.
type inputs struct {
	op        string
	workers   int
	cosine    bool // rows are normalised
	list      []input
	zeroNorms int
}

// An input is a matrix of the batch.
type input struct {
	arg        string
	rows, grad simd.Matrix      // the caller's; grad is empty where it is not asked for
	in         *tile.Embeddings // its rows are those from first on
	first      int
}

func (in *inputs) begin(op string, workers int, cosine bool) {
	*in = inputs{op: op, workers: workers, cosine: cosine, list: in.list[:0]}
}

// load takes over x into e, with room for a gradient if want is true.
func (in *inputs) load(e *tile.Embeddings, arg string, x, grad simd.Matrix, want bool) {
	in.zeroNorms += e.Load(in.workers, x, in.cosine, want)
	in.list = append(in.list, input{arg, x, grad, e, 0})
}

// stack takes over x and, below it, y into e.
func (in *inputs) stack(e *tile.Embeddings, arg string, x, grad simd.Matrix, arg2 string, y, grad2 simd.Matrix, want bool) {
	in.zeroNorms += e.Stack(in.workers, x, y, in.cosine, want)
	in.list = append(in.list, input{arg, x, grad, e, 0}, input{arg2, y, grad2, e, x.Rows})
}

// checkFinite returns an error that names the first number that is not finite.
func (in *inputs) checkFinite() error {
	for _, x := range in.list {
		if err := x.in.CheckFinite(in.op, x.arg, x.rows, x.first); err != nil {
			return err
		}
	}
	return nil
}

// addGrads adds scale times the gradients to those of the caller. It overwrites what the loss
// holds.
func (in *inputs) addGrads(scale float32) {
	for _, x := range in.list {
		x.in.AddGrad(x.grad, scale, x.first)
	}
}

// gradOf returns *grad, or a batch without memory where grad is nil.
func gradOf(grad *Batch) Batch {
	if grad == nil {
		return Batch{}
	}
	return *grad
}
