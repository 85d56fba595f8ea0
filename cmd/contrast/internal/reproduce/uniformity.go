package reproduce

import (
	"context"
	"fmt"
	"math"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

var uniformity = Experiment{
	Name:   "uniformity",
	Title:  "Alignment and uniformity, optimised directly and by InfoNCE at some temperatures",
	Source: "Wang & Isola 2020, sections 4 and 5, figures 5 to 7",
	Claim:  "The contrastive loss optimises alignment and uniformity; embeddings that have both are the better ones, and to optimise the two directly is as good or better.",
	run:    runUniformity,
}

// A goal is a loss of the experiment. Temperature is 0 for alignment and uniformity themselves;
// alone says that only one of them counts.
type goal struct {
	name        string
	temperature float32
	alone       bool
	loss        func(workers int) infonce.Loss
}

func directly(name string, alignment, uniformity float32) goal {
	return goal{name: name, alone: alignment == 0 || uniformity == 0, loss: func(workers int) infonce.Loss {
		return &infonce.AlignUniform{Alignment: alignment, Uniformity: uniformity, Workers: workers}
	}}
}

func byInfoNCE(temperature float32) goal {
	return goal{name: fmt.Sprintf("InfoNCE, temperature %v", temperature), temperature: temperature, loss: func(workers int) infonce.Loss {
		return &infonce.InfoNCE{Symmetric: true, Temperature: temperature, Workers: workers}
	}}
}

// The temperatures ascend.
var goals = []goal{
	directly("align alone", 1, 0), directly("uniform alone", 0, 1),
	directly("align + uniform", 1, 1), directly("2·align + uniform", 2, 1), directly("4·align + uniform", 4, 1),
	byInfoNCE(0.05), byInfoNCE(0.1), byInfoNCE(0.2), byInfoNCE(0.5), byInfoNCE(1),
}

// A checkpoint is how good an encoder is at a step, measured on views of unseen identities.
type checkpoint struct {
	step           int
	align, uniform float64
	withSelf       float64 // uniformity where each row is paired with itself too
	accuracy       float64 // of the 5 nearest neighbours
}

func runUniformity(ctx context.Context, o Options, r *Report) error {
	return walkPlane(ctx, o, r, goals, o.scale(1, 3, 8), o.scale(128, 256, 256), o.scale(150, 500, 1500))
}

// walkPlane follows encoders through the plane of alignment and uniformity.
func walkPlane(ctx context.Context, o Options, r *Report, goals []goal, worlds, batch, steps int) error {
	least := leastUniformity(embeddingDim)
	table := Table{
		Title: fmt.Sprintf("%d pairs a step, %d steps; %d views of %d unseen identities; means of %d runs. Uniformity in %d dimensions is at least %.4f",
			batch, steps, unseenViews, unseenIdentities, worlds, embeddingDim, least),
		Columns: []string{"loss", "alignment", "uniformity", "above least", "5-NN accuracy", "s.e."},
	}
	finals := make([][]checkpoint, len(goals)) // by goal and run
	var all []checkpoint
	plane := panel{title: "one run of each loss, from the untrained encoder on", x: "alignment: mean squared distance of pairs", y: "uniformity", shadeName: "accuracy"}
	for i := range worlds {
		seed := o.Seed + uint64(i)
		world := newIdentities(seed)
		e := newEvaluation(world, o.Workers)
		for j, g := range goals {
			path, err := follow(ctx, e, g, world, seed, batch, steps)
			if err != nil {
				return err
			}
			all = append(all, path...)
			finals[j] = append(finals[j], path[len(path)-1])
			if i == 0 {
				c := curve{name: g.name}
				for _, p := range path {
					c.points, c.shades = append(c.points, point{p.align, p.uniform}), append(c.shades, p.accuracy)
				}
				plane.curves = append(plane.curves, c)
			}
			o.progress("run %d of %d, %s: done", i+1, worlds, g.name)
		}
	}
	for j, g := range goals {
		u := figuresOf(finals[j], func(c checkpoint) float64 { return c.uniform })
		accuracy := sampleOf(figuresOf(finals[j], accuracyOf))
		table.add(text(g.name), num(sampleOf(figuresOf(finals[j], alignOf)).mean, 3), num(sampleOf(u).mean, 4), num(sampleOf(u).mean-least, 4), num(accuracy.mean, 3), error64(accuracy))
	}
	r.Tables = append(r.Tables, table)
	farthest := 0.0
	for _, c := range all {
		farthest = max(farthest, c.align)
	}
	plane.curves = append(plane.curves, curve{name: fmt.Sprintf("least in %d dimensions", embeddingDim), points: []point{{0, least}, {farthest, least}}, dashed: true})
	r.panels = []panel{plane}
	judgePlane(r, goals, finals, all, least)
	return nil
}

func alignOf(c checkpoint) float64    { return c.align }
func uniformOf(c checkpoint) float64  { return c.uniform }
func accuracyOf(c checkpoint) float64 { return c.accuracy }

func figuresOf(cs []checkpoint, see func(checkpoint) float64) []float64 {
	x := make([]float64, len(cs))
	for i, c := range cs {
		x[i] = see(c)
	}
	return x
}

// leastUniformity returns −2t + ln ₀F₁(d/2; t²) for t = 2: the uniformity of the uniform
// distribution on the unit sphere in d dimensions, which is the least of all distributions (Wang &
// Isola 2020, proposition 1).
func leastUniformity(d int) float64 {
	const t = 2
	sum, term := 1.0, 1.0
	for k := 1; term > 0x1p-60*sum; k++ {
		term = float64(term * (t * t / ((float64(float64(d)/2) + float64(k-1)) * float64(k))))
		sum += term
	}
	return scalar.Log64(sum) - 2*t
}

// selfIncluded returns ln of the mean over all n² pairs of rows, including each row with itself,
// from that over the pairs i < j. This is the uniformity of the n rows as a distribution, so
// leastUniformity bounds it. The value over i < j may be lower, by little if there are many rows.
func selfIncluded(uniform float64, n int) float64 {
	return scalar.Log64((1 + float64(float64(n-1)*scalar.Exp64(uniform))) / float64(n))
}

// follow trains an encoder and evaluates it on the way, more often in the beginning.
func follow(ctx context.Context, e evaluation, g goal, world *identities, seed uint64, batch, steps int) ([]checkpoint, error) {
	untrained, err := newEncoder(seed, e.workers)
	if err != nil {
		return nil, err
	}
	first, err := e.evaluate(0, untrained)
	if err != nil {
		return nil, err
	}
	path, next := []checkpoint{first}, 5
	var failed error
	l := lesson{
		loss: g.loss(e.workers), source: &identityPairs{identities: world, seed: seed},
		batch: batch, steps: steps, optimizer: adam(e.workers), schedule: cosine(steps), seed: seed, workers: e.workers,
	}
	l.report = func(p train.Progress) {
		step := p.Step + 1
		if failed != nil || step != next && step != steps {
			return
		}
		next = step * 3 / 2
		var c checkpoint
		c, failed = e.evaluate(step, l.current())
		path = append(path, c)
	}
	if err := l.learn(ctx); err != nil {
		return nil, err
	}
	return path, failed
}

// evaluate measures an encoder. The first half of the views of each identity is the gallery for
// neighbours, and the second half are queries; pairs are one of each.
func (e evaluation) evaluate(step int, m *nn.MLP) (c checkpoint, err error) {
	z := m.Forward(e.x)
	gallery, queries := simd.NewMatrix(z.Rows/2, z.Cols), simd.NewMatrix(z.Rows/2, z.Cols)
	ids := make([]int, gallery.Rows)
	for i := range ids {
		const half = unseenViews / 2
		at := i/half*unseenViews + i%half
		copy(gallery.Row(i), z.Row(at))
		copy(queries.Row(i), z.Row(at+half))
		ids[i] = e.ids[at]
	}
	c.step = step
	if c.align, err = eval.Alignment(gallery, queries, e.workers); err != nil {
		return c, err
	}
	if c.uniform, err = eval.Uniformity(z, e.workers); err != nil {
		return c, err
	}
	c.withSelf = selfIncluded(c.uniform, z.Rows)
	c.accuracy = eval.KNN(eval.Neighbors(queries, gallery, 5, e.workers), 5, ids, ids)
	return c, nil
}

// judgePlane compares what was found with the claim.
func judgePlane(r *Report, goals []goal, finals [][]checkpoint, all []checkpoint, least float64) {
	lowest, withSelf := math.Inf(1), math.Inf(1)
	for _, c := range all {
		lowest, withSelf = min(lowest, c.uniform), min(withSelf, c.withSelf)
	}
	r.judge(withSelf >= least, "none of %d checkpoints crosses the least uniformity, %.4f: the lowest is %.4f as defined, over pairs i < j, and %.4f with each row also paired with itself, for which the bound is a theorem", len(all), least, lowest, withSelf)
	r.judge(lowest-least <= 0.2, "they approach it: the lowest is %.4f above, want at most 0.2", lowest-least)

	direct, contrastive := -1, -1 // the best of each
	for j, g := range goals {
		best := &direct
		switch {
		case g.temperature > 0:
			best = &contrastive
		case g.alone:
			continue
		}
		if *best < 0 || meanOf(finals[j], accuracyOf) > meanOf(finals[*best], accuracyOf) {
			*best = j
		}
	}
	for j, g := range goals {
		if g.alone {
			by, errors := ahead(figuresOf(finals[direct], accuracyOf), figuresOf(finals[j], accuracyOf))
			r.judge(by > 0 && errors > limit, "both are needed: the accuracy of %s is %.3f below that of %s (%s)", g.name, by, goals[direct].name, inErrors(errors))
		}
	}
	judgeCorrelation(r, finals)
	share := meanOf(finals[direct], accuracyOf) / meanOf(finals[contrastive], accuracyOf)
	r.judge(share >= 0.9, "to optimise the two directly is about as good: %s has %.0f %% of the accuracy of %s, the best of InfoNCE, want 90 %%", goals[direct].name, 100*share, goals[contrastive].name)
	if by, errors := ahead(figuresOf(finals[direct], accuracyOf), figuresOf(finals[contrastive], accuracyOf)); by < 0 {
		r.note("in the paper the direct losses are ahead of the contrastive one, with 83.4 %% right on STL-10; here they are behind by %.3f (%s), with three weights tried against five temperatures", -by, inErrors(errors))
	}
	judgeTemperature(r, goals, finals)
}

// judgeTemperature compares neighbouring temperatures of InfoNCE, and judges those of 0.1 or more:
// the paper does not study lower ones.
func judgeTemperature(r *Report, goals []goal, finals [][]checkpoint) {
	last, pairs, ordered := -1, 0, 0
	for j, g := range goals {
		if g.temperature == 0 {
			continue
		}
		if last >= 0 {
			spread := meanOf(finals[j], uniformOf) - meanOf(finals[last], uniformOf)
			near := meanOf(finals[last], alignOf) - meanOf(finals[j], alignOf)
			if before := goals[last].temperature; before >= 0.1 {
				pairs++
				if spread > 0 && near > 0 {
					ordered++
				}
			}
			if spread <= 0 || near <= 0 {
				r.note("not the order expected: from temperature %v to %v uniformity goes by %+.3f and alignment by %+.3f; at a low temperature the loss of a pair that is nearer than the rest is nearly 0, and nothing spreads the rows further",
					goals[last].temperature, g.temperature, spread, -near)
			}
		}
		last = j
	}
	if pairs > 0 {
		r.judge(2*ordered > pairs, "a higher temperature of InfoNCE, from 0.1 on, gives better alignment and worse uniformity, the one for the other: in %d of %d steps", ordered, pairs)
	}
}

func meanOf(cs []checkpoint, see func(checkpoint) float64) float64 {
	return sampleOf(figuresOf(cs, see)).mean
}

// judgeCorrelation measures how the two correlate with accuracy over the last checkpoints. For
// both, lower is better.
func judgeCorrelation(r *Report, finals [][]checkpoint) {
	var align, uniform, sum, accuracy []float64
	for _, cs := range finals {
		for _, c := range cs {
			align, uniform = append(align, c.align), append(uniform, c.uniform)
			sum, accuracy = append(sum, c.align+c.uniform), append(accuracy, c.accuracy)
		}
	}
	together := rankCorrelation(sum, accuracy)
	r.judge(together <= -0.5, "embeddings that have both are the better ones: over the last checkpoints of all runs the rank correlation of alignment + uniformity with accuracy is %+.2f, want -0.5 or less; of alignment by itself it is %+.2f, of uniformity %+.2f",
		together, rankCorrelation(align, accuracy), rankCorrelation(uniform, accuracy))
}
