// Package testkit has what tests of the packages of training share. Only tests import it.
package testkit

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/internal/sealed"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// Bars returns n images of 6×5 pixels, a bright bar each whose place depends on the class and whose
// pixels are noisy.
func Bars(n, classes int) images.Set {
	r := check.NewRand(7)
	m := images.Set{Width: 6, Height: 5, Channels: 1}
	for i := range n {
		class := i % classes
		m.Labels = append(m.Labels, class)
		for p := range 30 {
			v := r.IntN(60)
			if p%classes == class {
				v += 150
			}
			m.Pixels = append(m.Pixels, uint8(v))
		}
	}
	return m
}

// NoiseImages returns n images of w×h pixels of c channels whose pixels are random.
func NoiseImages(n, w, h, c int) images.Set {
	r := check.NewRand(11)
	m := images.Set{Width: w, Height: h, Channels: c, Pixels: make([]uint8, n*w*h*c)}
	for i := range m.Pixels {
		m.Pixels[i] = uint8(r.IntN(256))
	}
	return m
}

// Normals returns a matrix of normal random numbers.
func Normals(r *check.Rand, rows, cols int) simd.Matrix {
	m := simd.NewMatrix(rows, cols)
	copy(m.Data, r.Normals32(rows*cols))
	return m
}

// Gaps returns a matrix with n rows of d numbers, those of x, gap numbers apart. What lies between the
// rows is NaN, which would show in any result that it enters.
func Gaps(n, d, gap int, x []float32) simd.Matrix {
	m := simd.Matrix{Rows: n, Cols: d, Stride: d + gap}
	if n == 0 {
		return m
	}
	m.Data = make([]float32, (n-1)*m.Stride+d)
	for i := range m.Data {
		m.Data[i] = float32(math.NaN())
	}
	for i := range n {
		copy(m.Row(i), x[i*d:(i+1)*d])
	}
	return m
}

// ReadFile returns the contents of the file at path.
func ReadFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// WriteFile replaces the file at path.
func WriteFile(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// Edit returns the safetensors file b as f changes it, with its hash made anew if it has one.
func Edit(t testing.TB, b []byte, f func(tensors []data.Tensor, meta map[string]string) []data.Tensor) []byte {
	t.Helper()
	tensors, meta, err := data.ReadSafetensors(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	tensors = f(tensors, meta)
	if _, ok := meta[sealed.HashKey]; ok {
		meta[sealed.HashKey] = sealed.Sum(tensors, meta)
	}
	var out bytes.Buffer
	if err := data.WriteSafetensors(&out, tensors, meta); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// FuzzSealed calls f with the path of a file of each content, unchanged and sealed anew: a damaged
// file is caught by its hash, so what is behind that is reached with a hash made anew. An error of
// f must be one line that begins with noun and the path.
func FuzzSealed(t *testing.T, content []byte, noun string, f func(path string) error) {
	path := filepath.Join(t.TempDir(), "bad")
	for _, b := range [][]byte{content, resealed(content)} {
		WriteFile(t, path, b)
		if err := f(path); err != nil && (!strings.HasPrefix(err.Error(), noun+": "+path+": ") || strings.ContainsAny(err.Error(), "\n\r")) {
			t.Fatalf("error %q, want one line that begins with %s: and the path", err, noun)
		}
	}
}

func resealed(b []byte) []byte {
	tensors, meta, err := data.ReadSafetensors(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return b
	}
	if meta == nil {
		meta = make(map[string]string)
	}
	meta[sealed.HashKey] = sealed.Sum(tensors, meta)
	var out bytes.Buffer
	if err := data.WriteSafetensors(&out, tensors, meta); err != nil {
		return b
	}
	return out.Bytes()
}

// PanicsOnShape holds f to a panic with a *simd.ShapeError.
func PanicsOnShape(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		err, ok := recover().(error)
		var shape *simd.ShapeError
		if !ok || !errors.As(err, &shape) {
			t.Errorf("%s: no panic with a *simd.ShapeError", name)
		}
	}()
	f()
}
