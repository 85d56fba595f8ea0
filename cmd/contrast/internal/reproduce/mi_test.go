package reproduce

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/simd"
)

func TestGaussiansInformation(t *testing.T) {
	for information, rho := range map[float64]float64{2: 0.425757, 4: 0.574178, 6: 0.671706, 8: 0.742072, 10: 0.795060} {
		g := gaussiansOf(information)
		if math.Abs(g.rho-rho) > 5e-7 {
			t.Errorf("I = %v: ρ is %v, want %v", information, g.rho, rho)
		}
		if i := -gaussDim / 2 * math.Log(1-g.rho*g.rho); math.Abs(i-information) > 1e-12 {
			t.Errorf("ρ = %v has information %v, want %v", g.rho, i, information)
		}
	}
}

// The moments of pairs are those they are drawn for, within five standard errors.
func TestGaussiansMoments(t *testing.T) {
	const n = 5000
	g := gaussiansOf(6)
	x, y := simd.NewMatrix(n, gaussDim), simd.NewMatrix(n, gaussDim)
	g.draw(newRandom(1), x, y)
	var mx, my, xx, yy, xy, cross float64
	for i, v := range x.Data {
		a, b := float64(v), float64(y.Data[i])
		mx, my, xx, yy, xy = mx+a, my+b, xx+a*a, yy+b*b, xy+a*b
		cross += a * float64(y.Data[(i+1)%len(y.Data)])
	}
	const m = n * gaussDim
	for _, c := range []struct {
		name           string
		got, want, dev float64
	}{
		{"mean of x", mx / m, 0, 1},
		{"mean of y", my / m, 0, 1},
		{"variance of x", xx / m, 1, math.Sqrt2},
		{"variance of y", yy / m, 1, math.Sqrt2},
		{"correlation", xy / m, g.rho, math.Sqrt(1 + g.rho*g.rho)},
		{"correlation of different coordinates", cross / m, 0, 1},
	} {
		if math.Abs(c.got-c.want) > 5*c.dev/math.Sqrt(m) {
			t.Errorf("%s is %v, want %v", c.name, c.got, c.want)
		}
	}
}

// The dot products of the exact critic are the logarithm of the density ratio, but for a constant,
// and the estimate is that of the formula in float64.
func TestExactCriticFormula(t *testing.T) {
	const n = 40
	critic := densityRatio{gaussians: gaussiansOf(8)}
	q, k := simd.NewMatrix(n, ratioDim), simd.NewMatrix(n, ratioDim)
	critic.draw(newRandom(2), q, k)
	rho2 := critic.rho * critic.rho
	c := 1 - rho2
	ratio := func(i, j int) (z float64) { // ln p(y_j|x_i)/p(y_j)
		for d, x := range critic.x.Row(i) {
			x, y := float64(x), float64(critic.y.Row(j)[d])
			z += y*y/2 - (y-critic.rho*x)*(y-critic.rho*x)/(2*c) - math.Log(c)/2
		}
		return z
	}
	constant := ratio(0, 0) - dot(q.Row(0), k.Row(0))
	want := 0.0
	for i := range n {
		sum := 0.0
		for j := range n {
			z := ratio(i, j)
			sum += math.Exp(z - ratio(i, i))
			if got := dot(q.Row(i), k.Row(j)) + constant; math.Abs(got-z) > 1e-4 {
				t.Fatalf("pair %d, %d: ratio %v, want %v", i, j, got, z)
			}
		}
		want += math.Log(n) - math.Log(sum)
	}
	want /= n
	loss := infonce.InfoNCE{Temperature: 1, DotProduct: true}
	r, err := loss.Evaluate(infonce.Batch{Q: q, K: k}, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := math.Log(n) - r.Loss; math.Abs(got-want) > 1e-4 {
		t.Errorf("estimate is %v, want %v", got, want)
	}
}

func dot(x, y []float32) (s float64) {
	for i := range x {
		s += float64(x[i]) * float64(y[i])
	}
	return s
}

// The flagship at small sizes: all of the NumPy values, and the ceiling.
func TestExactCriticReferences(t *testing.T) {
	sizes := []batchSize{{64, 1200}, {256, 300}, {1024, 60}}
	if testing.Short() {
		sizes = []batchSize{{64, 300}, {256, 60}}
	}
	r := new(Report)
	all, err := exactCritic(context.Background(), Options{Seed: 1}, r, informations, sizes)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Holds() || len(all) != 5*len(sizes) {
		t.Errorf("%d estimates:\n%v", len(all), r)
	}
}

// An estimate that is off is found out, and one above the ceiling.
func TestVerdictsCanFail(t *testing.T) {
	f, ok := findReference(4, 256)
	if !ok {
		t.Fatal("no reference")
	}
	s := sample{n: 400, mean: f.mean + 0.005, deviation: 0.02}
	if off := f.compare(s); off > limit {
		t.Errorf("0.005 nats are off by %v, want at most %d", off, limit)
	}
	s.mean = f.mean + 0.02
	if off := f.compare(s); !(off > limit) {
		t.Errorf("0.02 nats are off by %v, want more than %d", off, limit)
	}
	e := estimate{2, 64, sample{n: 100, mean: 2.1, deviation: 0.2}}
	if above := e.above(); math.Abs(above-5) > 1e-9 {
		t.Errorf("0.1 above the ceiling with an error of 0.02 is %v errors, want 5", above)
	}
	r := new(Report)
	r.judge(true, "a")
	r.judge(false, "b")
	if r.Holds() || strings.Join(r.Failed(), "") != "b" || !strings.Contains(r.String(), "FAILS  b") {
		t.Errorf("report holds: %v", r)
	}
}

// A critic that learned stays below the exact one, and comes near it.
func TestTrainedCritic(t *testing.T) {
	s := stages{ctx: context.Background(), o: Options{Seed: 1}, size: batchSize{64, 100}, steps: 80}
	es, err := s.run([]float64{4, 8})
	if err != nil {
		t.Fatal(err)
	}
	for i, least := range []float64{0.5, 2} {
		if e := es[i]; e.mean < least || e.above() > 0 {
			t.Errorf("I = %v: estimate %v, want %v to %v", e.information, e.mean, least, e.ceiling())
		}
	}
}

// Nothing depends on the number of workers.
func TestEstimatesWorkers(t *testing.T) {
	run := func(workers int) []estimate {
		o := Options{Seed: 3, Workers: workers}
		e, err := estimateExactly(context.Background(), o, 6, batchSize{300, 3})
		if err != nil {
			t.Fatal(err)
		}
		s := stages{ctx: context.Background(), o: o, size: batchSize{100, 3}, steps: 3}
		es, err := s.run([]float64{6})
		if err != nil {
			t.Fatal(err)
		}
		return append(es, e)
	}
	want := run(1)
	for i, e := range run(3) {
		if e != want[i] {
			t.Errorf("3 workers: %+v, 1 worker: %+v", e, want[i])
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, e := range experiments {
		if r, err := e.Run(ctx, Options{Quick: true}); !errors.Is(err, context.Canceled) || r != nil {
			t.Errorf("%s: %v, %v, want an error that wraps context.Canceled", e.Name, r, err)
		}
	}
}
