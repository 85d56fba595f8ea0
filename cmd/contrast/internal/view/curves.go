package view

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/contrast-go/contrast/infonce/data"
)

// Curves are what the metrics of a run say of each step.
type Curves struct {
	Loss, Rate, GradNorm []float64
	Temperature          []float64 // 0 where none is learned
}

// Add appends a step.
func (c *Curves) Add(loss, rate, norm, temperature float64) {
	c.Loss, c.Rate = append(c.Loss, loss), append(c.Rate, rate)
	c.GradNorm, c.Temperature = append(c.GradNorm, norm), append(c.Temperature, temperature)
}

// Cut keeps the first n steps.
func (c *Curves) Cut(n int) {
	for _, v := range []*[]float64{&c.Loss, &c.Rate, &c.GradNorm, &c.Temperature} {
		*v = (*v)[:min(n, len(*v))]
	}
}

// ReadCurves reads the metrics at path, of at least one step.
func ReadCurves(path string) (c Curves, err error) {
	f, err := os.Open(path)
	if err != nil {
		return Curves{}, fmt.Errorf("metrics: %w", err)
	}
	defer f.Close()
	for d := json.NewDecoder(f); ; {
		var line struct {
			Loss        *float64 `json:"loss"`
			Rate        float64  `json:"lr"`
			Norm        float64  `json:"grad_norm"`
			Temperature float64  `json:"temperature"`
		}
		switch err := d.Decode(&line); {
		case errors.Is(err, io.EOF) && len(c.Loss) > 0:
			return c, nil
		case err != nil:
			return Curves{}, fmt.Errorf("metrics: %s: offset %d: %w", path, d.InputOffset(), err)
		case line.Loss == nil:
			return Curves{}, fmt.Errorf("metrics: %s: offset %d: got no loss, want one a line", path, d.InputOffset())
		}
		c.Add(*line.Loss, line.Rate, line.Norm, line.Temperature)
	}
}

// DrawLosses draws the loss of each step, and a smooth curve through them, as a PNG.
func DrawLosses(path, title string, losses []float64) error {
	each, smooth := make(plotter.XYs, len(losses)), make(plotter.XYs, len(losses))
	mean := smoothed(losses)
	for i, v := range losses {
		each[i] = plotter.XY{X: float64(i + 1), Y: v}
		smooth[i] = plotter.XY{X: float64(i + 1), Y: mean[i]}
	}
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, "step", "loss"
	p.Title.Padding = vg.Points(8)
	setFont(&p.Title.TextStyle.Font, 15)
	setFont(&p.Legend.TextStyle.Font, 12)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		setFont(&axis.Label.TextStyle.Font, 13)
		setFont(&axis.Tick.Label.Font, 11)
		axis.Label.Padding = vg.Points(4)
		axis.Tick.Marker = plot.TickerFunc(ticks)
	}
	p.Legend.Top, p.Legend.Padding = true, vg.Points(4)
	p.Legend.XOffs, p.Legend.YOffs = vg.Points(-10), vg.Points(-8)
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{225}, color.Gray{225}
	p.Add(grid)
	for _, curve := range []struct {
		name   string
		points plotter.XYs
		width  vg.Length
		color  color.Color
	}{
		{"each step", each, vg.Points(0.7), color.RGBA{158, 190, 226, 255}},
		{"smoothed", smooth, vg.Points(2), color.RGBA{20, 70, 140, 255}},
	} {
		line, err := plotter.NewLine(curve.points)
		if err != nil {
			return fmt.Errorf("loss curve: %w", err)
		}
		line.Width, line.Color = curve.width, curve.color
		p.Add(line)
		p.Legend.Add(curve.name, line)
	}

	canvas := vgimg.NewWith(vgimg.UseWH(8*vg.Inch, 4.6*vg.Inch), vgimg.UseDPI(144))
	p.Draw(draw.Crop(draw.New(canvas), vg.Points(8), vg.Points(-14), vg.Points(8), vg.Points(-8)))
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&b); err != nil {
		return fmt.Errorf("loss curve: %w", err)
	}
	return WritePicture(path, b.Bytes())
}

func setFont(f *font.Font, points float64) {
	f.Variant, f.Size = "Sans", vg.Points(points)
}

// ticks returns the multiples of a round number between lo and hi, about six.
func ticks(lo, hi float64) []plot.Tick {
	if !(hi > lo) {
		return []plot.Tick{{Value: lo, Label: strconv.FormatFloat(lo, 'g', 4, 64)}}
	}
	// The smallest of 1, 2, 5, 10, 20, … times a power of ten that gives no more than eight.
	unit, round := 1.0, []float64{2, 2.5, 2}
	for unit > (hi-lo)/8 {
		unit /= 10
	}
	for i := 0; (hi-lo)/unit > 8; i++ {
		unit *= round[i%len(round)]
	}
	var t []plot.Tick
	for n := math.Ceil(lo / unit); n*unit <= hi; n++ {
		t = append(t, plot.Tick{Value: n * unit, Label: strconv.FormatFloat(n*unit, 'g', 6, 64)})
	}
	return t
}

// smoothed returns the mean of x around each element, over a fiftieth of x.
func smoothed(x []float64) []float64 {
	reach := len(x) / 100
	mean := make([]float64, len(x))
	for i := range x {
		lo, hi := max(i-reach, 0), min(i+reach+1, len(x))
		for _, v := range x[lo:hi] {
			mean[i] += v
		}
		mean[i] /= float64(hi - lo)
	}
	return mean
}

// WritePicture writes a file whole or not at all.
func WritePicture(path string, content []byte) error {
	err := data.WriteAtomic(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
	if err != nil {
		return fmt.Errorf("picture: %w", err)
	}
	return nil
}
