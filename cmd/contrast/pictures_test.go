package main

import (
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/simd"
)

func TestSmoothed(t *testing.T) {
	x := []float64{4, 2, 9}
	if got := smoothed(x); !slices.Equal(got, x) {
		t.Errorf("few steps: got %v, want %v", got, x)
	}
	line := make([]float64, 300)
	for i := range line {
		line[i] = float64(i)
	}
	for i, got := range smoothed(line) { // the mean of what is within 3 steps
		lo, hi := max(i-3, 0), min(i+3, 299)
		if want := float64(lo+hi) / 2; got != want {
			t.Fatalf("step %d of a straight line: got %v, want %v", i, got, want)
		}
	}
}

func TestTicksAreFewAndRound(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{
		{1, 2000, "500 1000 1500 2000"},
		{1, 40, "5 10 15 20 25 30 35 40"},
		{1, 600000, "100000 200000 300000 400000 500000 600000"},
		{1.02, 6.24, "2 3 4 5 6"},
		{0.0123, 0.0171, "0.013 0.014 0.015 0.016 0.017"},
		{-3, 3, "-3 -2 -1 0 1 2 3"},
		{2, 2, "2"},
	} {
		var labels []string
		for _, tick := range ticks(c.lo, c.hi) {
			labels = append(labels, tick.Label)
			if tick.Value < c.lo || tick.Value > c.hi {
				t.Errorf("%v to %v: tick at %v", c.lo, c.hi, tick.Value)
			}
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("%v to %v: ticks at %s, want %s", c.lo, c.hi, got, c.want)
		}
	}
}

func TestReadCurves(t *testing.T) {
	path := filepath.Join(t.TempDir(), train.MetricsFile)
	for _, c := range []struct {
		content string
		want    []float64
		says    string
	}{
		{`{"step":0,"loss":2.5,"lr":1}` + "\n" + `{"step":1,"loss":-1e-3}` + "\n", []float64{2.5, -1e-3}, ""},
		{"", nil, "EOF"},
		{`{"step":0,"loss":2.5}` + "\n" + `{"step":1,"lo`, nil, "offset 21"},
		{`{"step":0}`, nil, "no loss"},
		{`loss`, nil, "offset"},
	} {
		write(t, path, []byte(c.content))
		steps, err := readCurves(path)
		got := steps.loss
		if !slices.Equal(got, c.want) || (err == nil) != (c.says == "") || err != nil && (!strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path)) {
			t.Errorf("%q: got %v, %v, want %v, %q", c.content, got, err, c.want, c.says)
		}
	}
}

func TestCurveOfOneStepOrEqualLosses(t *testing.T) {
	path := filepath.Join(t.TempDir(), curveFile)
	for _, losses := range [][]float64{{3}, {0, 0, 0}, {1e-30, 1e30}} {
		if err := drawLosses(path, "title", losses); err != nil {
			t.Errorf("%v: %v", losses, err)
		}
	}
}

// The frame of a neighbour tells whether it is of the class of the query.
func TestGridFrames(t *testing.T) {
	m := images.Set{Width: 3, Height: 5, Channels: 1, Labels: []int{0, 1}, Classes: []string{"zero", "one"}}
	m.Pixels = slices.Concat(slices.Repeat([]byte{255}, 15), slices.Repeat([]byte{128}, 15))
	e := &imageExam{gallery: m, tested: m, views: simd.NewMatrix(2, 15), viewLabels: m.Labels, galleryRows: simd.NewMatrix(2, 15)}
	augment.Flatten(e.galleryRows, m)
	augment.Flatten(e.views, m)
	raw := answer{near: [][]eval.Neighbor{{{Row: 0}, {Row: 1}}, {{Row: 0}, {Row: 1}}}}
	trained := answer{near: [][]eval.Neighbor{{{Row: 0}}, {{Row: 1}}}}
	path := filepath.Join(t.TempDir(), gridFile)
	if err := drawNeighbours(path, e, raw, trained); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	rawX := margin + cellSize + groupGap
	trainedX := rawX + voters*(cellSize+cellGap) - cellGap + groupGap
	for _, c := range []struct {
		row, x int
		want   color.Color
		gray   uint8 // in the middle of the image
	}{
		{0, margin, ink, 255},
		{0, rawX, right, 255},
		{0, rawX + cellSize + cellGap, wrong, 128},
		{0, trainedX, right, 255},
		{1, margin, ink, 128},
		{1, rawX, wrong, 255},
		{1, rawX + cellSize + cellGap, right, 128},
		{1, trainedX, right, 128},
		{1, trainedX + cellSize + cellGap, color.White, 255},
	} {
		y := headerSize + c.row*(cellSize+labelSize+cellGap)
		if got := color.RGBAModel.Convert(picture.At(c.x-1, y+cellSize/2)); got != color.RGBAModel.Convert(c.want) {
			t.Errorf("row %d, x %d: frame is %v, want %v", c.row, c.x, got, c.want)
		}
		if got := color.GrayModel.Convert(picture.At(c.x+cellSize/2, y+cellSize/2)).(color.Gray).Y; got != c.gray {
			t.Errorf("row %d, x %d: image is %d, want %d", c.row, c.x, got, c.gray)
		}
	}
	if got := share(e, raw); got != 0.5 {
		t.Errorf("share of raw is %v, want 0.5", got)
	}
}

