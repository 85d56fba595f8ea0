package reproduce

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// A panel is a part of a picture, with axes of its own.
type panel struct {
	title, x, y string
	logX, logY  bool
	curves      []curve
	levels      []float64 // horizontal lines
	top         float64   // the y axis goes from 0 to this; 0 means as far as the curves
	shadeName   string    // what the shades of points are; "" where there are none
}

type curve struct {
	name   string
	points []point
	dashed bool // a bound: a thin grey line without marks
	marks  bool // marks alone
	plain  bool // no marks

	shades []float64 // of the points, from 0 to 1; nil means that marks have the color of the curve
}

type point struct{ x, y float64 }

// colors are those of the curves that are not bounds, in this order. They also differ in lightness.
var colors = []color.RGBA{
	{20, 70, 140, 255}, {200, 80, 30, 255}, {40, 140, 90, 255}, {130, 60, 150, 255}, {190, 150, 20, 255}, {80, 160, 200, 255}, {150, 30, 60, 255}, {110, 110, 110, 255}, {20, 20, 20, 255}, {230, 120, 160, 255},
}

// WritePNG draws the picture of the report, its panels side by side.
func (r *Report) WritePNG(w io.Writer) error {
	width := vg.Length(max(6.2*float64(len(r.panels)), 7.5)) * vg.Inch
	canvas := vgimg.NewWith(vgimg.UseWH(width, 4.2*vg.Inch), vgimg.UseDPI(144))
	tiles := draw.Tiles{
		Rows: 1, Cols: len(r.panels), PadX: vg.Points(20),
		PadTop: vg.Points(8), PadBottom: vg.Points(8), PadLeft: vg.Points(8), PadRight: vg.Points(8),
	}
	for i, p := range r.panels {
		if err := p.draw(tiles.At(draw.New(canvas), i, 0)); err != nil {
			return fmt.Errorf("picture of %s: %w", r.Experiment, err)
		}
	}
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(w); err != nil {
		return fmt.Errorf("picture of %s: %w", r.Experiment, err)
	}
	return nil
}

