package ref

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// A softmaxLoss is one of the family as a function of q, k and negatives.
type softmaxLoss struct {
	name string
	f    func(q, k, neg Mat, temperature float64, normalize bool) (float64, Grad)
	// rows of k past those of q, and rows of neg, for n queries
	extra, neg func(n, m int) int
}

func none(n, m int) int { return 0 }

var softmaxLosses = []softmaxLoss{
	{"InfoNCE", func(q, k, _ Mat, temperature float64, normalize bool) (float64, Grad) {
		return InfoNCE(q, k, temperature, normalize)
	}, func(n, m int) int { return m }, none},
	{"CLIP", func(q, k, _ Mat, temperature float64, normalize bool) (float64, Grad) {
		return CLIP(q, k, temperature, normalize)
	}, none, none},
	{"InfoNCESharedNegatives", InfoNCESharedNegatives, none, func(n, m int) int { return m }},
	{"InfoNCEPairedNegatives", InfoNCEPairedNegatives, none, func(n, m int) int { return n * m }},
	{"SymmetricHardNegatives", SymmetricHardNegatives, none, func(n, m int) int { return m }},
	{"NTXent", func(q, k, _ Mat, temperature float64, normalize bool) (float64, Grad) {
		return NTXent(q, k, temperature, normalize)
	}, none, none},
}

// otherSoftmaxLosses are not homogeneous in the logits, or not 0 without negatives.
var otherSoftmaxLosses = []softmaxLoss{
	{"SoftmaxRows", func(q, k, _ Mat, temperature float64, normalize bool) (float64, Grad) {
		return SoftmaxRows(q, k, temperature, normalize, RowOptions{})
	}, func(n, m int) int { return m }, none},
	{"SoftmaxRows with weights, smoothing and drops", func(q, k, _ Mat, temperature float64, normalize bool) (float64, Grad) {
		return SoftmaxRows(q, k, temperature, normalize, someOptions(q.Rows, false))
	}, func(n, m int) int { return m }, none},
	{"SoftmaxRows summed", func(q, k, _ Mat, temperature float64, normalize bool) (float64, Grad) {
		return SoftmaxRows(q, k, temperature, normalize, someOptions(q.Rows, true))
	}, func(n, m int) int { return m }, none},
	{"DCL", func(q, k, _ Mat, temperature float64, normalize bool) (float64, Grad) {
		return DCL(q, k, temperature, 0, normalize, false)
	}, none, none},
	{"DCL one way", func(q, k, _ Mat, temperature float64, normalize bool) (float64, Grad) {
		return DCL(q, k, temperature, 0, normalize, true)
	}, func(n, m int) int { return m }, none},
	{"SigLIP", func(q, k, _ Mat, temperature float64, normalize bool) (float64, Grad) {
		return SigLIP(q, k, temperature, -1.5, normalize)
	}, func(n, m int) int { return m }, none},
}

// TestSoftmaxGradients compares every gradient of every loss of the family with
// central differences, 200 random shapes and temperatures a loss and option.
func TestSoftmaxGradients(t *testing.T) {
	r := check.NewRand(3)
	for _, loss := range slices.Concat(softmaxLosses, otherSoftmaxLosses) {
		for _, normalize := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/normalize=%v", loss.name, normalize), func(t *testing.T) {
				for i := range 200 {
					n, m, d := 1+r.IntN(4), r.IntN(4), 1+r.IntN(5)
					q := normals(r, n, d)
					k := normals(r, n+loss.extra(n, m), d)
					neg := normals(r, loss.neg(n, m), d)
					temperature := []float64{math.Exp(2*r.Float64()*math.Log(4) - math.Log(4))} // 1/4 to 4
					f := func() float64 {
						value, _ := loss.f(q, k, neg, temperature[0], normalize)
						return value
					}
					_, g := loss.f(q, k, neg, temperature[0], normalize)
					name := fmt.Sprintf("configuration %d, n=%d m=%d d=%d τ=%.3f: ", i, n, m, d, temperature[0])
					check.Gradient(t, name+"q", f, q.Data, g.DQ.Data)
					check.Gradient(t, name+"k", f, k.Data, g.DK.Data)
					check.Gradient(t, name+"negatives", f, neg.Data, g.DNeg.Data)
					check.Gradient(t, name+"temperature", f, temperature, []float64{g.DTemperature})
				}
			})
		}
	}
}

