package reproduce

import (
	"context"
	"fmt"

	"github.com/contrast-go/contrast/infonce"
)

var temperature = Experiment{
	Name:   "temperature",
	Title:  "What embeddings are worth by the temperature of NT-Xent: an inverted U",
	Source: "Chen et al. 2020 (SimCLR), section 5.1 and table 5",
	Claim:  "Without normalisation and a proper temperature, representations are worse: top-1 on ImageNet is best at 0.1, and falls to both sides.",
	run:    runTemperature,
}

// A setting is a temperature of NT-Xent. Published is the top-1 accuracy on ImageNet in percent,
// from table 5 of the paper; 0 if it is not there.
type setting struct {
	temperature float32
	dot         bool // not normalised
	published   float64
}

var settings = []setting{
	{0.01, false, 0}, {0.03, false, 0}, {0.05, false, 59.7}, {0.1, false, 64.4}, {0.2, false, 0}, {0.5, false, 60.7}, {1, false, 58.0},
	{10, true, 57.2}, {100, true, 57.0},
}

func runTemperature(ctx context.Context, o Options, r *Report) error {
	return temperatures(ctx, o, r, settings, o.scale(1, 3, 8), o.scale(128, 256, 256), o.scale(150, 500, 1000))
}

// temperatures trains with each of the settings.
func temperatures(ctx context.Context, o Options, r *Report, settings []setting, worlds, batch, steps int) error {
	t := newTrials(o, worlds)
	table := Table{
		Title:   fmt.Sprintf("NT-Xent, %d pairs a step, %d steps; unseen identities; %d runs each", batch, steps, worlds),
		Columns: []string{"similarity", "temperature", "MAP@R", "s.e.", "top-1 of SimCLR, %"},
	}
	values := make([][]float64, len(settings))
	for i, s := range settings {
		var err error
		values[i], err = t.trained(ctx, func() infonce.Loss {
			return &infonce.NTXent{Temperature: s.temperature, DotProduct: s.dot, Workers: o.Workers}
		}, batch, steps)
		if err != nil {
			return err
		}
		name, published := "cosine", Cell{}
		if s.dot {
			name = "dot product"
		}
		if s.published > 0 {
			published = num(s.published, 1)
		}
		mean := sampleOf(values[i])
		table.add(text(name), short(float64(s.temperature), 3), num(mean.mean, 3), error64(mean), published)
		o.progress("%s, temperature %v: done", name, s.temperature)
	}
	for _, blind := range []struct {
		name string
		see  func() ([]float64, error)
	}{{"raw samples", t.raw}, {"untrained", t.untrained}} {
		v, err := blind.see()
		if err != nil {
			return err
		}
		table.add(text(blind.name), Cell{}, num(sampleOf(v).mean, 3), error64(sampleOf(v)), Cell{})
	}
	r.Tables = append(r.Tables, table)
	r.panels = []panel{temperaturePanel(settings, values)}
	judgeTemperatures(r, settings, values)
	return nil
}

// judgeTemperatures compares the shape with that of table 5.
func judgeTemperatures(r *Report, settings []setting, values [][]float64) {
	var cosines []int
	for i, s := range settings {
		if !s.dot {
			cosines = append(cosines, i)
		}
	}
	best, low, high := cosines[0], cosines[0], cosines[len(cosines)-1]
	for _, i := range cosines {
		if sampleOf(values[i]).mean > sampleOf(values[best]).mean {
			best = i
		}
	}
	overLow, lowErrors := ahead(values[best], values[low])
	overHigh, highErrors := ahead(values[best], values[high])
	r.judge(lowErrors > limit && highErrors > limit,
		"the best temperature, %v, is neither the lowest nor the highest: MAP@R is %.3f above that at %v (%s) and %.3f above that at %v (%s)",
		settings[best].temperature, overLow, settings[low].temperature, inErrors(lowErrors), overHigh, settings[high].temperature, inErrors(highErrors))
	for k := 1; k < len(cosines); k++ {
		a, b := sampleOf(values[cosines[k-1]]).mean, sampleOf(values[cosines[k]]).mean
		if rising := cosines[k] <= best; rising != (b > a) {
			r.note("not quite one peak: MAP@R is %.3f at temperature %v and %.3f at %v", a, settings[cosines[k-1]].temperature, b, settings[cosines[k]].temperature)
		}
	}
	noteOrder(r, settings, values)
	for i, s := range settings {
		if s.dot {
			by, errors := ahead(values[i], values[best])
			r.note("%s, MAP@R is %.3f from that of the best (%s); in the paper it is %.1f points from the best", s, by, inErrors(errors), s.published-bestPublished)
		}
	}
}

// bestPublished is the best temperature of table 5.
const bestPublished = 64.4

// noteOrder says which of the published temperatures rank differently here.
func noteOrder(r *Report, settings []setting, values [][]float64) {
	for i, s := range settings {
		for j, other := range settings[:i] {
			if s.dot || other.dot || s.published == 0 || other.published == 0 {
				continue
			}
			by, errors := ahead(values[i], values[j])
			if (by > 0) != (s.published > other.published) {
				r.note("not the order of the paper: %s is %+.1f points from %s there, and here %+.3f of MAP@R (%s)", s, s.published-other.published, other, by, inErrors(errors))
			}
		}
	}
}

// String names the setting.
func (s setting) String() string {
	if s.dot {
		return fmt.Sprintf("temperature %v without normalisation", s.temperature)
	}
	return fmt.Sprintf("temperature %v", s.temperature)
}

func temperaturePanel(settings []setting, values [][]float64) panel {
	cosine, published := curve{name: "MAP@R"}, curve{name: "SimCLR, top-1 on ImageNet,\nscaled to the same best"}
	best := 0.0
	for i, s := range settings {
		if !s.dot {
			best = max(best, sampleOf(values[i]).mean)
		}
	}
	for i, s := range settings {
		if !s.dot {
			cosine.points = append(cosine.points, point{float64(s.temperature), sampleOf(values[i]).mean})
			if s.published > 0 {
				published.points = append(published.points, point{float64(s.temperature), best * s.published / bestPublished})
			}
		}
	}
	return panel{title: "NT-Xent by temperature", x: "temperature", y: "MAP@R of unseen identities", logX: true, curves: []curve{cosine, published}}
}
