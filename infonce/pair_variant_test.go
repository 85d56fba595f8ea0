package infonce_test

import (
	"fmt"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
)

// pairVariants are the losses of pairs and of scores.
func pairVariants(margin float32, normalize bool) []variant {
	m := float64(margin)
	if margin <= 0 {
		m = 1
	}
	contrastive := func(zero bool) variant {
		return variant{
			name: "ContrastivePair", queries: 1, keys: same, negs: none, choices: []int{0, 1}, cosine: normalize,
			new: func(workers int) Loss {
				return &ContrastivePair{Margin: max(margin, 0), ZeroIsSimilar: zero, Normalize: normalize, Workers: workers}
			},
			truth: func(b Batch) (float64, ref.Grad) {
				loss, g := ref.ContrastivePair(unit(b.Q, normalize), unit(b.K, normalize), are(b.Labels, map[bool]int{true: 0, false: 1}[zero]), m)
				return loss, ref.Grad{DQ: raw(b.Q, g.DQ, normalize), DK: raw(b.K, g.DK, normalize)}
			},
		}
	}
	vs := []variant{contrastive(false)}
	if !normalize {
		hadsell := contrastive(true)
		hadsell.name += "/zero is similar"
		vs = append(vs, hadsell, cosineVariant(min(max(margin-0.5, -1), 1)))
		vs = append(vs, orderVariants("/scores", margin, false)...)
	}
	vs = append(vs, orderVariants("/embeddings", margin, normalize)...)
	vs = append(vs,
		listVariant("", normalize, ref.TripletOptions{Margin: m}),
		listVariant("/squared,swap", normalize, ref.TripletOptions{Margin: m, Squared: true, Swap: true}),
		listVariant("/soft", normalize, ref.TripletOptions{Margin: m, Soft: true}),
		marginListVariant(margin, normalize))
	for i := range vs {
		vs[i].name += fmt.Sprintf("/margin=%v", margin)
		if normalize {
			vs[i].name += "/normalize"
		}
	}
	return vs
}

// are reports which labels are y.
func are(labels []int, y int) []bool {
	is := make([]bool, len(labels))
	for i, l := range labels {
		is[i] = l == y
	}
	return is
}

func cosineVariant(margin float32) variant {
	return variant{
		name: "CosineEmbedding", queries: 1, keys: same, negs: none, choices: []int{1, -1}, cosine: true,
		new: func(workers int) Loss { return &CosineEmbedding{Margin: margin, Workers: workers} },
		truth: func(b Batch) (float64, ref.Grad) {
			return ref.CosineEmbedding(mat(b.Q), mat(b.K), are(b.Labels, 1), float64(margin))
		},
	}
}

// orderVariants are the losses of the order of scores, which are given or those of embeddings.
func orderVariants(kind string, margin float32, normalize bool) []variant {
	vs := []variant{
		{name: "MarginRanking" + kind, new: func(workers int) Loss {
			return &MarginRanking{Margin: margin, Normalize: normalize, Workers: workers}
		}},
		{name: "LogisticRanking" + kind, new: func(workers int) Loss {
			return &LogisticRanking{Normalize: normalize, Workers: workers}
		}},
	}
	for i := range vs {
		v := &vs[i]
		v.queries, v.keys, v.negs, v.choices, v.cosine = 1, same, none, []int{1, -1}, normalize
		score := func(x1, x2 ref.Mat, labels []int) (float64, ref.Grad) {
			var order []float64
			for _, y := range labels {
				order = append(order, float64(y))
			}
			if i == 0 {
				return ref.MarginRanking(x1, x2, order, float64(margin))
			}
			return ref.LogisticRanking(x1, x2, order)
		}
		if kind == "/scores" {
			v.truth = func(b Batch) (float64, ref.Grad) { return score(mat(b.Q), mat(b.K), b.Labels) }
			continue
		}
		v.negs = same
		v.truth = func(b Batch) (float64, ref.Grad) {
			q, k, n := unit(b.Q, normalize), unit(b.K, normalize), unit(b.Negatives, normalize)
			x1, x2 := ref.NewMat(q.Rows, 1), ref.NewMat(q.Rows, 1)
			for i := range q.Rows {
				x1.Data[i], x2.Data[i] = ref.Dot(q.Row(i), k.Row(i)), ref.Dot(q.Row(i), n.Row(i))
			}
			loss, s := score(x1, x2, b.Labels)
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
	return vs
}

// listVariant is Triplet of triples of rows of Q.
func listVariant(name string, normalize bool, o ref.TripletOptions) variant {
	return variant{
		name: "Triplet/list" + name, keys: none, negs: none, triplets: true, squared: o.Squared, cosine: normalize,
		new: func(workers int) Loss {
			return &Triplet{Margin: float32(o.Margin), Squared: o.Squared, Swap: o.Swap, Soft: o.Soft, Normalize: normalize, Workers: workers}
		},
		truth: func(b Batch) (float64, ref.Grad) { return listedTruth(b, normalize, o) },
	}
}

// marginListVariant is MarginLoss of triples of rows of Q.
func marginListVariant(margin float32, normalize bool) variant {
	v := marginVariant(margin, normalize)
	m, β := float64(margin), 1.25
	if margin == 0 {
		m = float64(float32(0.2))
	}
	v.name, v.keys, v.negs, v.triplets, v.cosine = "MarginLoss/list", none, none, true, normalize
	v.truth = func(b Batch) (float64, ref.Grad) {
		var list []ref.Triple
		for _, t := range b.Triplets {
			list = append(list, ref.Triple(t))
		}
		loss, g := ref.MarginLoss(unit(b.Q, normalize), list, β, m)
		return loss, ref.Grad{DQ: raw(b.Q, g.DQ, normalize), DBias: g.DBias}
	}
	return v
}

// listedTruth is the truth of triples of rows of Q.
func listedTruth(b Batch, normalize bool, o ref.TripletOptions) (float64, ref.Grad) {
	x := unit(b.Q, normalize)
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
	return loss, ref.Grad{DQ: raw(b.Q, d, normalize)}
}
