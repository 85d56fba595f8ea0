package view

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"github.com/contrast-go/contrast/cmd/contrast/internal/evaluation"
)

// The grid of neighbours, in pixels.
const (
	cellSize   = 84 // the side of the box of an image
	frameWidth = 4
	labelSize  = 20 // the height of the line below an image
	cellGap    = 10
	groupGap   = 44
	margin     = 28
	headerSize = 78
)

var (
	ink   = color.RGBA{30, 30, 34, 255}
	right = color.RGBA{0, 150, 72, 255}
	wrong = color.RGBA{214, 48, 44, 255}
)

// DrawNeighbours draws views and their nearest neighbours, by raw pixels and by the trained
// encoder, as a PNG.
func DrawNeighbours(path string, e *evaluation.Retrieval, raw, trained evaluation.Answer) error {
	shown := e.Shown()
	groupWidth := evaluation.Neighbours*(cellSize+cellGap) - cellGap
	rawX := margin + cellSize + groupGap
	trainedX := rawX + groupWidth + groupGap
	g := &grid{e: e, canvas: image.NewRGBA(image.Rect(0, 0, trainedX+groupWidth+margin, headerSize+len(shown)*(cellSize+labelSize+cellGap)+margin/2))}
	draw.Draw(g.canvas, g.canvas.Bounds(), image.White, image.Point{}, draw.Src)
	if err := g.openFonts(); err != nil {
		return fmt.Errorf("neighbours: %w", err)
	}

	g.text(g.large, "query", margin+cellSize/2, 34, ink)
	g.text(g.large, fmt.Sprintf("nearest by raw pixels (%.0f %% right)", 100*e.Share(raw)), rawX+groupWidth/2, 34, ink)
	g.text(g.large, fmt.Sprintf("nearest by the trained encoder (%.0f %% right)", 100*e.Share(trained)), trainedX+groupWidth/2, 34, ink)
	g.text(g.small, "nearest first; green: of the same class, red: of another", (rawX+trainedX+groupWidth)/2, 60, color.RGBA{110, 110, 116, 255})
	for r, i := range shown {
		y := headerSize + r*(cellSize+labelSize+cellGap)
		label := e.ViewLabels[i]
		g.cell(e.Views.Row(i), e.Gallery.Classes[label], margin, y, ink)
		for _, group := range []struct {
			x      int
			answer evaluation.Answer
		}{{rawX, raw}, {trainedX, trained}} {
			for k, n := range group.answer.Near[i] {
				frame, found := wrong, e.Gallery.Labels[n.Row]
				if found == label {
					frame = right
				}
				g.cell(e.GalleryRows.Row(n.Row), e.Gallery.Classes[found], group.x+k*(cellSize+cellGap), y, frame)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, g.canvas); err != nil {
		return fmt.Errorf("neighbours: %w", err)
	}
	return WritePicture(path, b.Bytes())
}

// A grid is a picture under way.
type grid struct {
	e            *evaluation.Retrieval
	canvas       *image.RGBA
	small, large font.Face
}

func (g *grid) openFonts() error {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return err
	}
	open := func(size float64) (face font.Face) {
		if err == nil {
			face, err = opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
		}
		return face
	}
	g.small, g.large = open(15), open(19)
	return err
}

// cell draws an image with a frame and its class below.
func (g *grid) cell(pixels []float32, class string, x, y int, frame color.RGBA) {
	box := image.Rect(x, y, x+cellSize, y+cellSize)
	draw.Draw(g.canvas, box.Inset(-frameWidth), image.NewUniform(frame), image.Point{}, draw.Src)
	draw.Draw(g.canvas, box, image.Black, image.Point{}, draw.Src)

	m := g.e.Gallery
	src := image.NewRGBA(image.Rect(0, 0, m.Width, m.Height))
	for i := range m.Width * m.Height {
		at := func(channel int) uint8 { // of grey images all are the same
			return pixelByte(pixels[i*m.Channels+min(channel, m.Channels-1)])
		}
		src.SetRGBA(i%m.Width, i/m.Width, color.RGBA{at(0), at(1), at(2), 255})
	}
	// As large as fits, without a change of its shape.
	w, h := cellSize, max(cellSize*m.Height/m.Width, 1)
	if m.Height > m.Width {
		w, h = max(cellSize*m.Width/m.Height, 1), cellSize
	}
	at := image.Pt(x+(cellSize-w)/2, y+(cellSize-h)/2)
	var scaler draw.Scaler = draw.NearestNeighbor // the pixels are what is searched
	if m.Width > w {
		scaler = draw.CatmullRom
	}
	scaler.Scale(g.canvas, image.Rectangle{at, at.Add(image.Pt(w, h))}, src, src.Bounds(), draw.Src, nil)
	g.text(g.small, class, x+cellSize/2, y+cellSize+labelSize-2, frame)
}

// text writes s about the middle x, on the line y.
func (g *grid) text(face font.Face, s string, x, y int, c color.Color) {
	d := font.Drawer{Dst: g.canvas, Src: image.NewUniform(c), Face: face}
	d.Dot = fixed.Point26_6{X: fixed.I(x) - d.MeasureString(s)/2, Y: fixed.I(y)}
	d.DrawString(s)
}
