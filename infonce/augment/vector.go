package augment

import (
	"fmt"
	"math"

	"github.com/contrast-go/contrast/infonce/internal/random"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A Vector says how far a view may stray from a sample that is a vector. The zero
// value changes nothing.
type Vector struct {
	Noise   float32 // standard deviation, of the root of the mean square of the numbers; at most 10
	Dropout float32 // how likely a number becomes 0; the others grow by 1/(1−Dropout); at most 0.9
	Crop    float32 // the longest span that becomes 0, as a part of all columns; at most 0.9
}

// Check returns an error where a strength is out of its range.
func (a Vector) Check() error {
	for _, f := range []struct {
		name         string
		value, limit float32
	}{{"noise", a.Noise, 10}, {"dropout", a.Dropout, 0.9}, {"crop", a.Crop, 0.9}} {
		if !(f.value >= 0 && f.value <= f.limit) {
			return fmt.Errorf("augmentation: %s is %v, want 0 to %v", f.name, f.value, f.limit)
		}
	}
	return nil
}

// A Varier draws augmented views of vectors for a source, each view from streams of its own for the
// step and the row. The zero value is ready to use; it keeps scratch memory, and must not be used
// by two goroutines at once.
type Varier struct {
	Width func(row int) int // of the vector in a row; nil means all columns

	x       simd.Matrix
	augment Vector
	seed    uint64
	step    int
	streams []random.Stream // one a worker
}

// Vary turns the rows of x, which hold the samples as they are, into views. These do not depend on
// workers.
func (g *Varier) Vary(x simd.Matrix, a Vector, seed uint64, step, workers int) {
	if a == (Vector{}) {
		return
	}
	g.x, g.augment, g.seed, g.step = x, a, seed, step
	workers = par.Workers(workers)
	if len(g.streams) < workers {
		g.streams = make([]random.Stream, workers)
	}
	par.Ranges(workers, x.Rows, viewsAPiece, g, (*Varier).rows)
}

// rows draws the views in rows i to j−1.
func (g *Varier) rows(worker, i, j int) {
	r := &g.streams[worker]
	for ; i < j; i++ {
		x := g.x.Row(i)
		if g.Width != nil {
			x = x[:g.Width(i)]
		}
		if g.augment.Noise > 0 {
			r.Seed(g.seed, random.ForRowNoise, g.step, i)
			addNoise(r, x, g.augment.Noise)
		}
		if g.augment.Dropout > 0 {
			r.Seed(g.seed, random.ForRowDropout, g.step, i)
			drop(r, x, g.augment.Dropout)
		}
		if g.augment.Crop > 0 {
			r.Seed(g.seed, random.ForRowCrop, g.step, i)
			longest := int(float64(g.augment.Crop) * float64(len(x)))
			n := r.IntN(longest + 1)
			from := r.IntN(len(x) - n + 1)
			clear(x[from : from+n])
		}
	}
}

// addNoise adds numbers that are nearly normal: sums of four bytes, as [brush.tone] adds.
func addNoise(s *random.Stream, x []float32, deviation float32) {
	if len(x) == 0 {
		return
	}
	size := math.Sqrt(float64(simd.Dot(x, x)) / float64(len(x)))
	unit := float32(float64(deviation) * size / byteSumDeviation)
	var sums uint64
	for i := range x {
		if sums >>= 16; i&1 == 0 {
			sums = byteSums(s)
		}
		x[i] += float32(unit * float32(int32(sums&0xffff)-510))
	}
}

// byteSumDeviation is that of the sum of four bytes: the variance of a byte is (256²−1)/12.
var byteSumDeviation = math.Sqrt(4 * (256*256 - 1) / 12)

// byteSums returns two sums of four bytes in its lowest half, 16 bits each. Their mean is 510.
func byteSums(s *random.Stream) uint64 {
	// Pairs of bytes, then pairs of pairs.
	const bytes = 0x00ff00ff00ff00ff
	u := s.Uint64()
	sums := u&bytes + u>>8&bytes
	return sums + sums>>32
}

// drop sets numbers to 0, each with probability p, and divides the others by 1−p.
func drop(s *random.Stream, x []float32, p float32) {
	limit := uint32(float64(p) * (1 << 32))
	grow := float32(1 / (1 - float64(p)))
	var u uint64
	for i, v := range x {
		if u >>= 32; i&1 == 0 { // two decisions from one draw
			u = s.Uint64()
		}
		if x[i] = float32(grow * v); uint32(u) < limit {
			x[i] = 0
		}
	}
}
