package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const faceSize = 32 // the side of a face in pixels

// A person is what is the same in all faces of someone; positions and sizes are parts of the face.
type person struct {
	width, height               float64 // half axes of the head
	skin, hair, hairline        float64 // intensities, and how far down the hair comes
	eyeX, eyeY, eyeW, eyeH      float64
	browY, browTilt, browW      float64
	noseY, noseW                float64
	mouthY, mouthW, mouthCurve  float64
	lips, cheek, iris, eyebrows float64 // intensities
}

func newPerson(r *rand.Rand) person {
	in := func(lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }
	return person{
		width: in(0.56, 0.78), height: in(0.74, 0.94), skin: in(0.5, 0.85), hair: in(0.05, 0.4), hairline: in(-0.75, -0.45),
		eyeX: in(0.2, 0.36), eyeY: in(-0.26, -0.04), eyeW: in(0.09, 0.17), eyeH: in(0.05, 0.11),
		browY: in(0.12, 0.22), browTilt: in(-0.35, 0.35), browW: in(0.14, 0.24),
		noseY: in(0.1, 0.28), noseW: in(0.05, 0.14),
		mouthY: in(0.36, 0.56), mouthW: in(0.16, 0.34), mouthCurve: in(-1.4, 1.4),
		lips: in(0.15, 0.5), cheek: in(-0.12, 0.12), iris: in(0.02, 0.35), eyebrows: in(0.05, 0.4),
	}
}

// draw returns a face of p in another pose and light, with noise, and behind a bar now and then.
func (p person) draw(r *rand.Rand) []byte {
	in := func(lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }
	shiftX, shiftY, scale, turn := in(-0.1, 0.1), in(-0.1, 0.1), in(0.92, 1.08), in(-0.12, 0.12)
	yaw, tilt := in(-0.06, 0.06), in(-0.04, 0.04) // what moves the features within the head
	light, across, down, grain := in(0.7, 1.2), in(-0.35, 0.35), in(-0.25, 0.25), in(0.02, 0.06)
	bar, barAt := r.IntN(4) == 0, in(-0.8, 0.8)
	sin, cos := math.Sincos(turn)
	pixels := make([]byte, 0, faceSize*faceSize)
	for py := range faceSize {
		for px := range faceSize {
			u, v := (float64(px)+0.5)/faceSize*2-1, (float64(py)+0.5)/faceSize*2-1
			x := (cos*(u-shiftX) + sin*(v-shiftY)) / scale
			y := (cos*(v-shiftY) - sin*(u-shiftX)) / scale
			c := 0.5 + 0.1*u // behind the head
			// over covers c by a shape, which is inside where d is below 0.
			over := func(d, intensity float64) {
				a := min(max(0.5-d*10, 0), 1)
				c += a * (intensity - c)
			}
			ellipse := func(cx, cy, w, h float64) float64 {
				return (math.Hypot((x-cx)/w, (y-cy)/h) - 1) * min(w, h)
			}
			over(ellipse(0, 0, p.width, p.height), p.skin)
			over(max(ellipse(0, 0, p.width+0.04, p.height+0.04), y-p.hairline-0.5*x*x), p.hair)
			for _, side := range []float64{-1, 1} {
				ex, ey := side*p.eyeX+yaw, p.eyeY+tilt
				over(ellipse(side*(p.eyeX+0.08)+yaw, p.noseY+tilt, 0.16, 0.13), p.skin+p.cheek)
				over(ellipse(ex, ey, p.eyeW, p.eyeH), 0.95)
				over(ellipse(ex, ey, p.eyeH*0.8, p.eyeH*0.8), p.iris)
				over(max(math.Abs(x-ex)-p.browW, math.Abs(y-ey+p.browY-side*p.browTilt*(x-ex))-0.035), p.eyebrows)
			}
			over(ellipse(yaw*1.4, p.noseY+tilt, p.noseW, 0.07), p.skin*0.6)
			over(max(math.Abs(x-yaw)-p.mouthW, math.Abs(y-p.mouthY-tilt+p.mouthCurve*(x-yaw)*(x-yaw))-0.05), p.lips)
			c = c*(light+across*u+down*v) + grain*r.NormFloat64()
			if bar && math.Abs(v-barAt) < 0.12 {
				c = 0.3
			}
			pixels = append(pixels, byte(255*min(max(c, 0), 1)))
		}
	}
	return pixels
}

// faces writes a database of faces, s1/1.pgm and so on, and returns its folder.
func faces(t *testing.T, people, each int, seed uint64) string {
	t.Helper()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(seed, 7))
	for i := range people {
		p, folder := newPerson(r), filepath.Join(dir, fmt.Sprintf("s%d", i+1))
		if err := os.Mkdir(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		for j := range each {
			head := fmt.Sprintf("P5\n%d %d\n255\n", faceSize, faceSize)
			write(t, filepath.Join(folder, fmt.Sprintf("%d.pgm", j+1)), append([]byte(head), p.draw(r)...))
		}
	}
	return dir
}

// A network that learns some people verifies others better than their pixels do, also those of
// another folder.
func TestFaces(t *testing.T) {
	if testing.Short() {
		t.Skip("a run of some seconds")
	}
	dir, out := faces(t, 80, 12, 1), filepath.Join(t.TempDir(), "run")
	succeed(t, "train", "--data", dir, "--split=classes", "--arch=cnn", "--filters=16,32,48", "--loss=supcon", "--batch=48", "--steps=250", "--lr=0.002",
		"--augment=rotation=8,shear=0.05,blur=0,flip=0.5", "--out", out, "--json")
	for _, more := range [][]string{nil, {"--data", faces(t, 20, 8, 2)}} {
		stdout, stderr := succeed(t, append([]string{"eval", "--model", out, "--json"}, more...)...)
		var r scoreReport
		if err := json.Unmarshal([]byte(stdout), &r); err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: 192, false: 160}[more == nil]; r.Samples != want {
			t.Errorf("%v: %d faces are measured, want %d", more, r.Samples, want)
		}
		t.Logf("%s", stderr)
		for _, f := range []struct {
			name   string
			better float64 // by at least so much
		}{{"auc", 0.05}, {"eer", -0.05}, {"tar@far=0.01", 0.05}, {"accuracy", 0}, {"recall@1", 0}} {
			raw, trained := r.Raw.Get(f.name), r.Trained.Get(f.name)
			if gain := trained - raw - f.better; f.better >= 0 && gain < 0 || f.better < 0 && gain > 0 {
				t.Errorf("%v: %s is %.3f, of raw pixels %.3f, want it better", more, f.name, trained, raw)
			}
		}
		if r.Trained.Get("collapsed") != 0 || !strings.Contains(stderr, "of classes not trained on") {
			t.Errorf("%v: collapsed, or not of classes not trained on:\n%s", more, stderr)
		}
	}
}
