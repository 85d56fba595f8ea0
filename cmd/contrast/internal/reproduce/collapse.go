package reproduce

import (
	"context"
	"fmt"
	"math"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/simd"
)

var collapse = Experiment{
	Name:   "collapse",
	Title:  "Triplet losses by their negatives: the hardest collapse, semi-hard ones and all do not",
	Source: "Schroff et al. 2015 (FaceNet), section 3.2",
	Claim:  `"Selecting the hardest negatives can in practice lead to bad local minima early on in training, specifically it can result in a collapsed model (i.e. f(x) = 0)."`,
	run:    runCollapse,
}

// The margin of FaceNet, and the batches: 16 identities, 4 views of each.
const (
	tripletMargin = 0.2
	perIdentity   = 4
	tripletBatch  = 64
)

// A negativeChoice is a triplet loss.
type negativeChoice struct {
	name      string
	collapses bool // as was published
	loss      func(workers int) infonce.Loss
}

// All use squared distances of rows of norm 1. Batch-hard also takes the hardest positive (Hermans
// et al. 2017).
var negativeChoices = []negativeChoice{
	{"hardest", true, func(workers int) infonce.Loss { return newHardestNegative(tripletMargin, workers) }},
	{"batch-hard", true, func(workers int) infonce.Loss {
		return &infonce.BatchHard{Margin: tripletMargin, Squared: true, Normalize: true, Workers: workers}
	}},
	{"semi-hard", false, func(workers int) infonce.Loss {
		return &infonce.SemiHard{Margin: tripletMargin, Squared: true, Normalize: true, Workers: workers}
	}},
	{"batch-all", false, func(workers int) infonce.Loss {
		return &infonce.BatchAll{Margin: tripletMargin, Squared: true, Normalize: true, Workers: workers}
	}},
}

func runCollapse(ctx context.Context, o Options, r *Report) error {
	rates, seeds := []float32{0.05, 0.2, 1}, o.scale(1, 3, 8)
	if o.Quick {
		rates = []float32{0.05}
	}
	if err := collapseByRate(ctx, o, r, rates, seeds, o.scale(150, 250, 250)); err != nil {
		return err
	}
	if o.Quick {
		r.note("without --quick there are three rates and seeds, and runs that are long enough to see whether a collapse lasts")
	}
	return collapseInTime(ctx, o, r, o.scale(250, 1500, 6000))
}

// collapseByRate trains with each choice of negatives at several learning rates.
func collapseByRate(ctx context.Context, o Options, r *Report, rates []float32, seeds, steps int) error {
	table := Table{
		Title: fmt.Sprintf("%d steps of SGD with momentum 0.9, %d views of %d identities, margin %v; unseen identities; means of %d runs, losses of the last ten steps",
			steps, perIdentity, tripletBatch/perIdentity, tripletMargin, seeds),
		Columns: []string{"negatives", "rate", "loss", "if collapsed", "mean distance", "AUC", "collapsed runs"},
	}
	right, runs, off, least := 0, 0, 0.0, 1.0
	for _, c := range negativeChoices {
		for _, rate := range rates {
			var losses, distances, areas []float64
			collapsed := 0
			for i := range seeds {
				d := newDescent(o, c, o.Seed+uint64(i), rate, steps)
				if err := d.learn(ctx); err != nil {
					return err
				}
				z := d.encoder.Forward(d.evaluation.x)
				losses = append(losses, d.lastLoss())
				distances = append(distances, meanDistance(z))
				area, err := areaUnderCurve(z, d.evaluation.ids, o.Workers)
				if err != nil {
					return err
				}
				areas = append(areas, area)
				if isCollapsed(z) {
					collapsed++
					off = max(off, math.Abs(losses[i]-tripletMargin))
				} else {
					least = min(least, areas[i])
				}
				if isCollapsed(z) == c.collapses {
					right++
				}
				runs++
			}
			table.add(text(c.name), short(float64(rate), 3), num(sampleOf(losses).mean, 4), num(tripletMargin, 1),
				num(sampleOf(distances).mean, 3), num(sampleOf(areas).mean, 3), text(fmt.Sprintf("%d of %d", collapsed, seeds)))
		}
		o.progress("negatives %s: done", c.name)
	}
	r.Tables = append(r.Tables, table)
	r.judge(right == runs, "%d of %d runs end as published: with the hardest negatives the embeddings collapse to a point, with others they do not", right, runs)
	r.judge(off <= tripletMargin/20, "the loss of a collapsed run rests at the margin, %v: the farthest is off by %.4f", tripletMargin, off)
	r.judge(least >= 0.95, "the others tell unseen identities apart: the area under the curve is at least %.3f, want 0.95", least)
	r.note("a collapsed run has some order left within its point, as its area under the curve shows; distances are useless")
	return nil
}

