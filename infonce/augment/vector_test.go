package augment

import (
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// varied returns rows filled with one number, augmented.
func varied(a Vector, rows, width int, fill float32) simd.Matrix {
	x := simd.NewMatrix(rows, width)
	for i := range x.Data {
		x.Data[i] = fill
	}
	var g VectorAugmenter
	g.Apply(x, a, 1, 2, 1)
	return x
}

func TestVectorNoise(t *testing.T) {
	for _, size := range []float32{1, 1e-6, 1e6} {
		const strength = 0.25
		x := varied(Vector{Noise: strength}, 100, 401, size)
		var sum, squares float64
		for _, v := range x.Data {
			d := float64(v-size) / float64(size)
			sum += d
			squares += d * d
		}
		n := float64(len(x.Data))
		// Of 40,100 numbers of deviation 0.25 the mean has a deviation of 0.25/200, and the mean
		// of their squares one of about √2·0.25²/200.
		if mean := sum / n; math.Abs(mean) > 4*strength/200 {
			t.Errorf("size %v: mean %v", size, mean)
		}
		if variance := squares / n; math.Abs(variance-strength*strength) > 4*1.5*strength*strength/200 {
			t.Errorf("size %v: variance %v, want %v", size, variance, strength*strength)
		}
	}
	if x := varied(Vector{Noise: 1}, 2, 0, 1); x.Rows != 2 {
		t.Error("rows without columns")
	}
}

func TestVectorDropout(t *testing.T) {
	const p = 0.25
	x := varied(Vector{Dropout: p}, 100, 401, 3)
	zeros := 0
	for _, v := range x.Data {
		switch v {
		case 0:
			zeros++
		case 4:
		default:
			t.Fatalf("%v, want 0 or 3/(1−¼)", v)
		}
	}
	n := float64(len(x.Data))
	if math.Abs(float64(zeros)-p*n) > 4*math.Sqrt(p*(1-p)*n) {
		t.Errorf("%d of %v are 0", zeros, n)
	}
}

func TestVectorCrop(t *testing.T) {
	const width, longest = 40, 16
	x := varied(Vector{Crop: 0.4}, 500, width, 1)
	lengths, first, last := make(map[int]bool), width, 0
	for i := range x.Rows {
		row := x.Row(i)
		from := slices.Index(row, 0)
		n := 0
		for _, v := range row {
			if v == 0 {
				n++
			}
		}
		lengths[n] = true
		if n == 0 {
			continue
		}
		if slices.Contains(row[from:from+n], 1) {
			t.Fatalf("row %v has more than one span", row)
		}
		first, last = min(first, from), max(last, from+n)
	}
	for n := range longest + 1 {
		if !lengths[n] {
			t.Errorf("no span of %d", n)
		}
	}
	if len(lengths) != longest+1 || first != 0 || last != width {
		t.Errorf("spans of %d lengths, from %d to %d", len(lengths), first, last)
	}
}

// Turning one strength off does not change the random numbers of the others.
func TestVectorDrawsAreApart(t *testing.T) {
	both := varied(Vector{Dropout: 0.5, Crop: 0.5, Noise: 0.5}, 9, 33, 1)
	noise := varied(Vector{Noise: 0.5}, 9, 33, 1)
	drop := varied(Vector{Dropout: 0.5}, 9, 33, 1)
	crop := varied(Vector{Crop: 0.5}, 9, 33, 1)
	for i, v := range both.Data {
		want := 2 * noise.Data[i]
		if drop.Data[i] == 0 || crop.Data[i] == 0 {
			want = 0
		}
		if v != want {
			t.Fatalf("number %d is %v, want %v", i, v, want)
		}
	}
}

// The hash holds for every level, architecture and number of workers.
func TestVectorBits(t *testing.T) {
	const want = "cc385f40dc61c761e4ff7a5f3f6286e2461581f270e8c62c63afa96d7ac8152c"
	check.EachLevel(t, func(t *testing.T) {
		for _, workers := range []int{1, 2, 7} {
			x := testkit.Normals(check.NewRand(6), 50, 131)
			var g VectorAugmenter
			g.Apply(x, Vector{Noise: 0.3, Dropout: 0.2, Crop: 0.3}, 5, 7, workers)
			if got := nn.WeightsSHA256(x.Data); got != want {
				t.Errorf("workers %d: %s, want %s", workers, got, want)
			}
		}
	})
}
