package infonce_test

import (
	"fmt"
	"math"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
)

// TestContrast compares loss and probabilities with float64, for logits whose differences float32
// holds.
func TestContrast(t *testing.T) {
	inf := math.Inf(-1)
	for _, c := range []struct {
		pos float64
		neg []float64
	}{
		{0, nil},
		{3, []float64{inf}},
		{0, []float64{0}},
		{0, []float64{0, 0, 0}},
		{-5, []float64{-5, inf, -5}},
		{0, []float64{-27.5}},           // loss 1e-12
		{0, []float64{-80}},             // 1e-35
		{20, []float64{-0.0390625, 0}},  // 1 + the sum is 1 in float32
		{-100, []float64{100, 50}},      // far beyond what 1/float32 holds
		{-8192, []float64{8192, -8192}}, // logits of similarities at temperature 2^-13
		{8192, []float64{-8192}},
		{1e6, []float64{1e6 - 1, 1e6 + 1}},
		{1, []float64{1.5, 0.5, -3, 0.25, 1.25, 1, 2, -40, inf, 0.75, 1.75, -1, -2, 0, 0.125, 1.5, 1.5, 3}},
	} {
		check.EachLevel(t, func(t *testing.T) {
			name := fmt.Sprintf("positive %v, negatives %v", c.pos, c.neg)
			z := make([]float32, len(c.neg))
			top := c.pos
			for j, v := range c.neg {
				z[j] = float32(v)
				top = max(top, v)
			}
			others := 0.0 // relative to the positive, where that does not overflow
			sum := 0.0
			for _, v := range c.neg {
				others += math.Exp(v - c.pos)
				sum += math.Exp(v - top)
			}
			want := math.Log1p(others)
			if math.IsInf(others, 0) {
				want = math.Log(sum+math.Exp(c.pos-top)) + top - c.pos
			}
			loss, neg, s := Contrast(z, float32(c.pos))
			// The exponentials err by 1.1 ulp, their sum by one an addition; below the normal
			// float32 nothing is relative.
			if !(math.Abs(loss-want) <= 6*ulp*want+0x1p-126) {
				t.Errorf("%s: loss %v, want %v", name, loss, want)
			}
			total := sum + math.Exp(c.pos-top)
			for j, v := range c.neg {
				if p := math.Exp(v-top) / total; !(math.Abs(float64(z[j])/float64(s)-p) <= 8*ulp*p+0x1p-126) {
					t.Errorf("%s: probability %d is %v, want %v", name, j, z[j]/s, p)
				}
			}
			if p := sum / total; !(math.Abs(float64(neg)/float64(s)-p) <= 8*ulp*p+0x1p-126) {
				t.Errorf("%s: the negatives have %v, want %v", name, neg/s, p)
			}
		})
	}
}

// TestCommonShift: the two-sided losses are right on both sides of the bound up to which all
// rows and columns share a shift, also where every similarity is −1 and e^(z−β) is least.
func TestCommonShift(t *testing.T) {
	for _, c := range []struct {
		beta   float32
		cosine bool
		ok     bool
	}{{39.9, true, true}, {40, true, true}, {40.1, true, false}, {1, false, false}} {
		if shift, ok := CommonShift(c.beta, c.cosine); ok != c.ok || shift != c.beta {
			t.Errorf("commonShift(%v, %v) = %v, %v", c.beta, c.cosine, shift, ok)
		}
	}
	// The least exponential is a normal number, and the inverse of the least sum is finite.
	if e := math.Exp(-2 * 40.0); e < 0x1p-126 || 1/e > math.MaxFloat32 {
		t.Errorf("e^(−80) = %v", e)
	}
	r := check.NewRand(31)
	opposite := func(b Batch) {
		for i := range b.K.Rows {
			for j := range b.K.Row(i) {
				b.Q.Row(i)[j] = b.Q.Row(0)[j]
				b.K.Row(i)[j] = -b.Q.Row(0)[j]
			}
		}
	}
	var trials []trial
	for _, beta := range []float32{39.9, 40.1} {
		for _, v := range softmaxVariants(1/beta, false) {
			if !v.twoSided() {
				continue
			}
			for _, spread := range []float32{0, 0.2, 1, -1} {
				b := v.batch(r, 53, 24, 0, spread)
				if spread < 0 {
					opposite(b)
				}
				c := trial{variant: v, name: fmt.Sprintf("%s β=%v spread=%v", v.Name, beta, spread), b: b, want: v.ask(b), base: gradFor(b), scale: 1}
				c.tol = v.derived(b, c.want)
				if spread == 0 {
					c.tol = v.published(b, c.want)
				}
				trials = append(trials, c)
			}
		}
	}
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range trials {
			c.run(t, c.New(1))
		}
	})
}