// draw draws the panel, with its legend to the right.
func (p panel) draw(c draw.Canvas) error {
	g := plot.New()
	g.Title.Text, g.X.Label.Text, g.Y.Label.Text = p.title, p.x, p.y
	g.Title.Padding = vg.Points(8)
	setFont(&g.Title.TextStyle.Font, 14)
	for _, a := range []*plot.Axis{&g.X, &g.Y} {
		setFont(&a.Label.TextStyle.Font, 12)
		setFont(&a.Tick.Label.Font, 10)
		a.Label.Padding = vg.Points(4)
		a.Tick.Marker = plot.TickerFunc(roundTicks)
	}
	if p.logX {
		g.X.Scale, g.X.Tick.Marker = plot.LogScale{}, p.abscissas()
	}
	if p.logY {
		g.Y.Scale, g.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{225}, color.Gray{225}
	g.Add(grid)
	for _, y := range p.levels {
		f := plotter.NewFunction(func(float64) float64 { return y })
		f.Color, f.Width, f.Dashes = color.Gray{150}, vg.Points(0.7), []vg.Length{vg.Points(2), vg.Points(3)}
		g.Add(f)
	}
	legend := plot.NewLegend()
	legend.Top, legend.Left, legend.Padding = true, true, vg.Points(3)
	setFont(&legend.TextStyle.Font, 10)
	colored := 0
	for _, c := range p.curves {
		look := draw.LineStyle{Color: color.Gray{90}, Width: vg.Points(1), Dashes: []vg.Length{vg.Points(5), vg.Points(3)}}
		if !c.dashed {
			look = draw.LineStyle{Color: colors[colored%len(colors)], Width: vg.Points(1.6)}
			colored++
		}
		if err := c.add(g, &legend, look); err != nil {
			return err
		}
	}
	if p.shadeName != "" {
		for v := 0.0; v <= 1; v += 0.25 {
			legend.Add(fmt.Sprintf("%s %v", p.shadeName, v), shaded{draw.GlyphStyle{Color: shade(v), Radius: vg.Points(3.4), Shape: draw.CircleGlyph{}}})
		}
	}
	if p.top > 0 {
		g.Y.Min, g.Y.Max = 0, p.top
	}
	names := legend.Rectangle(c).Size().X
	g.Draw(draw.Crop(c, 0, -names-vg.Points(8), 0, 0))
	legend.Draw(draw.Crop(c, c.Size().X-names, 0, 0, -vg.Points(28)))
	return nil
}

// roundTicks marks multiples of 1, 2 or 5 times a power of ten between lo and hi, at most nine.
func roundTicks(lo, hi float64) []plot.Tick {
	if !(hi > lo) || math.IsInf(hi-lo, 0) {
		return []plot.Tick{{Value: lo, Label: strconv.FormatFloat(lo, 'g', 4, 64)}}
	}
	unit, power := 1.0, 1.0
	for power > (hi-lo)/8 {
		power /= 10
	}
	for i := 0; ; i++ {
		if unit = power * []float64{1, 2, 5}[i%3]; unit >= (hi-lo)/8 {
			break
		}
		if i%3 == 2 {
			power *= 10
		}
	}
	var t []plot.Tick
	for n := math.Ceil(lo / unit); n*unit <= hi; n++ {
		t = append(t, plot.Tick{Value: n * unit, Label: strconv.FormatFloat(n*unit, 'g', 6, 64)})
	}
	return t
}

// add draws the curve.
func (c curve) add(g *plot.Plot, legend *plot.Legend, look draw.LineStyle) error {
	xys := make(plotter.XYs, len(c.points))
	for i, p := range c.points {
		xys[i] = plotter.XY{X: p.x, Y: p.y}
	}
	line, marks, err := plotter.NewLinePoints(xys)
	if err != nil {
		return fmt.Errorf("curve %q: %w", c.name, err)
	}
	line.LineStyle = look
	marks.GlyphStyle = draw.GlyphStyle{Color: look.Color, Radius: vg.Points(2.6), Shape: draw.CircleGlyph{}}
	var thumbnails []plot.Thumbnailer
	if !c.marks {
		g.Add(line)
		thumbnails = append(thumbnails, line)
	}
	if c.shades != nil {
		marks.GlyphStyleFunc = func(i int) draw.GlyphStyle {
			return draw.GlyphStyle{Color: shade(c.shades[i]), Radius: vg.Points(3.4), Shape: draw.CircleGlyph{}}
		}
		g.Add(marks)
	} else if !c.dashed && !c.plain {
		g.Add(marks)
		thumbnails = append(thumbnails, marks)
	}
	if c.name != "" {
		legend.Add(c.name, thumbnails...)
	}
	return nil
}

// shades go from light to dark, so that they can be told apart without color (from viridis of
// matplotlib).
var shades = []color.RGBA{{253, 231, 37, 255}, {94, 201, 98, 255}, {33, 145, 140, 255}, {59, 82, 139, 255}, {68, 1, 84, 255}}

// shade returns the color of a number from 0 to 1.
func shade(v float64) color.Color {
	at := float64(max(0, min(1, v)) * float64(len(shades)-1))
	i := min(int(at), len(shades)-2)
	mix := func(a, b uint8) uint8 {
		return uint8(float64(a) + float64((float64(b)-float64(a))*(at-float64(i))) + 0.5)
	}
	a, b := shades[i], shades[i+1]
	return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 255}
}

// A shaded is a mark in a legend.
type shaded struct{ draw.GlyphStyle }

// Thumbnail is called by plot.
func (s shaded) Thumbnail(c *draw.Canvas) {
	c.DrawGlyph(s.GlyphStyle, vg.Point{X: (c.Min.X + c.Max.X) / 2, Y: (c.Min.Y + c.Max.Y) / 2}) // Center would be inlined, and fused
}

// abscissas puts ticks at the points of the first curve, which is easier to read than powers of ten
// if there are few.
func (p panel) abscissas() plot.Ticker {
	return plot.TickerFunc(func(lo, hi float64) []plot.Tick {
		var ticks []plot.Tick
		for _, c := range p.curves {
			for _, at := range c.points {
				if at.x >= lo && at.x <= hi && !marked(ticks, at.x) {
					ticks = append(ticks, plot.Tick{Value: at.x, Label: abbreviate(at.x)})
				}
			}
		}
		return ticks
	})
}

func marked(ticks []plot.Tick, x float64) bool {
	for _, t := range ticks {
		if math.Abs(t.Value-x) <= 1e-6*x {
			return true
		}
	}
	return false
}

// abbreviate writes 65,536 as 64k.
func abbreviate(x float64) string {
	if k := x / 1024; k >= 1 && k == math.Trunc(k) {
		return strconv.FormatFloat(k, 'f', -1, 64) + "k"
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}

func setFont(f *font.Font, points float64) {
	f.Variant, f.Size = "Sans", vg.Points(points)
}
