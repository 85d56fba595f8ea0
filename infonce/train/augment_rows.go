package train

import (
	"fmt"
	"math"

	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A VectorAugmentation says how far a view may stray from a sample that is a vector. The zero
// value changes nothing.
type VectorAugmentation struct {
	Noise   float32 // standard deviation, of the root of the mean square of the numbers; at most 10
	Dropout float32 // how likely a number becomes 0; the others grow by 1/(1−Dropout); at most 0.9
	Crop    float32 // the longest span that becomes 0, as a part of all columns; at most 0.9
}

func (a VectorAugmentation) check() error {
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

// A gatherer turns picked rows into samples, each view from streams of its own for the step
// and the row.
type gatherer struct {
	x       simd.Matrix
	width   func(row int) int // of the vector in a row; nil means all columns
	augment VectorAugmentation
	seed    uint64
	step    int
	streams []stream // one a worker
}

// vary draws the views of the rows of x, which hold the samples as they are.
func (g *gatherer) vary(x simd.Matrix, a VectorAugmentation, seed uint64, step, workers int) {
	if a == (VectorAugmentation{}) {
		return
	}
	g.x, g.augment, g.seed, g.step = x, a, seed, step
	if n := par.Workers(workers); len(g.streams) < n {
		g.streams = make([]stream, n)
	}
	par.Do(workers, (x.Rows+viewsAPiece-1)/viewsAPiece, g)
}

// Run draws the views of a piece.
func (g *gatherer) Run(worker, piece int) {
	r := &g.streams[worker]
	for i := piece * viewsAPiece; i < min((piece+1)*viewsAPiece, g.x.Rows); i++ {
		x := g.x.Row(i)
		if g.width != nil {
			x = x[:g.width(i)]
		}
		if g.augment.Noise > 0 {
			r.seed(g.seed, forRowNoise, g.step, i)
			r.addNoise(x, g.augment.Noise)
		}
		if g.augment.Dropout > 0 {
			r.seed(g.seed, forRowDropout, g.step, i)
			r.drop(x, g.augment.Dropout)
		}
		if g.augment.Crop > 0 {
			r.seed(g.seed, forRowCrop, g.step, i)
			longest := int(float64(g.augment.Crop) * float64(len(x)))
			n := r.intN(longest + 1)
			from := r.intN(len(x) - n + 1)
			clear(x[from : from+n])
		}
	}
}

// addNoise adds numbers that are nearly normal: sums of four bytes, as [painter.tone] adds.
func (s *stream) addNoise(x []float32, deviation float32) {
	if len(x) == 0 {
		return
	}
	size := math.Sqrt(float64(simd.Dot(x, x)) / float64(len(x)))
	unit := float32(float64(deviation) * size / byteSumDeviation)
	var sums uint64
	for i := range x {
		if sums >>= 16; i&1 == 0 {
			sums = s.byteSums()
		}
		x[i] += float32(unit * float32(int32(sums&0xffff)-510))
	}
}

// byteSumDeviation is that of the sum of four bytes: the variance of a byte is (256²−1)/12.
var byteSumDeviation = math.Sqrt(4 * (256*256 - 1) / 12)

// byteSums returns two sums of four bytes in its lowest half, 16 bits each. Their mean is 510.
func (s *stream) byteSums() uint64 {
	// Pairs of bytes, then pairs of pairs.
	const bytes = 0x00ff00ff00ff00ff
	u := s.pcg.Uint64()
	sums := u&bytes + u>>8&bytes
	return sums + sums>>32
}

// drop sets numbers to 0, each with probability p, and divides the others by 1−p.
func (s *stream) drop(x []float32, p float32) {
	limit := uint32(float64(p) * (1 << 32))
	grow := float32(1 / (1 - float64(p)))
	var u uint64
	for i, v := range x {
		if u >>= 32; i&1 == 0 { // two decisions from one draw
			u = s.pcg.Uint64()
		}
		if x[i] = float32(grow * v); uint32(u) < limit {
			x[i] = 0
		}
	}
}
