package infonce_test

import (
	"fmt"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
)

// optionVariants are the options of the losses with a temperature, and the losses that differ from these in
// what takes part.
func optionVariants(temperature float32, dot bool) []variant {
	τ := float64(temperature)
	weights := func(b Batch) []float64 {
		w := make([]float64, len(b.Weights))
		for i, v := range b.Weights {
			w[i] = float64(v)
		}
		return w
	}
	rows := func(q, k ref.Mat, o ref.RowOptions) (float64, ref.Grad) { return ref.SoftmaxRows(q, k, τ, !dot, o) }
	// sameID drops the candidates with the ID of the positive.
	sameID := func(b Batch) func(i, j int) bool {
		if b.IDs == nil {
			return nil
		}
		return func(i, j int) bool { return b.IDs[i] == b.IDs[j] }
	}
	plain := func(o ref.RowOptions) func(b Batch) (float64, ref.Grad) {
		return func(b Batch) (float64, ref.Grad) {
			o := o
			if o.Drop == nil {
				o.Drop = sameID(b)
			}
			o.Weights = weights(b)
			k := concat(mat(b.K), mat(b.Negatives))
			loss, g := rows(mat(b.Q), k, o)
			g.DK, g.DNeg = split(g.DK, b.K.Rows)
			return loss, g
		}
	}
	both := func(o ref.RowOptions) func(b Batch) (float64, ref.Grad) {
		return func(b Batch) (float64, ref.Grad) {
			there, g := plain(o)(b)
			o := o
			o.Drop, o.Weights = sameID(b), weights(b)
			back, h := rows(mat(b.K), mat(b.Q), o)
			return (there + back) / 2, ref.Grad{
				DQ: blend(g.DQ, h.DK), DK: blend(g.DK, h.DQ), DNeg: blend(g.DNeg, ref.NewMat(g.DNeg.Rows, g.DNeg.Cols)),
				DTemperature: (g.DTemperature + h.DTemperature) / 2,
			}
		}
	}
	// ownKey is for the candidates that are the own key and the negatives.
	ownKey := func(drop func(b Batch, i, j int) bool) func(b Batch) (float64, ref.Grad) {
		return func(b Batch) (float64, ref.Grad) {
			o := ref.RowOptions{Weights: weights(b), Drop: func(i, j int) bool { return j < b.K.Rows || drop(b, i, j-b.K.Rows) }}
			loss, g := rows(mat(b.Q), concat(mat(b.K), mat(b.Negatives)), o)
			g.DK, g.DNeg = split(g.DK, b.K.Rows)
			return loss, g
		}
	}
	hashed := func(i, j int) bool { return (7*i+3*j)%5 < 2 }
	vs := []variant{
		{name: "InfoNCE/smoothing", keys: func(n int) int { return n + 2 }, negs: none, mass: 4,
			new: func(w int) Loss {
				return &InfoNCE{Temperature: temperature, DotProduct: dot, LabelSmoothing: 0.2, Workers: w}
			},
			truth: plain(ref.RowOptions{Smoothing: float64(float32(0.2))})},
		{name: "InfoNCE/symmetric,smoothing", symmetric: true, keys: same, negs: none, mass: 4, weights: true,
			new: func(w int) Loss {
				return &InfoNCE{Temperature: temperature, DotProduct: dot, Symmetric: true, LabelSmoothing: 0.2, Workers: w}
			},
			truth: both(ref.RowOptions{Smoothing: float64(float32(0.2))})},
		{name: "InfoNCE/weights,ids", keys: same, negs: none, weights: true, ids: true,
			new:   func(w int) Loss { return &InfoNCE{Temperature: temperature, DotProduct: dot, Workers: w} },
			truth: plain(ref.RowOptions{})},
		{name: "InfoNCE/symmetric,weights,ids", symmetric: true, keys: same, negs: none, weights: true, ids: true,
			new: func(w int) Loss {
				return &InfoNCE{Temperature: temperature, DotProduct: dot, Symmetric: true, Workers: w}
			},
			truth: both(ref.RowOptions{})},
		{name: "InfoNCE/inBatch,ids", keys: same, negs: func(n int) int { return 2 * n }, ids: true,
			new: func(w int) Loss {
				return &InfoNCE{Temperature: temperature, DotProduct: dot, InBatch: true, Workers: w}
			},
			truth: plain(ref.RowOptions{})},
		{name: "InfoNCE/inBatch,smoothing", keys: same, negs: func(n int) int { return n + 1 }, mass: 4,
			new: func(w int) Loss {
				return &InfoNCE{Temperature: temperature, DotProduct: dot, InBatch: true, LabelSmoothing: 0.2, Workers: w}
			},
			truth: plain(ref.RowOptions{Smoothing: float64(float32(0.2))})},
		{name: "InfoNCE/symmetric,inBatch", symmetric: true, keys: same, negs: func(n int) int { return 2 * n },
			new: func(w int) Loss {
				return &InfoNCE{Temperature: temperature, DotProduct: dot, Symmetric: true, InBatch: true, Workers: w}
			},
			truth: both(ref.RowOptions{})},
		{name: "InfoNCE/negatives,weights,ids", keys: same, negs: func(n int) int { return n + 3 }, weights: true, ids: true,
			new:   func(w int) Loss { return &InfoNCE{Temperature: temperature, DotProduct: dot, Workers: w} },
			truth: ownKey(func(b Batch, i, j int) bool { return b.IDs[i] == b.IDs[b.K.Rows+j] })},
		{name: "InfoNCE/paired,weights,ids", paired: true, keys: same, negs: func(n int) int { return 4 * n }, weights: true, ids: true,
			new: func(w int) Loss {
				return &InfoNCE{Temperature: temperature, DotProduct: dot, PairedNegatives: true, Workers: w}
			},
			truth: ownKey(func(b Batch, i, j int) bool { return j/4 != i || b.IDs[i] == b.IDs[b.K.Rows+j] })},
		{name: "InfoNCE/exclude", indexed: true, keys: func(n int) int { return n + 5 }, negs: none,
			new: func(w int) Loss {
				return &InfoNCE{Temperature: temperature, DotProduct: dot, Exclude: hashed, Workers: w}
			},
			truth: plain(ref.RowOptions{Drop: hashed})},
		{name: "InfoNCE/negatives,exclude", indexed: true, keys: same, negs: func(n int) int { return n + 5 },
			new: func(w int) Loss {
				return &InfoNCE{Temperature: temperature, DotProduct: dot, Exclude: hashed, Workers: w}
			},
			truth: ownKey(func(_ Batch, i, j int) bool { return hashed(i, j) })},
		{name: "InfoNCE/sum", keys: same, negs: none, weights: true, mass: 1000,
			new: func(w int) Loss {
				return &InfoNCE{Temperature: temperature, DotProduct: dot, Reduction: Sum, Workers: w}
			},
			truth: plain(ref.RowOptions{Sum: true})},
		{name: "NTXent/weights,ids", queries: 2, keys: same, negs: none, weights: true, ids: true,
			new: func(w int) Loss { return &NTXent{Temperature: temperature, DotProduct: dot, Workers: w} },
			truth: func(b Batch) (float64, ref.Grad) {
				n := b.Q.Rows
				o := ref.RowOptions{Weights: append(weights(b), weights(b)...)}
				z, turned := concat(mat(b.Q), mat(b.K)), concat(mat(b.K), mat(b.Q)) // key i is the positive of row i
				o.Drop = func(i, j int) bool { return (i+n)%(2*n) == j || b.IDs[i%n] == b.IDs[j%n] }
				loss, g := rows(z, turned, o)
				dq, dk := split(g.DQ, n)
				tk, tq := split(g.DK, n)
				return loss, ref.Grad{DQ: plus(dq, tq), DK: plus(dk, tk), DTemperature: g.DTemperature}
			}},
		{name: "DCL", queries: 2, keys: same, negs: none, mass: 2, signed: true,
			new:   func(w int) Loss { return &DCL{Temperature: temperature, DotProduct: dot, Workers: w} },
			truth: func(b Batch) (float64, ref.Grad) { return ref.DCL(mat(b.Q), mat(b.K), τ, 0, !dot, false) }},
		{name: "DCL/sigma", queries: 2, keys: same, negs: none, mass: 4, signed: true,
			new:   func(w int) Loss { return &DCL{Temperature: temperature, DotProduct: dot, Sigma: 0.5, Workers: w} },
			truth: func(b Batch) (float64, ref.Grad) { return ref.DCL(mat(b.Q), mat(b.K), τ, 0.5, !dot, false) }},
		{name: "DCL/oneWay", queries: 1, keys: same, negs: none, mass: 2, signed: true,
			new:   func(w int) Loss { return &DCL{Temperature: temperature, DotProduct: dot, OneWay: true, Workers: w} },
			truth: func(b Batch) (float64, ref.Grad) { return ref.DCL(mat(b.Q), mat(b.K), τ, 0, !dot, true) }},
		{name: "DCL/oneWay,sigma", queries: 1, keys: same, negs: none, mass: 4, signed: true,
			new: func(w int) Loss {
				return &DCL{Temperature: temperature, DotProduct: dot, Sigma: 2, OneWay: true, Workers: w}
			},
			truth: func(b Batch) (float64, ref.Grad) { return ref.DCL(mat(b.Q), mat(b.K), τ, 2, !dot, true) }},
	}
	for _, inside := range []bool{false, true} {
		name := "SupCon/outside"
		if inside {
			name = "SupCon/inside"
		}
		vs = append(vs, variant{name: name, keys: none, negs: none, labels: true, mass: 2,
			new: func(w int) Loss {
				return &SupCon{Temperature: temperature, DotProduct: dot, Inside: inside, Workers: w}
			},
			truth: func(b Batch) (float64, ref.Grad) { return ref.SupCon(mat(b.Q), b.Labels, τ, !dot, inside) }})
	}
	for i := range vs {
		vs[i].beta, vs[i].cosine = 1/τ, !dot
		if vs[i].queries == 0 && !vs[i].labels {
			vs[i].queries = 1
		}
		vs[i].name += fmt.Sprintf("/temperature=%v", temperature)
		if dot {
			vs[i].name += "/dot"
		}
	}
	return vs
}

// concat returns the rows of a and, below them, those of b.
func concat(a, b ref.Mat) ref.Mat {
	if b.Rows == 0 {
		return a
	}
	return ref.Mat{Rows: a.Rows + b.Rows, Cols: a.Cols, Data: append(append([]float64(nil), a.Data...), b.Data...)}
}

// split returns the first n rows of m, and the others.
func split(m ref.Mat, n int) (a, b ref.Mat) {
	return ref.Mat{Rows: n, Cols: m.Cols, Data: m.Data[:n*m.Cols]}, ref.Mat{Rows: m.Rows - n, Cols: m.Cols, Data: m.Data[n*m.Cols:]}
}

// plus returns a + b.
func plus(a, b ref.Mat) ref.Mat {
	s := ref.NewMat(a.Rows, a.Cols)
	for i := range s.Data {
		s.Data[i] = a.Data[i] + b.Data[i]
	}
	return s
}

// blend returns (a + b)/2.
func blend(a, b ref.Mat) ref.Mat {
	s := plus(a, b)
	for i := range s.Data {
		s.Data[i] /= 2
	}
	return s
}
