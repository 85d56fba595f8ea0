package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/cmd/contrast/internal/report"
	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/simd"
)

// maxMapped is the most samples in the map of a page.
const maxMapped = 2000

// page tells of a run as far as it is.
func (c *trainCommand) page(d corpus, config string, steps curves, looks []look) *report.Page {
	p := &report.Page{
		Title: fmt.Sprintf("%s on %s", c.kind().title, d.name()),
		Step:  len(steps.loss), Steps: c.Steps,
		Settings: settingsOf(config),
	}
	chart := func(title string, log bool, values []float64) {
		if slices.ContainsFunc(values, func(v float64) bool { return v != 0 }) {
			p.Charts = append(p.Charts, report.Chart{Title: title, Log: log, Series: []report.Series{{Values: values}}})
		}
	}
	chart("Loss", false, steps.loss)
	if len(looks) > 0 {
		var at []int
		seen := func(f func(look) float64) report.Series {
			s := report.Series{Steps: at}
			for _, l := range looks {
				s.Values = append(s.Values, f(l))
			}
			return s
		}
		for _, l := range looks {
			at = append(at, l.Step)
			if l.Collapsed && len(p.Warnings) == 0 {
				p.Warnings = append(p.Warnings, fmt.Sprintf("The encoder has collapsed: at step %d samples were %.3f apart on average, and about 1 where all is well.", l.Step, l.MeanDistance))
			}
		}
		for _, g := range []struct {
			title string
			of    func(look) float64
		}{
			{"Recall@1, held out", func(l look) float64 { return l.Recall }},
			{"Mean distance, held out", func(l look) float64 { return l.MeanDistance }},
			{"Effective rank, held out", func(l look) float64 { return l.EffectiveRank }},
			{"Uniformity, held out", func(l look) float64 { return l.Uniformity }},
		} {
			p.Charts = append(p.Charts, report.Chart{Title: g.title, Series: []report.Series{seen(g.of)}})
		}
	}
	chart("Learning rate", false, steps.rate)
	chart("Norm of the gradient", true, steps.norm)
	chart("Temperature", false, steps.temperature)
	return p
}

// finalPage tells of a run that is done; rows are what the exam says of the ways to see samples.
func (c *trainCommand) finalPage(d corpus, config string, steps curves, out folder, e exam, rows []row, ways []embedder) (*report.Page, error) {
	looks, err := readLooks(out.path(monitorFile), c.Steps)
	if err != nil {
		return nil, err
	}
	h, err := d.held(maxMapped, c.Workers)
	if err != nil {
		return nil, err
	}
	p := c.page(d, config, steps, looks)
	p.Summary = gain(rows[0], rows[len(rows)-1], "")
	addTables(p, rows)
	mapped := []embedder{ways[0], ways[len(ways)-1]}
	pictures, ok := d.(*imageCorpus)
	if !ok {
		addMap(p, nil, h, mapped...)
		return p, nil
	}
	m := pictures.train
	a := &album{images.Set{Width: m.Width, Height: m.Height, Channels: m.Channels}}
	addMap(p, a, h, mapped...)
	if e, ok := e.(*imageExam); ok {
		p.Summary = gain(rows[0], rows[len(rows)-1], " on augmented queries")
		addNeighbours(p, a, e, rows[0], rows[len(rows)-1])
	}
	p.Sprite, err = report.NewSprite(a.images)
	return p, err
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

// addTables shows the figures of the exam.
func addTables(p *report.Page, rows []row) {
	add := func(caption string, of func(answer) figures) {
		t := report.Table{Caption: caption}
		for _, f := range of(rows[0].answer) {
			t.Columns = append(t.Columns, report.Column{Name: headings[f.name], Percent: true, Lower: f.name == "eer"})
		}
		for _, r := range rows {
			line := report.Row{Name: r.name}
			for _, f := range of(r.answer) {
				line.Values = append(line.Values, f.value)
			}
			t.Rows = append(t.Rows, line)
		}
		p.Tables = append(p.Tables, t)
	}
	if rows[0].clean == nil {
		add("", func(a answer) figures { return a.eval })
		return
	}
	add("augmented queries", func(a answer) figures { return a.eval })
	add("clean queries", func(a answer) figures { return a.clean })
}

// addMap shows samples in the plane in which they vary most, for each way to see them.
func addMap(p *report.Page, a *album, h *held, ways ...embedder) {
	some := evenly(h.q.Rows, maxMapped)
	q := pick(h.q, some)
	var k simd.Matrix
	if h.k.Rows > 0 {
		k = pick(h.k, some)
		p.Classes = []string{"queries", "documents"}
	} else {
		p.Classes = h.names
	}
	for i := range q.Rows + k.Rows {
		point := report.Point{Class: i / q.Rows}
		if h.k.Rows == 0 {
			point.Class = h.labels[some[i]]
		}
		switch {
		case a != nil && i < q.Rows:
			point.Image = a.add(q.Row(i))
		case a != nil:
			point.Image = a.add(k.Row(i - q.Rows))
		}
		p.Map.Points = append(p.Map.Points, point)
	}
	for _, how := range ways {
		z := how.q(q)
		all := simd.NewMatrix(q.Rows+k.Rows, z.Cols)
		simd.NormalizeRows(all.Slice(0, q.Rows), z, make([]float32, q.Rows))
		if k.Rows > 0 {
			simd.NormalizeRows(all.Slice(q.Rows, all.Rows), how.k(k), make([]float32, k.Rows))
		}
		plane := eval.PCA(all, 2).Points
		v := report.View{Title: how.name}
		for i := range plane.Rows {
			v.X, v.Y = append(v.X, plane.Row(i)[0]), append(v.Y, plane.Row(i)[1])
		}
		p.Map.Views = append(p.Map.Views, v)
	}
}

// addNeighbours shows what is found nearest to some of the queries of e.
func addNeighbours(p *report.Page, a *album, e *imageExam, ways ...row) {
	tile := func(pixels []float32, label, want int) report.Tile {
		return report.Tile{Image: a.add(pixels), Label: e.gallery.Classes[label], Wrong: label != want}
	}
	for _, w := range ways {
		p.Neighbours.Ways = append(p.Neighbours.Ways, w.name)
	}
	for _, i := range e.shown() {
		want := e.viewLabels[i]
		s := report.Strip{Query: tile(e.views.Row(i), want, want)}
		for _, w := range ways {
			var near []report.Tile
			for _, n := range w.near[i] {
				near = append(near, tile(e.galleryRows.Row(n.Row), e.gallery.Labels[n.Row], want))
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
		a.images.Pixels = append(a.images.Pixels, uint8(255*min(max(v, 0), 1)+0.5))
	}
	return a.images.Len()
}
