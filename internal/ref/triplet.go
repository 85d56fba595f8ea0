package ref

import "math"

// TripletOptions choose among the triplet losses. The zero value is the hinge
// without a margin on Euclidean distances.
type TripletOptions struct {
	Margin  float64 // m, added under the soft margin too; Hermans et al. 2017 have 0 there
	Squared bool    // squared distances (Schroff et al. 2015)
	Swap    bool    // the nearer of anchor and positive to the negative counts (Balntas et al. 2016)
	Soft    bool    // ln(1 + exp(v)) in place of max(0, v)
}

// Triplet returns the mean over the rows (a, p, n) of the matrices of
//
//	max(0, v),  v = d(a, p) − d(a, n) + m
//
// or of its soft form. With Swap d(a, n) is min(d(a, n), d(p, n)), the former in
// a tie. The hinge has no slope at v = 0, and a distance none at 0. No rows make
// a loss of 0. DQ, DK and DNeg are with respect to a, p and n.
func Triplet(a, p, n Mat, o TripletOptions) (float64, Grad) {
	g := Grad{DQ: NewMat(a.Rows, a.Cols), DK: NewMat(p.Rows, p.Cols), DNeg: NewMat(n.Rows, n.Cols)}
	loss := 0.0
	for i := range a.Rows {
		weight := 1 / float64(a.Rows)
		l := o.term(a.Row(i), p.Row(i), n.Row(i), g.DQ.Row(i), g.DK.Row(i), g.DNeg.Row(i), weight)
		loss += float64(weight * l)
	}
	return loss, g
}

// term returns the loss of one triplet, and adds its gradients times weight.
func (o TripletOptions) term(a, p, n, da, dp, dn []float64, weight float64) float64 {
	positive := distance(a, p, o.Squared)
	negative := distance(a, n, o.Squared)
	near, dnear := a, da // what is compared with the negative
	if o.Swap {
		if d := distance(p, n, o.Squared); d < negative {
			negative, near, dnear = d, p, dp
		}
	}
	loss, slope := hinge(positive-negative+o.Margin, o.Soft)
	slope *= weight
	addDistanceGrad(da, dp, slope, a, p, o.Squared)
	addDistanceGrad(dnear, dn, -slope, near, n, o.Squared)
	return loss
}

// HardTriplets returns the rows of the triplets of BatchHard: for each anchor in
// turn the farthest row of its label, other than itself, and the nearest of
// another label, the lowest index in a tie. Anchors without one of them are left out.
func HardTriplets(x Mat, labels []int) (a, p, n []int) {
	for i := range x.Rows {
		farthest, nearest := -1, -1
		dp, dn := math.Inf(-1), math.Inf(1)
		for j := range x.Rows {
			d := SquaredDistance(x.Row(i), x.Row(j))
			switch {
			case labels[j] != labels[i]:
				if d < dn {
					nearest, dn = j, d
				}
			case j != i:
				if d > dp {
					farthest, dp = j, d
				}
			}
		}
		if farthest >= 0 && nearest >= 0 {
			a, p, n = append(a, i), append(p, farthest), append(n, nearest)
		}
	}
	return a, p, n
}

// BatchHard returns the mean triplet loss over the HardTriplets of the rows of x
// (Hermans et al. 2017, eq. 5), 0 where there are none. DQ is with respect to x.
func BatchHard(x Mat, labels []int, o TripletOptions) (float64, Grad) {
	a, p, n := HardTriplets(x, labels)
	return tripletRows(x, a, p, n, o)
}

// tripletRows returns the mean over the triplets (a_i, p_i, n_i) of rows of x.
func tripletRows(x Mat, a, p, n []int, o TripletOptions) (float64, Grad) {
	loss, t := Triplet(gather(x, a), gather(x, p), gather(x, n), o)
	dx := NewMat(x.Rows, x.Cols)
	for i := range a {
		axpy(dx.Row(a[i]), 1, t.DQ.Row(i))
		axpy(dx.Row(p[i]), 1, t.DK.Row(i))
		axpy(dx.Row(n[i]), 1, t.DNeg.Row(i))
	}
	return loss, Grad{DQ: dx}
}

func gather(x Mat, rows []int) Mat {
	m := NewMat(len(rows), x.Cols)
	for i, r := range rows {
		copy(m.Row(i), x.Row(r))
	}
	return m
}

// hinge returns max(0, v) or ln(1 + exp(v)), and its derivative.
func hinge(v float64, soft bool) (loss, slope float64) {
	switch {
	case soft && v > 0:
		return v + math.Log1p(math.Exp(-v)), 1 / (1 + math.Exp(-v))
	case soft:
		return math.Log1p(math.Exp(v)), math.Exp(v) / (1 + math.Exp(v))
	case v > 0:
		return v, 1
	}
	return 0, 0
}

func distance(x, y []float64, squared bool) float64 {
	d2 := SquaredDistance(x, y)
	if squared {
		return d2
	}
	return math.Sqrt(d2)
}

// addDistanceGrad adds slope·∂d/∂x to dx and slope·∂d/∂y to dy, where ∂d/∂x is
// (x − y)/d, or 2(x − y) for the squared distance, and ∂d/∂y its negative.
func addDistanceGrad(dx, dy []float64, slope float64, x, y []float64, squared bool) {
	scale := 2 * slope
	if !squared {
		d := distance(x, y, false)
		if d == 0 {
			return
		}
		scale = slope / d
	}
	for i := range x {
		t := float64(scale * (x[i] - y[i]))
		dx[i] += t
		dy[i] -= t
	}
}
