package eval

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// classesOf returns n numbers of classes.
func classesOf(r *check.Rand, n, classes int) []int {
	l := make([]int, n)
	for i := range l {
		l[i] = r.IntN(classes)
	}
	return l
}

// blobs returns rows about a random centre for each class, and their labels, which are in no order.
func blobs(r *check.Rand, n, d, classes int, noise float32) (simd.Matrix, []int) {
	centres := random(r, classes, d)
	x, labels := random(r, n, d), classesOf(r, n, classes)
	for i := range n {
		simd.Scale(x.Row(i), noise, x.Row(i))
		simd.Axpy(x.Row(i), 1, centres.Row(labels[i]))
	}
	return x, labels
}

// naiveObjective is what a probe minimises, by its definition in float64. w holds a row of d
// weights and a bias for each class.
func naiveObjective(x [][]float64, class []int, w []float64, l2 float64) (loss float64, gradient []float64) {
	d, n := len(x[0]), float64(len(x))
	classes := len(w) / (d + 1)
	gradient = make([]float64, len(w))
	for i, row := range x {
		scores := make([]float64, classes)
		most := math.Inf(-1)
		for c := range scores {
			scores[c] = w[c*(d+1)+d]
			for j, v := range row {
				scores[c] += w[c*(d+1)+j] * v
			}
			most = max(most, scores[c])
		}
		var sum float64
		for _, s := range scores {
			sum += math.Exp(s - most)
		}
		loss += (most + math.Log(sum) - scores[class[i]]) / n
		for c, s := range scores {
			g := math.Exp(s-most) / sum
			if c == class[i] {
				g--
			}
			for j, v := range row {
				gradient[c*(d+1)+j] += g * v / n
			}
			gradient[c*(d+1)+d] += g / n
		}
	}
	for i, v := range w {
		if (i+1)%(d+1) > 0 {
			loss += l2 / 2 * v * v
			gradient[i] += l2 * v
		}
	}
	return loss, gradient
}

// naiveStandard returns the columns of x at mean 0 and deviation 1.
func naiveStandard(x simd.Matrix) [][]float64 {
	z := make([][]float64, x.Rows)
	for i := range z {
		z[i] = make([]float64, x.Cols)
	}
	for j := range x.Cols {
		var mean, squares float64
		for i := range x.Rows {
			mean += float64(x.Row(i)[j]) / float64(x.Rows)
		}
		for i := range x.Rows {
			squares += (float64(x.Row(i)[j]) - mean) * (float64(x.Row(i)[j]) - mean) / float64(x.Rows)
		}
		for i := range x.Rows {
			z[i][j] = (float64(x.Row(i)[j]) - mean) / math.Sqrt(squares)
		}
	}
	return z
}

