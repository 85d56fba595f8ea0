package view

import (
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/cmd/contrast/internal/evaluation"
	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/simd"
)

// The frame of a neighbour tells whether it is of the class of the query.
func TestGridFrames(t *testing.T) {
	m := images.Set{Width: 3, Height: 5, Channels: 1, Labels: []int{0, 1}, Classes: []string{"zero", "one"}}
	m.Pixels = slices.Concat(slices.Repeat([]byte{255}, 15), slices.Repeat([]byte{128}, 15))
	e := &evaluation.Retrieval{Gallery: m, Tested: m, Views: simd.NewMatrix(2, 15), ViewLabels: m.Labels, GalleryRows: simd.NewMatrix(2, 15)}
	augment.Flatten(e.GalleryRows, m)
	augment.Flatten(e.Views, m)
	raw := evaluation.Answer{Near: [][]eval.Neighbor{{{Row: 0}, {Row: 1}}, {{Row: 0}, {Row: 1}}}}
	trained := evaluation.Answer{Near: [][]eval.Neighbor{{{Row: 0}}, {{Row: 1}}}}
	path := filepath.Join(t.TempDir(), "neighbours.png")
	if err := DrawNeighbours(path, e, raw, trained); err != nil {
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
	trainedX := rawX + evaluation.Neighbours*(cellSize+cellGap) - cellGap + groupGap
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
	if got := e.Share(raw); got != 0.5 {
		t.Errorf("share of raw is %v, want 0.5", got)
	}
}
