package view

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/cmd/contrast/internal/dataset"
	"github.com/contrast-go/contrast/cmd/contrast/internal/evaluation"
	"github.com/contrast-go/contrast/cmd/contrast/internal/report"
	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/simd"
)

// MaxMapped is the most samples in the map of a page.
const MaxMapped = 2000

// Page returns a page that shows the course of a run up to now. Config is the text of its
// checkpoint.
func Page(title, config string, steps int, c Curves, probes []evaluation.Probe) *report.Page {
	p := &report.Page{Title: title, Step: len(c.Loss), Steps: steps, Settings: settingsOf(config)}
	chart := func(title string, log bool, values []float64) {
		if slices.ContainsFunc(values, func(v float64) bool { return v != 0 }) {
			p.Charts = append(p.Charts, report.Chart{Title: title, Log: log, Series: []report.Series{{Values: values}}})
		}
	}
	chart("Loss", false, c.Loss)
	if len(probes) > 0 {
		var at []int
		seen := func(f func(evaluation.Probe) float64) report.Series {
			s := report.Series{Steps: at}
			for _, l := range probes {
				s.Values = append(s.Values, f(l))
			}
			return s
		}
		for _, l := range probes {
			at = append(at, l.Step)
			if l.Collapsed && len(p.Warnings) == 0 {
				p.Warnings = append(p.Warnings, fmt.Sprintf("The encoder has collapsed: at step %d samples were %.3f apart on average, and should be about 1.", l.Step, l.MeanDistance))
			}
		}
		for _, g := range []struct {
			title string
			of    func(evaluation.Probe) float64
		}{
			{"Recall@1, held out", func(l evaluation.Probe) float64 { return l.Recall }},
			{"Mean distance, held out", func(l evaluation.Probe) float64 { return l.MeanDistance }},
			{"Effective rank, held out", func(l evaluation.Probe) float64 { return l.EffectiveRank }},
			{"Uniformity, held out", func(l evaluation.Probe) float64 { return l.Uniformity }},
		} {
			p.Charts = append(p.Charts, report.Chart{Title: g.title, Series: []report.Series{seen(g.of)}})
		}
	}
	chart("Learning rate", false, c.Rate)
	chart("Norm of the gradient", true, c.GradNorm)
	chart("Temperature", false, c.Temperature)
	return p
}

// AddResults adds what was found after training. H is some of what is held out, and of
// embedders the first and the last are shown.
func AddResults(p *report.Page, e evaluation.Evaluation, answers []evaluation.Answer, h *evaluation.HeldOut, embedders []evaluation.Embedder, d dataset.Dataset) (err error) {
	first, last := answers[0], answers[len(answers)-1]
	p.Summary = evaluation.Gain(first, last, "")
	addTables(p, answers)
	shown := []evaluation.Embedder{embedders[0], embedders[len(embedders)-1]}
	pictures, ok := d.(*dataset.Images)
	if !ok {
		AddMap(p, h, shown...)
		return nil
	}
	m := pictures.Train
	a := &album{images.Set{Width: m.Width, Height: m.Height, Channels: m.Channels}}
	addMap(p, a, h, shown...)
	if e, ok := e.(*evaluation.Retrieval); ok {
		p.Summary = evaluation.Gain(first, last, " on augmented queries")
		addNeighbours(p, a, e, first, last)
	}
	p.Sprite, err = report.NewSprite(a.images)
	return err
}

// settingsOf lists the settings of a run in their order.
func settingsOf(config string) (list []report.Setting) {
	d := json.NewDecoder(strings.NewReader(config))
	if _, err := d.Token(); err != nil {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return list
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return list
		}
		list = append(list, report.Setting{Name: fmt.Sprint(name), Value: strings.Trim(string(value), `"`)})
	}
	return list
}