func fit(t *testing.T, p Probe, x simd.Matrix, labels []int) *LinearClassifier {
	t.Helper()
	c, err := p.Fit(x, labels)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Gradient descent in float64 shares nothing with the probe but the definition. The objective is
// L2-strongly convex, so a gradient g lies within |g|/L2 of the minimum: 10⁻⁵·√15/0.05 for the
// probe.
func TestProbeAgreesWithGradientDescent(t *testing.T) {
	r := check.NewRand(1)
	const classes, d, l2 = 3, 4, 0.05
	x, labels := blobs(r, 90, d, classes, 1.5)
	c := fit(t, Probe{L2: l2}, x, labels)
	z := naiveStandard(x)
	w := make([]float64, classes*(d+1))
	var loss float64
	for range 6000 {
		var g []float64
		loss, g = naiveObjective(z, labels, w, l2)
		for i := range w {
			w[i] -= 0.25 * g[i]
		}
	}
	if !c.Converged || c.Gradient > 1e-5 {
		t.Errorf("not converged: %d steps, gradient %v", c.Steps, c.Gradient)
	}
	if math.Abs(c.Loss-loss) > 1e-6 {
		t.Errorf("loss %v, want %v", c.Loss, loss)
	}
	for i, v := range c.weights.Data {
		if math.Abs(float64(v)-w[i]) > 1e-5*math.Sqrt(15)/l2 {
			t.Errorf("weight %d is %v, want %v", i, v, w[i])
		}
	}
}

func TestProbeGradient(t *testing.T) {
	r := check.NewRand(2)
	// 9,000 rows are 18 blocks, more than are in flight at once.
	for _, c := range []struct{ n, d, classes int }{{1, 1, 1}, {5, 3, 2}, {513, 7, 10}, {9000, 2, 3}} {
		x, labels := blobs(r, c.n, c.d, c.classes, 1)
		task := probeLoss{x: simd.NewMatrix(c.n, c.d+1), class: labels, l2: 0.3, workers: 2}
		rows := make([][]float64, c.n)
		for i := range rows {
			standardize(task.x.Row(i), x.Row(i), slices.Repeat([]standard{{0, 1}}, c.d))
			for _, v := range x.Row(i) {
				rows[i] = append(rows[i], float64(v))
			}
		}
		task.start(simd.NewMatrix(c.classes, c.d+1))
		w, got := make([]float64, c.classes*(c.d+1)), make([]float64, c.classes*(c.d+1))
		for i, v := range r.Normals32(len(w)) {
			w[i] = float64(v)
		}
		loss := task.evaluate(got, w)
		wantLoss, want := naiveObjective(rows, labels, w, 0.3)
		if !(math.Abs(loss-wantLoss) <= 1e-5*wantLoss) {
			t.Errorf("%+v: loss %v, want %v", c, loss, wantLoss)
		}
		for i := range got {
			if !(math.Abs(got[i]-want[i]) <= 1e-5) {
				t.Errorf("%+v: gradient %d is %v, want %v", c, i, got[i], want[i])
			}
		}
		if c.n <= 5 {
			check.Gradient(t, fmt.Sprint(c), func() float64 { loss, _ := naiveObjective(rows, labels, w, 0.3); return loss }, w, want)
		}
	}
}

// Two points at ±1 have, by symmetry, weights ∓w and ±w with L2·w = 1/(1 + e^2w), which w = 1
// solves for this L2.
func TestProbeOfTwoPoints(t *testing.T) {
	x := simd.Matrix{Rows: 2, Cols: 1, Stride: 1, Data: []float32{-1, 1}}
	l2 := 1 / (1 + math.Exp(2))
	c := fit(t, Probe{L2: float32(l2)}, x, []int{4, -7})
	if !slices.Equal(c.Classes, []int{-7, 4}) {
		t.Fatalf("classes %v, want -7 and 4", c.Classes)
	}
	for i, want := range []float64{1, 0, -1, 0} {
		if math.Abs(float64(c.weights.Data[i])-want) > 1e-4 {
			t.Errorf("weights and biases %v, want 1, 0 and -1, 0", c.weights.Data)
			break
		}
	}
	if want := math.Log1p(math.Exp(-2)) + l2; math.Abs(c.Loss-want) > 1e-6 {
		t.Errorf("loss %v, want %v", c.Loss, want)
	}
}

// Where columns say nothing, the biases are the logarithms of the shares, and the loss is their
// entropy.
func TestProbeWithoutInformation(t *testing.T) {
	x, labels := simd.NewMatrix(1000, 3), make([]int, 1000)
	for i := range labels {
		// 0.1 has no exact sum: a column of it must count as constant all the same.
		copy(x.Row(i), []float32{0, 0.1, 1e30})
		if i%10 > 6 {
			labels[i] = 5
		}
	}
	c := fit(t, Probe{}, x, labels)
	if want := -0.7*math.Log(0.7) - 0.3*math.Log(0.3); math.Abs(c.Loss-want) > 1e-6 {
		t.Errorf("loss %v, want the entropy %v", c.Loss, want)
	}
	if got := float64(c.weights.Row(0)[3] - c.weights.Row(1)[3]); math.Abs(got-math.Log(0.7/0.3)) > 1e-4 {
		t.Errorf("biases differ by %v, want %v", got, math.Log(0.7/0.3))
	}
	if got, err := c.Accuracy(x, labels, 0); got != 0.7 || err != nil {
		t.Errorf("accuracy %v, %v, want 0.7, that of the larger class", got, err)
	}
}

// Among 64 columns of noise 2 tell five classes apart, by planes that nearest neighbours can not
// see.
func TestProbeFindsThePlanes(t *testing.T) {
	r := check.NewRand(3)
	drawn := func(n int) (simd.Matrix, []int) {
		x, labels := random(r, n, 64), classesOf(r, n, 5)
		for i, label := range labels {
			angle := 2 * math.Pi * float64(label) / 5
			x.Row(i)[7] = float32(10*math.Cos(angle)) + x.Row(i)[7]
			x.Row(i)[9] = 1000 + float32(10*math.Sin(angle)) + x.Row(i)[9]
			simd.Scale(x.Row(i)[20:], 100, x.Row(i)[20:])
			labels[i] = 100 * label
		}
		return x, labels
	}
	x, labels := drawn(2000)
	test, testLabels := drawn(500)
	c := fit(t, Probe{}, x, labels)
	got, err := c.Accuracy(test, testLabels, 0)
	if err != nil || got < 0.99 {
		t.Errorf("accuracy %v, %v, want 0.99 or more", got, err)
	}
	if knn := KNN(Neighbors(test, x, 5, 0), 5, labels, testLabels); knn > 0.5 {
		t.Errorf("nearest neighbours have %v: the test is too easy", knn)
	}
	// Labels that rows say nothing of can not be told.
	noise := classesOf(r, 2000, 5)
	if got, _ := fit(t, Probe{}, x, noise).Accuracy(test, classesOf(r, 500, 5), 0); got > 0.3 {
		t.Errorf("accuracy of random labels %v, want about 0.2", got)
	}
}

func TestProbeBits(t *testing.T) {
	r := check.NewRand(4)
	x, labels := blobs(r, 1200, 19, 11, 3)
	want := fit(t, Probe{Workers: 1, Steps: 30}, x, labels)
	predicted, err := want.Predict(x, 1)
	if err != nil {
		t.Fatal(err)
	}
	check.EachLevel(t, func(t *testing.T) {
		for _, workers := range []int{1, 2, 7} {
			got := fit(t, Probe{Workers: workers, Steps: 30}, x, labels)
			check.SameBits(t, fmt.Sprintf("weights of %d workers", workers), got.weights.Data, want.weights.Data)
			if got.Loss != want.Loss || got.Gradient != want.Gradient || got.Steps != want.Steps {
				t.Errorf("%d workers: %v, want %v", workers, got, want)
			}
			if p, err := got.Predict(x, workers); err != nil || !slices.Equal(p, predicted) {
				t.Errorf("%d workers predict otherwise, or %v", workers, err)
			}
		}
	})
}

// Powers of two and the place of the columns in memory change no bit; nor does what labels are
// called, in the same order.
func TestProbeDoesNotSeeUnits(t *testing.T) {
	r := check.NewRand(5)
	x, labels := blobs(r, 300, 6, 4, 2)
	want := fit(t, Probe{}, x, labels)
	wide := simd.Matrix{Rows: 300, Cols: 6, Stride: 9, Data: make([]float32, 300*9)}
	other := make([]int, 300)
	for i := range 300 {
		for j, v := range x.Row(i) {
			wide.Row(i)[j] = float32(math.Ldexp(float64(v), 30*(j-3)))
		}
		other[i] = []int{math.MinInt, -1, 0, math.MaxInt}[labels[i]]
	}
	got := fit(t, Probe{}, wide, other)
	check.SameBits(t, "weights", got.weights.Data, want.weights.Data)
	p, err := got.Predict(wide, 0)
	if err != nil {
		t.Fatal(err)
	}
	q, _ := want.Predict(x, 0)
	for i := range p {
		if p[i] != other[slices.Index(labels, q[i])] {
			t.Fatalf("row %d is of class %d, in other units of %d", i, q[i], p[i])
		}
	}
}

func TestProbeAtTheEdge(t *testing.T) {
	x := simd.Matrix{Rows: 3, Cols: 1, Stride: 1, Data: []float32{0, 0, 0}}
	c := fit(t, Probe{}, x, []int{9, 9, 9})
	if got, err := c.Accuracy(x, []int{9, 8, 9}, 0); got != 2.0/3 || err != nil || c.Loss != 0 || !c.Converged || c.Steps != 0 {
		t.Errorf("one class: accuracy %v, %v, %+v", got, err, c)
	}
	// The same row with two labels: a tie, which the lower class wins.
	c = fit(t, Probe{}, x.Slice(0, 2), []int{3, 2})
	if got, err := c.Predict(x, 0); !slices.Equal(got, []int{2, 2, 2}) || err != nil || math.Abs(c.Loss-math.Ln2) > 1e-7 {
		t.Errorf("duplicates of two classes: %v, %v, loss %v", got, err, c.Loss)
	}
	c = fit(t, Probe{}, simd.NewMatrix(4, 0), []int{1, 1, 1, 2})
	if got, err := c.Predict(simd.NewMatrix(2, 0), 0); !slices.Equal(got, []int{1, 1}) || err != nil {
		t.Errorf("no columns: %v, %v", got, err)
	}
	// Numbers near the largest: 2^127 and its negative are 254 doublings from what is lost in
	// rounding, and finite all the way.
	huge := simd.Matrix{Rows: 4, Cols: 1, Stride: 1, Data: []float32{-0x1p127, -0x1p127, 0x1p127, 0x1p127}}
	c = fit(t, Probe{}, huge, []int{1, 1, 2, 2})
	if got, err := c.Accuracy(huge, []int{1, 1, 2, 2}, 0); got != 1 || err != nil {
		t.Errorf("huge: %v, %v", got, err)
	}
	// Learnt from tiny ones, they are far outside.
	c = fit(t, Probe{}, simd.Matrix{Rows: 2, Cols: 1, Stride: 1, Data: []float32{-0x1p-140, 0x1p-140}}, []int{1, 2})
	if got, err := c.Accuracy(huge, []int{1, 1, 2, 2}, 0); got != 1 || err != nil {
		t.Errorf("huge after tiny: %v, %v", got, err)
	}
	if got, err := c.Accuracy(simd.NewMatrix(0, 1), nil, 0); got != 0 || err != nil {
		t.Errorf("no rows: %v, %v", got, err)
	}
	// A limit of steps is kept and told.
	x, labels := blobs(check.NewRand(6), 200, 5, 3, 1)
	if c := fit(t, Probe{Steps: 2}, x, labels); c.Steps != 2 || c.Converged || !(c.Gradient > 1e-5) {
		t.Errorf("two steps: %+v", c)
	}
}

func TestProbeErrors(t *testing.T) {
	nan := simd.NewMatrix(3, 2)
	nan.Row(1)[1] = float32(math.NaN())
	inf := simd.NewMatrix(3, 2)
	inf.Row(2)[0] = float32(math.Inf(-1))
	good, labels := simd.NewMatrix(3, 2), []int{1, 2, 3}
	for _, c := range []struct {
		p      Probe
		x      simd.Matrix
		labels []int
		want   string
	}{
		{Probe{}, simd.NewMatrix(0, 2), nil, "eval.Probe: got no rows, want at least one"},
		{Probe{}, nan, labels, "eval.Probe: row 1, column 1 is NaN, want a finite number"},
		{Probe{}, inf, labels, "eval.Probe: row 2, column 0 is -Inf, want a finite number"},
		{Probe{L2: -1}, good, labels, "eval.Probe: L2 is -1, want a finite number of at least 0"},
		{Probe{L2: float32(math.NaN())}, good, labels, "eval.Probe: L2 is NaN, want a finite number of at least 0"},
		{Probe{Steps: -1}, good, labels, "eval.Probe: Steps is -1, want at least 0"},
	} {
		if _, err := c.p.Fit(c.x, c.labels); err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	c := fit(t, Probe{}, good, labels)
	if _, err := c.Predict(nan, 0); err == nil || err.Error() != "eval.LinearClassifier: row 1, column 1 is NaN, want a finite number" {
		t.Errorf("error %v", err)
	}
	if _, err := c.Accuracy(nan, labels, 0); err == nil {
		t.Error("accuracy of rows that are not finite: no error")
	}
	for want, f := range map[string]func(){
		"eval.Probe: labels is of length 2, want of length 3":            func() { Probe{}.Fit(good, labels[:2]) },
		"eval.LinearClassifier: labels is of length 2, want of length 3": func() { c.Accuracy(good, labels[:2], 0) },
		"eval.LinearClassifier: x is 3×5, want n×2":                      func() { c.Predict(simd.NewMatrix(3, 5), 0) },
	} {
		if got := panicOf(f); got != want {
			t.Errorf("panic %q, want %q", got, want)
		}
	}
}

func BenchmarkProbe(b *testing.B) {
	for _, classes := range []int{10, 100} {
		r := check.NewRand(7)
		x, labels := blobs(r, 8000, 128, classes, 6)
		b.Run(fmt.Sprintf("n=8000/d=128/classes=%d", classes), func(b *testing.B) {
			for b.Loop() {
				c, err := Probe{}.Fit(x, labels)
				if err != nil || !(c.Loss < math.Log(float64(classes))) {
					b.Fatalf("%+v, %v", c, err)
				}
				b.ReportMetric(float64(c.Steps), "steps")
			}
		})
	}
}
