package catalog

import (
	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// An oracle returns a loss and its gradients in float64.
type oracle = func(b infonce.Batch) (float64, ref.Grad)

// mat returns m in float64.
func mat(m simd.Matrix) ref.Mat { return ref.FromFloat32(m.Rows, m.Cols, m.Stride, m.Data) }

// unit returns m in float64, with rows of length 1 where they are normalised.
func unit(m simd.Matrix, normalize bool) ref.Mat {
	if !normalize {
		return mat(m)
	}
	u, _ := ref.Normalize(mat(m))
	return u
}

// raw returns the gradient with respect to the rows of m from g, which is with respect to the unit
// rows if they are normalised.
func raw(m simd.Matrix, g ref.Mat, normalize bool) ref.Mat {
	if !normalize {
		return g
	}
	return ref.NormalizeGrad(mat(m), g)
}

// pairOracle is an oracle of Q and K.
func pairOracle(f func(q, k ref.Mat, temperature float64, normalize bool) (float64, ref.Grad), s Settings) oracle {
	return func(b infonce.Batch) (float64, ref.Grad) {
		return f(mat(b.Q), mat(b.K), float64(s.Temperature), !s.DotProduct)
	}
}

// negativesOracle is an oracle of Q, K and Negatives.
func negativesOracle(f func(q, k, n ref.Mat, temperature float64, normalize bool) (float64, ref.Grad), s Settings) oracle {
	return func(b infonce.Batch) (float64, ref.Grad) {
		return f(mat(b.Q), mat(b.K), mat(b.Negatives), float64(s.Temperature), !s.DotProduct)
	}
}

// rowsOracle is the softmax of the rows of Q against K and Negatives.
func rowsOracle(o ref.RowOptions, s Settings) oracle {
	return func(b infonce.Batch) (float64, ref.Grad) {
		o := o
		if o.Drop == nil {
			o.Drop = sameID(b)
		}
		o.Weights = weights(b)
		loss, g := ref.SoftmaxRows(mat(b.Q), concat(mat(b.K), mat(b.Negatives)), float64(s.Temperature), !s.DotProduct, o)
		g.DK, g.DNeg = split(g.DK, b.K.Rows)
		return loss, g
	}
}

// bothOracle is the mean of rowsOracle and of the softmax of K against Q.
func bothOracle(o ref.RowOptions, s Settings) oracle {
	return func(b infonce.Batch) (float64, ref.Grad) {
		there, g := rowsOracle(o, s)(b)
		o := o
		o.Drop, o.Weights = sameID(b), weights(b)
		back, h := ref.SoftmaxRows(mat(b.K), mat(b.Q), float64(s.Temperature), !s.DotProduct, o)
		return (there + back) / 2, ref.Grad{
			DQ: blend(g.DQ, h.DK), DK: blend(g.DK, h.DQ), DNeg: blend(g.DNeg, ref.NewMat(g.DNeg.Rows, g.DNeg.Cols)),
			DTemperature: (g.DTemperature + h.DTemperature) / 2,
		}
	}
}

// ownKeyOracle is the softmax of rows against their own key and those negatives that are not
// dropped.
func ownKeyOracle(drop func(b infonce.Batch, i, j int) bool, s Settings) oracle {
	return func(b infonce.Batch) (float64, ref.Grad) {
		return rowsOracle(ref.RowOptions{Drop: func(i, j int) bool { return j < b.K.Rows || drop(b, i, j-b.K.Rows) }}, s)(b)
	}
}

// viewsOracle is NT-Xent with weights and IDs.
func viewsOracle(s Settings) oracle {
	return func(b infonce.Batch) (float64, ref.Grad) {
		n := b.Q.Rows
		o := ref.RowOptions{Weights: append(weights(b), weights(b)...)}
		z, turned := concat(mat(b.Q), mat(b.K)), concat(mat(b.K), mat(b.Q)) // key i is the positive of row i
		o.Drop = func(i, j int) bool { return (i+n)%(2*n) == j || b.IDs[i%n] == b.IDs[j%n] }
		loss, g := ref.SoftmaxRows(z, turned, float64(s.Temperature), !s.DotProduct, o)
		dq, dk := split(g.DQ, n)
		tk, tq := split(g.DK, n)
		return loss, ref.Grad{DQ: plus(dq, tq), DK: plus(dk, tk), DTemperature: g.DTemperature}
	}
}

// rowOracle is an oracle of the rows of Q, normalised or not.
func rowOracle(normalize bool, f func(x ref.Mat, b infonce.Batch) (float64, ref.Grad)) oracle {
	return func(b infonce.Batch) (float64, ref.Grad) {
		loss, g := f(unit(b.Q, normalize), b)
		g.DQ = raw(b.Q, g.DQ, normalize)
		return loss, g
	}
}

// tripletOracle is Triplet of three matrices.
func tripletOracle(normalize bool, o ref.TripletOptions) oracle {
	return func(b infonce.Batch) (float64, ref.Grad) {
		loss, g := ref.Triplet(unit(b.Q, normalize), unit(b.K, normalize), unit(b.Negatives, normalize), o)
		return loss, ref.Grad{DQ: raw(b.Q, g.DQ, normalize), DK: raw(b.K, g.DK, normalize), DNeg: raw(b.Negatives, g.DNeg, normalize)}
	}
}

// listOracle is Triplet of a list of rows of Q.
func listOracle(normalize bool, o ref.TripletOptions) oracle {
	return rowOracle(normalize, func(x ref.Mat, b infonce.Batch) (float64, ref.Grad) {
		at := [3][]int{}
		for _, t := range b.Triplets {
			at[0], at[1], at[2] = append(at[0], t.A), append(at[1], t.P), append(at[2], t.N)
		}
		parts := [3]ref.Mat{}
		for p, rows := range at {
			parts[p] = ref.NewMat(len(rows), x.Cols)
			for i, r := range rows {
				copy(parts[p].Row(i), x.Row(r))
			}
		}
		loss, g := ref.Triplet(parts[0], parts[1], parts[2], o)
		d := ref.NewMat(x.Rows, x.Cols)
		for p, m := range []ref.Mat{g.DQ, g.DK, g.DNeg} {
			for i, r := range at[p] {
				for j, v := range m.Row(i) {
					d.Row(r)[j] += v
				}
			}
		}
		return loss, ref.Grad{DQ: d}
	})
}

// triples returns the triplets of b in the type of package ref.
func triples(b infonce.Batch) []ref.Triple {
	var list []ref.Triple
	for _, t := range b.Triplets {
		list = append(list, ref.Triple(t))
	}
	return list
}

// scoresOracle is an oracle of the order of the scores in Q and K.
func scoresOracle(score func(x1, x2 ref.Mat, order []float64) (float64, ref.Grad)) oracle {
	return func(b infonce.Batch) (float64, ref.Grad) { return score(mat(b.Q), mat(b.K), order(b)) }
}

// productsOracle is an oracle of the order of the dot products of Q with K and with Negatives.
func productsOracle(normalize bool, score func(x1, x2 ref.Mat, order []float64) (float64, ref.Grad)) oracle {
	return func(b infonce.Batch) (float64, ref.Grad) {
		q, k, n := unit(b.Q, normalize), unit(b.K, normalize), unit(b.Negatives, normalize)
		x1, x2 := ref.NewMat(q.Rows, 1), ref.NewMat(q.Rows, 1)
		for i := range q.Rows {
			x1.Data[i], x2.Data[i] = ref.Dot(q.Row(i), k.Row(i)), ref.Dot(q.Row(i), n.Row(i))
		}
		loss, s := score(x1, x2, order(b))
		dq, dk, dn := ref.NewMat(q.Rows, q.Cols), ref.NewMat(q.Rows, q.Cols), ref.NewMat(q.Rows, q.Cols)
		for i := range q.Rows {
			for j, x := range q.Row(i) {
				dq.Row(i)[j] = s.DQ.Data[i]*k.At(i, j) + s.DK.Data[i]*n.At(i, j)
				dk.Row(i)[j], dn.Row(i)[j] = s.DQ.Data[i]*x, s.DK.Data[i]*x
			}
		}
		return loss, ref.Grad{DQ: raw(b.Q, dq, normalize), DK: raw(b.K, dk, normalize), DNeg: raw(b.Negatives, dn, normalize)}
	}
}

// order returns the labels of b as numbers, nil if it has none.
func order(b infonce.Batch) []float64 {
	var order []float64
	for _, y := range b.Labels {
		order = append(order, float64(y))
	}
	return order
}

// weights returns the weights of b in float64.
func weights(b infonce.Batch) []float64 {
	w := make([]float64, len(b.Weights))
	for i, v := range b.Weights {
		w[i] = float64(v)
	}
	return w
}

// sameID drops the candidates with the ID of the positive.
func sameID(b infonce.Batch) func(i, j int) bool {
	if b.IDs == nil {
		return nil
	}
	return func(i, j int) bool { return b.IDs[i] == b.IDs[j] }
}

// are reports which labels equal y.
func are(labels []int, y int) []bool {
	is := make([]bool, len(labels))
	for i, l := range labels {
		is[i] = l == y
	}
	return is
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

// times returns s·a, in the memory of a.
func times(s float64, a ref.Mat) ref.Mat {
	for i := range a.Data {
		a.Data[i] *= s
	}
	return a
}

// blend returns (a + b)/2.
func blend(a, b ref.Mat) ref.Mat { return times(0.5, plus(a, b)) }