// addTables shows the metrics of an evaluation.
func addTables(p *report.Page, rows []evaluation.Answer) {
	add := func(caption string, of func(evaluation.Answer) evaluation.Metrics) {
		t := report.Table{Caption: caption}
		for _, f := range of(rows[0]) {
			t.Columns = append(t.Columns, report.Column{Name: evaluation.Headings[f.Name], Percent: true, Lower: f.Name == "eer"})
		}
		for _, r := range rows {
			line := report.Row{Name: r.Name}
			for _, f := range of(r) {
				line.Values = append(line.Values, f.Value)
			}
			t.Rows = append(t.Rows, line)
		}
		p.Tables = append(p.Tables, t)
	}
	if rows[0].Clean == nil {
		add("", func(a evaluation.Answer) evaluation.Metrics { return a.Eval })
		return
	}
	add("augmented queries", func(a evaluation.Answer) evaluation.Metrics { return a.Eval })
	add("clean queries", func(a evaluation.Answer) evaluation.Metrics { return a.Clean })
}

// AddMap shows samples in the plane in which they vary most, by each of the embedders.
func AddMap(p *report.Page, h *evaluation.HeldOut, embedders ...evaluation.Embedder) {
	addMap(p, nil, h, embedders...)
}

// addMap is AddMap with pictures of the samples, which go to the album if there is one.
func addMap(p *report.Page, a *album, h *evaluation.HeldOut, embedders ...evaluation.Embedder) {
	some := dataset.Evenly(h.Q.Rows, MaxMapped)
	q := dataset.Pick(h.Q, some)
	var k simd.Matrix
	if h.K.Rows > 0 {
		k = dataset.Pick(h.K, some)
		p.Classes = []string{"queries", "documents"}
	} else {
		p.Classes = h.Classes
	}
	for i := range q.Rows + k.Rows {
		point := report.Point{Class: i / q.Rows}
		if h.K.Rows == 0 {
			point.Class = h.Labels[some[i]]
		}
		switch {
		case a != nil && i < q.Rows:
			point.Image = a.add(q.Row(i))
		case a != nil:
			point.Image = a.add(k.Row(i - q.Rows))
		}
		p.Map.Points = append(p.Map.Points, point)
	}
	for _, how := range embedders {
		z := how.Q(q)
		all := simd.NewMatrix(q.Rows+k.Rows, z.Cols)
		simd.NormalizeRows(all.Slice(0, q.Rows), z, make([]float32, q.Rows))
		if k.Rows > 0 {
			simd.NormalizeRows(all.Slice(q.Rows, all.Rows), how.K(k), make([]float32, k.Rows))
		}
		plane := eval.PCA(all, 2).Points
		v := report.View{Title: how.Name}
		for i := range plane.Rows {
			v.X, v.Y = append(v.X, plane.Row(i)[0]), append(v.Y, plane.Row(i)[1])
		}
		p.Map.Views = append(p.Map.Views, v)
	}
}

// addNeighbours shows what is found nearest to some of the queries of e.
func addNeighbours(p *report.Page, a *album, e *evaluation.Retrieval, answers ...evaluation.Answer) {
	tile := func(pixels []float32, label, want int) report.Tile {
		return report.Tile{Image: a.add(pixels), Label: e.Gallery.Classes[label], Wrong: label != want}
	}
	for _, w := range answers {
		p.Neighbours.Ways = append(p.Neighbours.Ways, w.Name)
	}
	for _, i := range e.Shown() {
		want := e.ViewLabels[i]
		s := report.Strip{Query: tile(e.Views.Row(i), want, want)}
		for _, w := range answers {
			var near []report.Tile
			for _, n := range w.Near[i] {
				near = append(near, tile(e.GalleryRows.Row(n.Row), e.Gallery.Labels[n.Row], want))
			}
			s.Near = append(s.Near, near)
		}
		p.Neighbours.Strips = append(p.Neighbours.Strips, s)
	}
}

// An album is the images of a page.
type album struct{ images images.Set }

// add returns the number of an image, counted from 1.
func (a *album) add(pixels []float32) int {
	for _, v := range pixels {
		a.images.Pixels = append(a.images.Pixels, pixelByte(v))
	}
	return a.images.Len()
}

// pixelByte returns the byte of a pixel between 0 and 1.
func pixelByte(v float32) uint8 { return uint8(float32(255*min(max(v, 0), 1)) + 0.5) }
