package reproduce

import (
	"context"
	"fmt"
	"math"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

var mutualInformation = Experiment{
	Name:   "mi",
	Title:  "InfoNCE as a bound of mutual information, correlated Gaussians in 20 dimensions",
	Source: "van den Oord et al. 2018, section 2.3; Poole et al. 2019, figure 2",
	Claim:  "log N − InfoNCE estimates the mutual information I from below and never exceeds min(I, log N): it is nearly exact where I is far below log N, and saturates beyond.",
	run:    runMutualInformation,
}

// gaussDim is the dimension of x and y (Poole et al. 2019, section 3).
const gaussDim = 20

// gaussians are pairs of vectors of [gaussDim] standard normal numbers each. The correlation of x_j
// and y_j is ρ, and everything else is independent.
type gaussians struct {
	rho, rest float64 // rest is √(1−ρ²)
}

// gaussiansOf returns the pairs whose mutual information is I = −(d/2)·ln(1−ρ²) nats.
func gaussiansOf(information float64) gaussians {
	rest := scalar.Exp64(-2 * information / gaussDim)
	return gaussians{math.Sqrt(1 - rest), math.Sqrt(rest)}
}

// draw fills the rows of x and y with pairs.
func (g gaussians) draw(r *random, x, y simd.Matrix) {
	for i := range x.Rows {
		xi, yi := x.Row(i), y.Row(i)
		for j := range xi {
			u, v := r.normal(), r.normal()
			xi[j] = float32(u)
			yi[j] = float32(float64(g.rho*u) + float64(g.rest*v))
		}
	}
}

// A densityRatio writes ln p(x,y)/(p(x)·p(y)), the best critic, but for a constant, as a dot
// product:
//
//	q = (ρx/c, 1, −ρ²|x|²/(2c)),  k = (y, −ρ²|y|²/(2c), 1),  c = 1 − ρ²
type densityRatio struct {
	gaussians
	x, y simd.Matrix
}

// ratioDim is the width of q and k.
const ratioDim = gaussDim + 2

// draw fills the rows of q and k with pairs, as the critic sees them.
func (d *densityRatio) draw(r *random, q, k simd.Matrix) {
	d.x, d.y = d.x.Reshape(q.Rows, gaussDim), d.y.Reshape(q.Rows, gaussDim)
	d.gaussians.draw(r, d.x, d.y)
	c := float64(d.rest * d.rest)
	half := float64(d.rho*d.rho) / (2 * c)
	for i := range q.Rows {
		x, y, qi, ki := d.x.Row(i), d.y.Row(i), q.Row(i), k.Row(i)
		simd.Scale(qi[:gaussDim], float32(d.rho/c), x)
		copy(ki, y)
		qi[gaussDim], ki[gaussDim] = 1, float32(-half*float64(simd.Dot(y, y)))
		qi[gaussDim+1], ki[gaussDim+1] = float32(-half*float64(simd.Dot(x, x))), 1
	}
}

// A reference is log N − InfoNCE with the density ratio as critic, computed by a NumPy program that
// shares nothing with this one.
type reference struct {
	information float64
	n           int
	mean        float64
	err         float64 // standard error; 0 where it is not known, for it was one batch
	unit        float64 // of the last digit that was noted
}

var references = []reference{
	{2, 64, 1.811, 0.003, 0.001}, {2, 256, 1.934, 0.004, 0.001}, {2, 1024, 1.980, 0.006, 0.001}, {2, 4096, 1.979, 0.013, 0.001},
	{4, 64, 3.066, 0.003, 0.001}, {4, 256, 3.547, 0.004, 0.001}, {4, 1024, 3.799, 0.006, 0.001}, {4, 4096, 3.919, 0.015, 0.001},
	{4, 16384, 3.98, 0.01, 0.01}, {4, 65536, 3.99, 0, 0.01},
	{6, 64, 3.737, 0.002, 0.001}, {6, 256, 4.608, 0.003, 0.001}, {6, 1024, 5.229, 0.006, 0.001}, {6, 4096, 5.594, 0.011, 0.001},
	{8, 64, 4.022, 0.001, 0.001}, {8, 256, 5.185, 0.002, 0.001}, {8, 1024, 6.156, 0.004, 0.001}, {8, 4096, 6.880, 0.005, 0.001},
	{8, 16384, 7.38, 0.01, 0.01}, {8, 65536, 7.68, 0, 0.01},
	{10, 64, 4.122, 0.001, 0.001}, {10, 256, 5.431, 0.001, 0.001}, {10, 1024, 6.637, 0.003, 0.001}, {10, 4096, 7.684, 0.006, 0.001},
	{10, 16384, 8.507, 0.008, 0.001}, {10, 65536, 9.11, 0, 0.01},
}

// compare returns the difference of a measurement from the reference, in standard errors of that
// difference.
func (f reference) compare(s sample) float64 {
	err := f.err
	if err == 0 {
		err = s.deviation
	}
	rounding := f.unit / math.Sqrt(12)
	return (s.mean - f.mean) / hypot(s.err(), hypot(err, rounding))
}

func findReference(information float64, n int) (reference, bool) {
	for _, f := range references {
		if f.information == information && f.n == n {
			return f, true
		}
	}
	return reference{}, false
}

// limit is the most standard errors by which a mean may be off.
const limit = 3

// A batchSize is a number of pairs, and how many batches of it are drawn.
type batchSize struct{ n, batches int }

// exactSizes returns the batch sizes of the exact critic. The small ones are cheap, so enough
// batches are drawn for errors like those of the references.
func exactSizes(o Options) []batchSize {
	s := []batchSize{{64, 1000}, {256, 400}, {1024, 100}, {4096, 20}}
	if !o.Quick {
		s = []batchSize{{64, 4000}, {256, 1500}, {1024, 300}, {4096, 60}, {16384, 12}, {65536, 4}}
	}
	if o.Large {
		s[5].batches = 8
		s = append(s, batchSize{262144, 2})
	}
	return s
}

var informations = []float64{2, 4, 6, 8, 10}

func runMutualInformation(ctx context.Context, o Options, r *Report) error {
	exact, err := exactCritic(ctx, o, r, informations, exactSizes(o))
	if err != nil {
		return err
	}
	trained, err := trainedCritic(ctx, o, r, informations, trainedSizes(o), exact)
	if err != nil {
		return err
	}
	r.panels = []panel{informationPanel("exact critic", exact), informationPanel("trained critics", trained)}
	return nil
}

// An estimate is a measurement of log N − InfoNCE.
type estimate struct {
	information float64
	n           int
	sample
}

// ceiling returns min(I, ln N).
func (e estimate) ceiling() float64 { return min(e.information, scalar.Log64(float64(e.n))) }

// above returns by how many standard errors the estimate exceeds the ceiling.
func (e estimate) above() float64 { return (e.mean - e.ceiling()) / e.err() }

// exactCritic estimates with the density ratio.
func exactCritic(ctx context.Context, o Options, r *Report, informations []float64, sizes []batchSize) ([]estimate, error) {
	table := Table{
		Title:   "Exact critic (22 columns, dot product, temperature 1): log N − InfoNCE in nats, and an implementation in NumPy",
		Columns: []string{"I", "N", "batches", "estimate", "s.e.", "NumPy", "s.e.", "off by s.e.", "min(I, log N)"},
	}
	var all []estimate
	compared, worst, highest := 0, 0.0, math.Inf(-1)
	for _, s := range sizes {
		for _, information := range informations {
			e, err := estimateExactly(ctx, o, information, s)
			if err != nil {
				return nil, err
			}
			all = append(all, e)
			reference, known := findReference(information, s.n)
			cells := []Cell{short(information, 3), count(s.n), count(s.batches), num(e.mean, 4), num(e.err(), 4)}
			if known {
				off := reference.compare(e.sample)
				compared++
				worst = max(worst, math.Abs(off))
				published := Cell{}
				if reference.err > 0 {
					published = num(reference.err, 3)
				}
				cells = append(cells, num(reference.mean, 3), published, num(off, 1))
			} else {
				cells = append(cells, Cell{}, Cell{}, Cell{})
			}
			highest = max(highest, e.above())
			table.add(append(cells, num(e.ceiling(), 4))...)
		}
		o.progress("exact critic, N = %s: done", thousands(s.n))
	}
	r.Tables = append(r.Tables, table)
	r.judge(worst <= limit, "exact critic: %d estimates are within %d standard errors of those by NumPy, the farthest off by %.1f", compared, limit, worst)
	r.judge(highest <= limit, "exact critic: no estimate exceeds min(I, log N) by more than %d standard errors, the highest is at %.1f of them", limit, highest)
	last := sizes[len(sizes)-1].n
	r.note("the exact critic goes to N = %s%s", thousands(last), leftOut(o))
	return all, nil
}

// leftOut says what a smaller run leaves out.
func leftOut(o Options) string {
	switch {
	case o.Quick:
		return "; without --quick it goes to 65,536, with --large to 262,144"
	case o.Large:
		return ""
	}
	return "; --large goes to 262,144, which takes some minutes more"
}

// estimateExactly evaluates InfoNCE on freshly drawn batches.
func estimateExactly(ctx context.Context, o Options, information float64, s batchSize) (estimate, error) {
	critic := densityRatio{gaussians: gaussiansOf(information)}
	q, k := simd.NewMatrix(s.n, ratioDim), simd.NewMatrix(s.n, ratioDim)
	loss := infonce.InfoNCE{Temperature: 1, DotProduct: true, Workers: o.Workers}
	values := make([]float64, s.batches)
	for i := range values {
		if err := ctx.Err(); err != nil {
			return estimate{}, err
		}
		critic.draw(newRandom(o.Seed, math.Float64bits(information), uint64(s.n), uint64(i)), q, k)
		result, err := loss.Evaluate(infonce.Batch{Q: q, K: k}, nil, 1)
		if err != nil {
			return estimate{}, err
		}
		values[i] = scalar.Log64(float64(s.n)) - result.Loss
	}
	return estimate{information, s.n, sampleOf(values)}, nil
}

// informationPanel draws estimates against N.
func informationPanel(title string, estimates []estimate) panel {
	p := panel{title: title, x: "N, pairs in a batch", y: "log N − InfoNCE, nats", logX: true, top: 11}
	var ceiling []point
	for i, e := range estimates {
		if i == 0 || e.n != estimates[i-1].n {
			ceiling = append(ceiling, point{x: float64(e.n), y: scalar.Log64(float64(e.n))})
		}
	}
	p.curves = append(p.curves, curve{name: "log N", points: ceiling, dashed: true})
	for _, information := range informations {
		var c curve
		for _, e := range estimates {
			if e.information == information {
				c.points = append(c.points, point{float64(e.n), e.mean})
			}
		}
		if c.points != nil {
			c.name = fmt.Sprintf("I = %v", information)
			p.curves = append(p.curves, c)
			p.levels = append(p.levels, information)
		}
	}
	return p
}