// checkLabelled compares the gradient of a loss of rows with labels with central
// differences, 100 random shapes. f returns false where the loss is not smooth
// around x; less than half of the configurations may be so.
func checkLabelled(t *testing.T, seed uint64, f func(x Mat, labels []int) (value float64, dx Mat, smooth bool)) {
	t.Helper()
	const configurations = 100
	r := check.NewRand(seed)
	checked := 0
	for i := range configurations {
		x := normals(r, 1+r.IntN(8), 2+r.IntN(5))
		labels := make([]int, x.Rows)
		for j := range labels {
			labels[j] = r.IntN(3)
		}
		_, dx, smooth := f(x, labels)
		if !smooth {
			continue
		}
		checked++
		value := func() float64 {
			value, _, _ := f(x, labels)
			return value
		}
		check.Gradient(t, fmt.Sprintf("configuration %d, %d×%d, labels %v", i, x.Rows, x.Cols, labels), value, x.Data, dx.Data)
	}
	if checked < configurations/2 {
		t.Errorf("only %d of %d configurations were smooth", checked, configurations)
	}
}

// Near its kinks a hinge has no central difference; kinkDistance is what such
// configurations lack, far above the step of 1e-6.
const kinkDistance = 1e-3

// smooth reports whether the loss of the triplets is smooth around them.
func smooth(a, p, n Mat, o TripletOptions) bool {
	for i := range a.Rows {
		dap := distance(a.Row(i), p.Row(i), o.Squared)
		dan := distance(a.Row(i), n.Row(i), o.Squared)
		dpn := distance(p.Row(i), n.Row(i), o.Squared)
		if o.Swap && math.Abs(dan-dpn) < kinkDistance {
			return false
		}
		if o.Swap {
			dan = min(dan, dpn)
		}
		if min(dap, dan) < 0.1 || !o.Soft && math.Abs(dap-dan+o.Margin) < kinkDistance {
			return false
		}
	}
	return true
}

func tripletOptions() []TripletOptions {
	var all []TripletOptions
	for _, margin := range []float64{0, 0.2, 1} {
		for bits := range 8 {
			all = append(all, TripletOptions{Margin: margin, Squared: bits&1 != 0, Swap: bits&2 != 0, Soft: bits&4 != 0})
		}
	}
	return all
}

func TestTripletGradients(t *testing.T) {
	r := check.NewRand(4)
	for _, o := range tripletOptions() {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			checked := 0
			for i := range 100 {
				n, d := 1+r.IntN(4), 1+r.IntN(6)
				x := [3]Mat{normals(r, n, d), normals(r, n, d), normals(r, n, d)}
				if !smooth(x[0], x[1], x[2], o) {
					continue
				}
				checked++
				f := func() float64 {
					value, _ := Triplet(x[0], x[1], x[2], o)
					return value
				}
				_, g := Triplet(x[0], x[1], x[2], o)
				for j, grad := range []Mat{g.DQ, g.DK, g.DNeg} {
					check.Gradient(t, fmt.Sprintf("configuration %d, input %d", i, j), f, x[j].Data, grad.Data)
				}
			}
			if checked < 50 {
				t.Errorf("only %d of 100 configurations were smooth", checked)
			}
		})
	}
}

func TestBatchHardGradients(t *testing.T) {
	r := check.NewRand(5)
	for _, o := range tripletOptions() {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			checked := 0
			for i := range 100 {
				x := normals(r, 1+r.IntN(8), 2+r.IntN(5))
				labels := make([]int, x.Rows)
				for j := range labels {
					labels[j] = r.IntN(3)
				}
				a, p, n := HardTriplets(x, labels)
				if !clearlyHard(x, labels, a, p, n) || !smooth(gather(x, a), gather(x, p), gather(x, n), o) {
					continue
				}
				checked++
				f := func() float64 {
					value, _ := BatchHard(x, labels, o)
					return value
				}
				_, g := BatchHard(x, labels, o)
				check.Gradient(t, fmt.Sprintf("configuration %d", i), f, x.Data, g.DQ.Data)
			}
			if checked < 50 {
				t.Errorf("only %d of 100 configurations were smooth", checked)
			}
		})
	}
}

// clearlyHard reports whether no other row comes near in hardness to those chosen.
func clearlyHard(x Mat, labels, a, p, n []int) bool {
	for i := range a {
		dp := SquaredDistance(x.Row(a[i]), x.Row(p[i]))
		dn := SquaredDistance(x.Row(a[i]), x.Row(n[i]))
		for j := range x.Rows {
			d := SquaredDistance(x.Row(a[i]), x.Row(j))
			positive := labels[j] == labels[a[i]]
			if positive && j != p[i] && d > dp-kinkDistance || !positive && j != n[i] && d < dn+kinkDistance {
				return false
			}
		}
	}
	return true
}
