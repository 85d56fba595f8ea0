package augment

import (
	"fmt"
	"math"

	"github.com/contrast-go/contrast/infonce/internal/random"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A Vector has the strengths of augmentation for samples that are vectors. The zero value changes
// nothing.
type Vector struct {
	Noise   float32 // standard deviation, relative to the root mean square of the vector; at most 10
	Dropout float32 // probability that a number becomes 0; others are divided by 1−Dropout; at most 0.9
	Crop    float32 // longest span that becomes 0, as a fraction of the columns; at most 0.9
}

// Check returns an error if a strength is out of range.
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

// A VectorAugmenter makes augmented views of vectors for a source of batches. The zero value is
// ready to use. It holds scratch memory and must not be used by two goroutines at the same time.
type VectorAugmenter struct {
	Width func(row int) int // width of the vector in a row; nil means all columns

	x       simd.Matrix
	augment Vector
	seed    uint64
	step    int
	streams []random.Stream // one a worker
}

// Apply replaces the samples in the rows of x by views. A view depends on the seed, the step and
// the row, but not on workers; 0 workers means GOMAXPROCS.
func (g *VectorAugmenter) Apply(x simd.Matrix, a Vector, seed uint64, step, workers int) {
	if a == (Vector{}) {
		return
	}
	g.x, g.augment, g.seed, g.step = x, a, seed, step
	workers = par.Workers(workers)
	if len(g.streams) < workers {
		g.streams = make([]random.Stream, workers)
	}
	par.Ranges(workers, x.Rows, viewsAPiece, g, (*VectorAugmenter).rows)
}

// rows makes the views of rows [i, j), each from random streams of its own.
func (g *VectorAugmenter) rows(worker, i, j int) {
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

// addNoise adds nearly normal numbers: sums of four bytes, as [imageWorker.tone] does.
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

// byteSumDeviation is the standard deviation of a sum of four bytes: the variance of one is
// (256²−1)/12.
var byteSumDeviation = math.Sqrt(4 * (256*256 - 1) / 12)

// byteSums returns two sums of four random bytes, of 16 bits each, in the lower half. Their mean is
// 510.
func byteSums(s *random.Stream) uint64 {
	// Add pairs of bytes, then pairs of sums.
	const bytes = 0x00ff00ff00ff00ff
	u := s.Uint64()
	sums := u&bytes + u>>8&bytes
	return sums + sums>>32
}

// drop sets numbers to 0 with probability p and divides the others by 1−p.
func drop(s *random.Stream, x []float32, p float32) {
	limit := uint32(float64(p) * (1 << 32))
	grow := float32(1 / (1 - float64(p)))
	var u uint64
	for i, v := range x {
		if u >>= 32; i&1 == 0 { // a draw serves two numbers
			u = s.Uint64()
		}
		if x[i] = float32(grow * v); uint32(u) < limit {
			x[i] = 0
		}
	}
}
