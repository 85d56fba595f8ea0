package nn

import (
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A block is a convolution, a norm, an activation and a pooling. A row of its matrices is a sample.
//
// Columns are 9 times as large as the input, so there are never those of all samples. They are made where
// they are used, and once more on the way back, which is sooner done than to fetch them from memory.
type convBlock struct {
	conv
	norm
	act     Activation
	pooling Pooling
	end     imageShape // of what comes out

	weight, dweight simd.Matrix // row (3·ky + kx)·in + channel, column out
	w, wt           simd.Packed // the weight, and transposed

	// Of the last run. What comes out of a part that changes nothing, or works in place, is that of the one before.
	x        simd.Matrix // what went in
	mapped   simd.Matrix // what came out of the convolution, normalized by now
	active   simd.Matrix // and out of the activation
	out      simd.Matrix // and out of the pooling
	training bool        // the run was one of training
	scratch  []scratch   // of each worker

	// Gradients. Their memory is that of all blocks.
	dout    simd.Matrix
	dmapped simd.Matrix
	dx      simd.Matrix // empty where nobody asks for it

	groups [2]group // whose columns are made now, and were made before
}

// A scratch is the memory of a worker.
type scratch struct {
	columns []float32
	lines   [3][]float32
}

// rows returns three vectors of n elements.
func (w *scratch) rows(n int) (a, b, c []float32) {
	for i := range w.lines {
		w.lines[i] = vector(w.lines[i], n)
	}
	return w.lines[0], w.lines[1], w.lines[2]
}

// Sizes of pieces of work. The bits do not depend on them.
const (
	tileSize   = 1 << 16 // numbers that go into and come out of a product that a worker makes at a time, and stay in its cache
	groupSize  = 1 << 19 // and of those of a group
	groupLeast = 4       // samples of a group, for there to be work for several workers
	sliceRows  = 24      // rows of the gradient of the weight: a multiple of the heights of all tiles
)

// A group is samples whose columns are there at once, for the gradient of the weight.
type group struct {
	first, samples int
	columns        simd.Matrix
	dmapped        simd.Packed
}

// load returns how many numbers of a product belong to a pixel.
func (s *convBlock) load() int { return s.inner() + s.to.channels }

// tile returns how many samples are a piece of work.
func (s *convBlock) tile() int { return max(tileSize/(s.to.pixels()*s.load()), 1) }

// lines returns how many rows of the image a worker makes columns of at a time: all, unless those of one
// sample are too many.
func (s *convBlock) lines() int {
	return min(max(tileSize/(s.to.width*s.load()), 1), s.to.height)
}

func (s *convBlock) tiles(samples int) int { return (samples + s.tile() - 1) / s.tile() }

// grouped returns how many of n samples are a group.
func (s *convBlock) grouped(n int) int {
	tiles := (max(groupSize/(s.to.pixels()*s.load()), groupLeast) + s.tile() - 1) / s.tile()
	return min(tiles*s.tile(), n)
}

// inPlace reports whether the activation stores what comes out of it in place of what goes in.
func (s *convBlock) inPlace() bool { return s.kind == NoNorm && s.act.fromOutput() }

// run passes x through the block. w holds the weight.
func (s *convBlock) run(workers int, x simd.Matrix) simd.Matrix {
	s.x = x
	s.mapped = s.mapped.Reshape(x.Rows, s.to.size())
	s.prepare(x.Rows)
	out := s.mapped
	if !s.inPlace() {
		s.active = s.active.Reshape(x.Rows, s.to.size())
		out = s.active
	}
	if s.pooling != NoPooling {
		s.out = s.out.Reshape(x.Rows, s.end.size())
		out = s.out
	}
	if s.kind == BatchNorm && !s.training {
		s.center(s.mean, s.variance)
	}
	par.Ranges(workers, x.Rows, s.tile(), s, (*convBlock).forwardSamples)
	if s.kind == BatchNorm && s.training && x.Rows > 0 {
		s.gather(x.Rows, s.to.pixels())
		par.Ranges(workers, x.Rows, s.tile(), s, (*convBlock).finishSamples)
	}
	return out
}

// forwardSamples takes samples lo to hi−1 forward, up to the norm where that needs all of them.
func (s *convBlock) forwardSamples(worker, lo, hi int) {
	w := &s.scratch[worker]
	s.convolve(lo, hi, w)
	for i := lo; i < hi; i++ {
		if s.kind == BatchNorm && s.training {
			s.measure(i, s.mapped.Row(i), w)
		} else {
			s.finish(i, w)
		}
	}
}

// finishSamples takes samples lo to hi−1 the rest of the way.
func (s *convBlock) finishSamples(worker, lo, hi int) {
	for i := lo; i < hi; i++ {
		s.finish(i, &s.scratch[worker])
	}
}

// imageRows returns rows y0 to y1−1 of the images of samples lo to hi−1 of m as a matrix of pixels. Unless they are
// all rows there is but one sample.
func imageRows(m simd.Matrix, f imageShape, lo, hi, y0, y1 int) simd.Matrix {
	data := m.Data[lo*f.size()+y0*f.row() : (hi-1)*f.size()+y1*f.row()]
	return simd.Matrix{Rows: len(data) / f.channels, Cols: f.channels, Stride: f.channels, Data: data}
}

// convolve makes samples lo to hi−1 of mapped.
func (s *convBlock) convolve(lo, hi int, w *scratch) {
	for y0 := 0; y0 < s.to.height; y0 += s.lines() {
		y1 := min(y0+s.lines(), s.to.height)
		dst := imageRows(s.mapped, s.to, lo, hi, y0, y1)
		columns := w.matrix(dst.Rows, s.inner())
		n := len(columns.Data) / (hi - lo)
		for i := lo; i < hi; i++ {
			s.im2col(columns.Data[(i-lo)*n:], s.x.Row(i), y0, y1)
		}
		if s.kind != NoNorm {
			s.w.Mul(dst, 1, columns)
			continue
		}
		replicate(dst.Data, s.shift)
		s.w.AddMul(dst, columns)
	}
}

// matrix returns a matrix in the memory for columns.
func (w *scratch) matrix(rows, cols int) simd.Matrix {
	w.columns = vector(w.columns, rows*cols)
	return simd.Matrix{Rows: rows, Cols: cols, Stride: cols, Data: w.columns}
}

// finish passes sample i, which the convolution made, through what comes after it.
func (s *convBlock) finish(i int, w *scratch) {
	x := s.mapped.Row(i)
	y := s.activated(i)
	if s.kind != NoNorm {
		s.apply(i, y, x)
		x = y
	}
	s.act.forward(y, x)
	if s.pooling != NoPooling {
		s.pooling.pool(s.out.Row(i), y, s.to, w)
	}
}

// activated returns sample i as it came out of the activation.
func (s *convBlock) activated(i int) []float32 {
	if s.inPlace() {
		return s.mapped.Row(i)
	}
	return s.active.Row(i)
}

// back adds the gradients of the parameters, given dout, and stores dx unless that is empty. wt holds
// the weight.
func (s *convBlock) back(workers int) {
	n := s.x.Rows
	par.Ranges(workers, n, s.tile(), s, (*convBlock).backSamples)
	s.learn(n, s.to.pixels())
	slices := (s.inner() + sliceRows - 1) / sliceRows
	for i := 0; i < n || s.groups[1].samples > 0; {
		g := &s.groups[0]
		g.first, g.samples = i, min(s.grouped(n), n-i)
		pixels := g.samples * s.to.pixels()
		g.columns = g.columns.Reshape(pixels, s.inner())
		g.dmapped.Reset(pixels, s.to.channels)
		pieces := s.tiles(g.samples)
		if s.groups[1].samples > 0 {
			pieces += slices
		}
		par.For(workers, pieces, s, (*convBlock).backWeights)
		i += g.samples
		s.groups[0], s.groups[1] = s.groups[1], s.groups[0]
	}
}

// backSamples takes samples lo to hi−1 back to what the convolution made, or, in batch norm, to what
// came out of the norm.
func (s *convBlock) backSamples(worker, lo, hi int) {
	w := &s.scratch[worker]
	for i := lo; i < hi; i++ {
		d, x, y := s.dmapped.Row(i), s.mapped.Row(i), s.activated(i)
		if s.pooling != NoPooling { // else dmapped is dout
			s.pooling.unpool(d, s.dout.Row(i), y, s.out.Row(i), s.to)
		}
		if s.act.fromOutput() {
			s.act.backward(d, y)
		} else {
			s.backActivation(d, x, w)
		}
		s.norm.back(i, d, x, w)
	}
}

// backActivation multiplies d by the derivative of the activation at what went into it, which is made
// once more where there is a norm.
func (s *convBlock) backActivation(d, x []float32, w *scratch) {
	if s.kind == NoNorm {
		s.act.backward(d, x)
		return
	}
	t, _, _ := w.rows(s.row)
	for at := 0; at < len(d); at += s.row {
		s.affine(t, x[at:at+s.row])
		s.act.backward(d[at:at+s.row], t)
	}
}

// backWeights has pieces of two kinds: slices of the gradient of the weight, to which the group before
// adds, and then samples of the group, whose columns are made and whose dx.
func (s *convBlock) backWeights(worker, piece int) {
	w := &s.scratch[worker]
	if g := &s.groups[1]; g.samples > 0 {
		slices := (s.inner() + sliceRows - 1) / sliceRows
		if piece < slices {
			lo, hi := piece*sliceRows, min((piece+1)*sliceRows, s.inner())
			columns := simd.Matrix{Rows: g.columns.Rows, Cols: hi - lo, Stride: s.inner(), Data: g.columns.Data[lo:]}
			g.dmapped.AddMulTransA(s.dweight.Slice(lo, hi), columns)
			return
		}
		piece -= slices
	}
	g := &s.groups[0]
	lo, hi := piece*s.tile(), min((piece+1)*s.tile(), g.samples)
	first, last := g.first+lo, g.first+hi
	if s.kind == BatchNorm {
		for i := first; i < last; i++ {
			s.backBatch(s.dmapped.Row(i), s.mapped.Row(i), w)
		}
	}
	n := s.to.pixels() * s.inner()
	for i := lo; i < hi; i++ {
		s.im2col(g.columns.Data[i*n:(i+1)*n], s.x.Row(g.first+i), 0, s.to.height)
	}
	g.dmapped.PackAt(lo*s.to.pixels(), imageRows(s.dmapped, s.to, first, last, 0, s.to.height))
	if s.dx.Rows > 0 {
		s.unconvolve(first, last, w)
	}
}

// unconvolve makes samples lo to hi−1 of dx.
func (s *convBlock) unconvolve(lo, hi int, w *scratch) {
	for i := lo; i < hi; i++ {
		clear(s.dx.Row(i))
	}
	for y0 := 0; y0 < s.to.height; y0 += s.lines() {
		y1 := min(y0+s.lines(), s.to.height)
		src := imageRows(s.dmapped, s.to, lo, hi, y0, y1)
		columns := w.matrix(src.Rows, s.inner())
		s.wt.Mul(columns, 1, src)
		n := len(columns.Data) / (hi - lo)
		for i := lo; i < hi; i++ {
			s.col2im(s.dx.Row(i), columns.Data[(i-lo)*n:(i-lo+1)*n], y0, y1)
		}
	}
}

// activationBytes returns how many bytes a block keeps of so many samples, beside what all blocks share.
func (s *convBlock) activationBytes(samples int) int64 {
	n, size := int64(samples), int64(s.to.size())
	total := n * (size + 2*int64(s.to.channels))
	if !s.inPlace() {
		total += n * size
	}
	if s.pooling != NoPooling {
		total += n * int64(s.end.size())
	}
	// What is laid out for a product has as many columns as some tiles.
	out := int64(roundUp(s.to.channels, packWidth))
	total += int64(s.inner())*out + int64(s.to.channels)*int64(roundUp(s.inner(), packWidth))
	total += int64(min(2*s.grouped(samples), samples)) * int64(s.to.pixels()) * (int64(s.inner()) + out)
	return 4 * total
}

// packWidth is the width of the widest tile, that of AVX-512.
const packWidth = 48

func roundUp(n, to int) int { return (n + to - 1) / to * to }