func TestSpread(t *testing.T) {
	m := images.Set{Width: 1, Height: 1, Channels: 1}
	for i := range 10 {
		m.Pixels, m.Labels = append(m.Pixels, byte(i)), append(m.Labels, i)
	}
	for n, want := range map[int][]int{1: {0}, 3: {0, 3, 6}, 4: {0, 2, 5, 7}, 10: m.Labels, 11: m.Labels} {
		if got := spread(m, n); !slices.Equal(got.Labels, want) || got.Len() != len(want) {
			t.Errorf("%d of 10: got %v, want %v", n, got.Labels, want)
		}
	}
}

func TestRawPixelsAreCentred(t *testing.T) {
	x := simd.Matrix{Rows: 2, Cols: 4, Stride: 4, Data: []float32{1, 2, 3, 6, 5, 5, 5, 5}}
	if got, want := rawPixels(x).Data, []float32{-2, -1, 0, 3, 0, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestImagesPerClass(t *testing.T) {
	for _, c := range []struct{ rows, classes, want int }{
		{48, 62, 2}, {48, 10, 6}, {512, 62, 16}, {4, 2, 2}, {4, 1, 0}, {118, 1, 0}, {118, 2, 59}, {20, 6, 4}, {4, 0, 0},
	} {
		if got := imagesPerClass(c.rows, c.classes); got != c.want {
			t.Errorf("%d rows of %d classes: got %d, want %d", c.rows, c.classes, got, c.want)
		}
	}
}

func TestTableSaysByHowMuch(t *testing.T) {
	of := func(knn, recall float64) answer {
		f := figures{{"knn", knn}, {"recall@1", recall}}
		return answer{eval: f, clean: f}
	}
	raw, untrained, trained := row{"raw pixels", of(0.5, 0.25)}, row{"untrained encoder", of(0.125, 1)}, row{"trained encoder", of(0.75, 0.625)}
	text := table("3 views", []row{raw, untrained, trained})
	for _, want := range []string{"3 views:\n", "augmented queries", "kNN (5)    Recall@1", "raw pixels              50.0 %      25.0 %        50.0 %", "trained encoder         75.0 %      62.5 %"} {
		if !strings.Contains(text, want) {
			t.Errorf("table lacks %q:\n%s", want, text)
		}
	}
	raw.clean = nil
	if text := table("3 views", []row{raw}); strings.Contains(text, "clean") || strings.Count(text, "kNN") != 1 {
		t.Errorf("the table of one question is\n%s", text)
	}
	if got, want := gain(raw, trained, ""), "By kNN (5) the trained encoder is 25.0 points above raw pixels.\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := gain(trained, raw, " on augmented queries"), "By kNN (5) the raw pixels is 25.0 points below trained encoder on augmented queries.\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestErrorsThatAreNotFiniteAreNull(t *testing.T) {
	for x, want := range map[share64]string{share64(math.Inf(1)): "null", 0.25: "0.25"} {
		if got, err := x.MarshalJSON(); string(got) != want || err != nil {
			t.Errorf("%v: got %s, %v, want %s", x, got, err, want)
		}
	}
	if got, err := share64(math.NaN()).MarshalJSON(); string(got) != "null" || err != nil {
		t.Errorf("NaN: got %s, %v, want null", got, err)
	}
}
