package reproduce

import (
	"context"
	"fmt"
	"math"

	"github.com/contrast-go/contrast/infonce"
)

var batchSizes = Experiment{
	Name:   "batch-size",
	Title:  "What embeddings are worth by the batch size of NT-Xent: more negatives help",
	Source: "Chen et al. 2020 (SimCLR), section 5.2 and figure 9",
	Claim:  "When training is short, larger batches have a significant advantage over smaller ones; with more steps the gaps decrease or disappear.",
	run:    runBatchSizes,
}

func runBatchSizes(ctx context.Context, o Options, r *Report) error {
	sizes := []int{4, 8, 32, 128, 512}
	if o.Quick {
		sizes = sizes[:4]
	}
	return trainBatchSizes(ctx, o, r, sizes, o.scale(1, 3, 8), o.scale(200, 500, 500), o.scale(600, 1500, 4000), o.scale(12_800, 64_000, 256_000))
}

// trainBatchSizes trains for a few steps, for more, and for as many as see the same number of
// samples.
func trainBatchSizes(ctx context.Context, o Options, r *Report, sizes []int, worlds, steps, longer, samples int) error {
	t := newTrials(o, worlds)
	newLoss := func() infonce.Loss { return &infonce.NTXent{Temperature: 0.1, Workers: o.Workers} }
	rules := []struct {
		name  string
		steps func(n int) int
	}{
		{fmt.Sprintf("%s steps", thousands(steps)), func(int) int { return steps }},
		{fmt.Sprintf("%s steps", thousands(longer)), func(int) int { return longer }},
		{fmt.Sprintf("%s pairs", thousands(samples)), func(n int) int { return samples / n }},
	}
	table := Table{
		Title:   fmt.Sprintf("NT-Xent at temperature 0.1 and one learning rate, MAP@R of unseen identities by pairs in a batch N, what is held fixed in the heads; %d runs each", worlds),
		Columns: []string{"N"},
	}
	for _, rule := range rules {
		table.Columns = append(table.Columns, rule.name, "s.e.")
	}
	values := make([][][]float64, len(rules)) // by rule and size
	picture := panel{title: "NT-Xent by batch size", x: "N, pairs in a batch", y: "MAP@R of unseen identities", logX: true}
	for i, rule := range rules {
		c := curve{name: rule.name}
		for _, n := range sizes {
			v, err := t.trained(ctx, newLoss, n, rule.steps(n))
			if err != nil {
				return err
			}
			values[i] = append(values[i], v)
			c.points = append(c.points, point{float64(n), sampleOf(v).mean})
			o.progress("%s pairs a step, %s fixed: done", thousands(n), rule.name)
		}
		picture.curves = append(picture.curves, c)
	}
	for j, n := range sizes {
		cells := []Cell{count(n)}
		for i := range rules {
			s := sampleOf(values[i][j])
			cells = append(cells, num(s.mean, 3), error64(s))
		}
		table.add(cells...)
	}
	r.Tables = append(r.Tables, table)
	r.panels = []panel{picture}

	last := len(sizes) - 1
	least, fewest := math.Inf(1), math.Inf(1)
	for j := 1; j <= last; j++ {
		by, errors := ahead(values[0][j], values[0][j-1])
		least, fewest = min(least, by), min(fewest, errors)
	}
	r.judge(fewest > limit, "at %s each larger batch is better, by %.3f of MAP@R or more (the least certain gain: %s)", rules[0].name, least, inErrors(fewest))
	share := func(rule int) float64 { return sampleOf(values[rule][0]).mean / sampleOf(values[rule][last]).mean }
	r.judge(share(1) > share(0), "with more steps the gap closes: %d pairs reach %.0f %% of the MAP@R of %d after %s, and %.0f %% after %s", sizes[0], 100*share(0), sizes[last], rules[0].name, 100*share(1), rules[1].name)
	noteEqualSamples(r, sizes, values[2], rules[2].name)
	return nil
}

// noteEqualSamples compares batch sizes after the same number of samples, which is what a fixed
// number of epochs means; the paper scales the learning rate with the batch for that.
func noteEqualSamples(r *Report, sizes []int, values [][]float64, name string) {
	best := 0
	for j := range values {
		if sampleOf(values[j]).mean > sampleOf(values[best]).mean {
			best = j
		}
	}
	last := len(sizes) - 1
	if best == last {
		return
	}
	by, errors := ahead(values[best], values[last])
	r.note("the shape is that of the paper at equal numbers of steps. At equal numbers of samples, %s, the order turns: N = %d is best and N = %d is %.3f of MAP@R behind (%s), for it makes fewer steps. "+
		"The paper holds epochs fixed too, but scales the learning rate with N, which is not done here", name, sizes[best], sizes[last], by, inErrors(errors))
}