// collapsedBelow is the mean distance below which embeddings of norm 1 count as collapsed: a fifth
// of the mean distance of random directions.
const collapsedBelow = 0.28

// isCollapsed reports whether the rows of z are practically one point.
func isCollapsed(z simd.Matrix) bool { return !(meanDistance(z) >= collapsedBelow) }

// A descent is a run with a choice of negatives.
type descent struct {
	lesson
	evaluation evaluation
	losses     []float64
}

func newDescent(o Options, c negativeChoice, seed uint64, rate float32, steps int) *descent {
	world := newIdentities(seed)
	d := &descent{evaluation: newEvaluation(world, o.Workers).first(400)}
	d.lesson = lesson{
		loss: c.loss(o.Workers), source: &identityGroups{identities: world, seed: seed, perID: perIdentity}, arrange: train.Labelled,
		batch: tripletBatch / 2, steps: steps, optimizer: &optim.SGD{Momentum: 0.9, Workers: o.Workers}, schedule: optim.Constant{Peak: rate},
		seed: seed, workers: o.Workers,
	}
	d.report = func(p train.Progress) { d.losses = append(d.losses, p.Loss) }
	return d
}

// lastLoss returns the mean loss of the last ten steps.
func (d *descent) lastLoss() float64 { return sampleOf(d.losses[max(len(d.losses)-10, 0):]).mean }

// longRate is the learning rate of the long runs, at which a collapse was seen to end.
const longRate = 0.2

// collapseInTime trains with each choice of negatives for longer.
func collapseInTime(ctx context.Context, o Options, r *Report, steps int) error {
	const every = 25
	table := Table{
		Title:   fmt.Sprintf("The same for %s steps at rate %v, one run each: does a collapse last?", thousands(steps), longRate),
		Columns: []string{"negatives", "loss", "mean distance", "AUC", "escapes at step"},
	}
	margin := []point{{0, tripletMargin}, {float64(steps), tripletMargin}}
	losses := panel{title: "loss", x: "step", y: "loss, smoothed", top: 0.3, curves: []curve{{name: "margin", points: margin, dashed: true}}}
	distances := panel{title: "spread of embeddings", x: "step", y: "mean distance of unseen samples", top: 1.5,
		curves: []curve{{name: "√2, orthogonal", points: []point{{0, math.Sqrt2}, {float64(steps), math.Sqrt2}}, dashed: true}}}
	for _, c := range negativeChoices {
		d := newDescent(o, c, o.Seed, longRate, steps)
		var loss, distance []point
		escaped := Cell{}
		whileCollapsed := false
		d.report = func(p train.Progress) {
			d.losses = append(d.losses, p.Loss)
			if (p.Step+1)%every > 0 {
				return
			}
			m := d.current().Forward(d.evaluation.x)
			loss = append(loss, point{float64(p.Step + 1), sampleOf(d.losses[len(d.losses)-every:]).mean})
			distance = append(distance, point{float64(p.Step + 1), meanDistance(m)})
			now := isCollapsed(m)
			if whileCollapsed && !now {
				escaped = count(p.Step + 1)
			}
			whileCollapsed = now
		}
		if err := d.learn(ctx); err != nil {
			return err
		}
		z := d.encoder.Forward(d.evaluation.x)
		area, err := areaUnderCurve(z, d.evaluation.ids, o.Workers)
		if err != nil {
			return err
		}
		table.add(text(c.name), num(d.lastLoss(), 4), num(meanDistance(z), 3), num(area, 3), escaped)
		losses.curves = append(losses.curves, curve{name: c.name, points: loss, plain: true})
		distances.curves = append(distances.curves, curve{name: c.name, points: distance, plain: true})
		if escaped.text != "" {
			r.note("the collapse is early and not for ever: with negatives %s the embeddings spread again by step %s at rate %v", c.name, escaped.text, longRate)
		}
		o.progress("negatives %s, %s steps: done", c.name, thousands(steps))
	}
	r.Tables = append(r.Tables, table)
	r.panels = []panel{losses, distances}
	return nil
}
