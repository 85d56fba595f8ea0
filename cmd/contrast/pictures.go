package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"os"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/simd"
)

// readLosses returns the loss of each step of a metrics file.
func readLosses(path string) ([]float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var losses []float64
	for s := bufio.NewScanner(f); s.Scan(); {
		var m struct{ Loss float64 }
		if err := json.Unmarshal(s.Bytes(), &m); err != nil {
			return nil, fmt.Errorf("metrics: %s: line %d: %w", path, len(losses)+1, err)
		}
		losses = append(losses, m.Loss)
	}
	if len(losses) == 0 {
		return nil, fmt.Errorf("metrics: %s: no steps", path)
	}
	return losses, nil
}

// plotLoss draws the loss of each step and, over it, a running mean.
func plotLoss(path, name string, losses []float64) error {
	p := plot.New()
	p.Title.Text = "Loss (" + name + ")"
	p.X.Label.Text = "step"
	p.Y.Label.Text = "loss"
	p.Add(plotter.NewGrid())
	raw := make(plotter.XYs, len(losses))
	smooth := make(plotter.XYs, len(losses))
	window := max(len(losses)/40, 1)
	for i, v := range losses {
		raw[i] = plotter.XY{X: float64(i + 1), Y: v}
		lo, hi := max(0, i-window), min(len(losses), i+window+1)
		smooth[i] = plotter.XY{X: float64(i + 1), Y: mean(losses[lo:hi])}
	}
	for _, l := range []struct {
		points plotter.XYs
		color  color.Color
		width  vg.Length
		legend string
	}{
		{raw, color.NRGBA{0x7a, 0xa6, 0xd8, 0xff}, vg.Points(0.6), "each step"},
		{smooth, color.NRGBA{0x12, 0x3b, 0x7a, 0xff}, vg.Points(2), "running mean"},
	} {
		line, err := plotter.NewLine(l.points)
		if err != nil {
			return fmt.Errorf("plot: %w", err)
		}
		line.Color, line.Width = l.color, l.width
		p.Add(line)
		p.Legend.Add(l.legend, line)
	}
	p.Legend.Top = true
	picture, err := p.WriterTo(8*vg.Inch, 5*vg.Inch, "png")
	if err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	return data.WriteAtomic(path, func(w io.Writer) error {
		_, err := picture.WriteTo(w)
		return err
	})
}

// A grid shows queries, each with its nearest training images by pixels and by embedding.
type grid struct {
	set          *dataset
	queries      simd.Matrix
	labels       []int // of the queries; nil where they are not known
	raw, trained [][]eval.Neighbor
}

// Sizes in pixels.
const (
	thumb  = 56 // side of an image
	frame  = 3
	cell   = thumb + 2*frame + 4
	rows   = 12
	gap    = 24 // between query, pixels and embedding
	header = 34
)

var (
	paper = color.NRGBA{0xff, 0xff, 0xff, 0xff}
	ink   = color.NRGBA{0x22, 0x22, 0x22, 0xff}
	right = color.NRGBA{0x2e, 0x9e, 0x4f, 0xff}
	wrong = color.NRGBA{0xd0, 0x3a, 0x2f, 0xff}
	plain = color.NRGBA{0xbb, 0xbb, 0xbb, 0xff}
)

func (g *grid) write(path string) error {
	face, err := titleFace()
	if err != nil {
		return err
	}
	defer face.Close()
	n := min(rows, g.queries.Rows)
	byPixels := gap/2 + cell + gap
	byEmbedding := byPixels + neighbours*cell + gap
	m := image.NewNRGBA(image.Rect(0, 0, byEmbedding+neighbours*cell+gap/2, header+n*cell+gap/2))
	draw.Draw(m, m.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	for _, t := range []struct {
		x    int
		text string
	}{{gap / 2, "query"}, {byPixels, "nearest by raw pixels"}, {byEmbedding, "nearest by trained encoder"}} {
		d := font.Drawer{Dst: m, Src: image.NewUniform(ink), Face: face, Dot: fixed.P(t.x+2, header-12)}
		d.DrawString(t.text)
	}
	for r := range n {
		q := r * (g.queries.Rows / n) // spread over classes and typefaces
		y := header + r*cell
		g.thumb(m, gap/2, y, plain, func(i int) uint8 { return gray(g.queries.Row(q)[i]) })
		for side, near := range [][]eval.Neighbor{g.raw[q], g.trained[q]} {
			for k, nb := range near {
				frame := plain
				if g.labels != nil && g.set.train.Labels != nil {
					frame = wrong
					if g.set.train.Labels[nb.Row] == g.labels[q] {
						frame = right
					}
				}
				pixels := g.set.train.At(nb.Row)
				g.thumb(m, []int{byPixels, byEmbedding}[side]+k*cell, y, frame, func(i int) uint8 { return pixels[i] })
			}
		}
	}
	return data.WriteAtomic(path, func(w io.Writer) error { return png.Encode(w, m) })
}

// thumb draws an image with a frame. Channels beyond the first three are left out.
func (g *grid) thumb(m *image.NRGBA, x, y int, c color.NRGBA, at func(i int) uint8) {
	draw.Draw(m, image.Rect(x, y, x+thumb+2*frame, y+thumb+2*frame), image.NewUniform(c), image.Point{}, draw.Src)
	w, h, channels := g.set.train.Width, g.set.train.Height, g.set.train.Channels
	for v := range thumb {
		for u := range thumb {
			i := (v*h/thumb*w + u*w/thumb) * channels
			p := color.NRGBA{at(i), at(i), at(i), 0xff}
			if channels >= 3 {
				p.G, p.B = at(i+1), at(i+2)
			}
			m.SetNRGBA(x+frame+u, y+frame+v, p)
		}
	}
}

// gray returns the byte of a pixel of an augmented image, whose range is 0 to 1.
func gray(v float32) uint8 { return uint8(255 * min(max(v, 0), 1)) }

func titleFace() (font.Face, error) {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, fmt.Errorf("font: %w", err)
	}
	return opentype.NewFace(f, &opentype.FaceOptions{Size: 14, DPI: 72, Hinting: font.HintingFull})
}
