package nn

import (
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A convBlock is a convolution, a normalization, an activation and a pooling. A row of its matrices
// is a sample.
//
// The columns of im2col are 9 times as large as the input, so those of all samples never exist at
// once. They are made where they are used, and again in the backward pass: that is faster than to
// read them from memory.
type convBlock struct {
	conv
	norm
	act     Activation
	pooling Pooling
	end     imageShape // of the output

	weight, dweight simd.Matrix // row (3·ky + kx)·in + channel, column out
	w, wt           simd.Packed // the weight, and its transpose

	// The last run. Where a part does nothing or works in place, its matrix is unused.
	x        simd.Matrix // input
	mapped   simd.Matrix // output of the convolution, which the norm has normalized in place
	active   simd.Matrix // output of the activation
	out      simd.Matrix // output of the pooling
	training bool        // batch norm uses the statistics of the batch
	scratch  []scratch   // one a worker

	// Gradients, in memory that all blocks share.
	dout    simd.Matrix
	dmapped simd.Matrix
	dx      simd.Matrix // empty in the first block

	groups [2]group // the group whose columns are being made, and the one before it
}

// A scratch is the scratch memory of a worker.
type scratch struct {
	columns []float32
	lines   [3][]float32
}

// rows returns three vectors of n elements.
func (w *scratch) rows(n int) (a, b, c []float32) {
	for i := range w.lines {
		w.lines[i] = resize(w.lines[i], n)
	}
	return w.lines[0], w.lines[1], w.lines[2]
}

// Sizes of pieces of work. Bits do not depend on them.
const (
	tileSize   = 1 << 16 // numbers in the operands and the result of one worker's product: they fit its cache
	groupSize  = 1 << 19 // the same for a group
	groupLeast = 4       // samples in a group, at least, so that several workers find work
	sliceRows  = 24      // rows of the gradient of the weight in a piece: a multiple of all tile heights
)

// A group is a range of samples whose columns exist at once, for the gradient of the weight.
type group struct {
	first, samples int
	columns        simd.Matrix
	dmapped        simd.Packed
}

// load returns the numbers in a product for each pixel.
func (s *convBlock) load() int { return s.inner() + s.to.channels }

// tile returns the number of samples in a piece of work.
func (s *convBlock) tile() int { return max(tileSize/(s.to.pixels()*s.load()), 1) }

// lines returns the number of image rows for which a worker makes columns at a time: all, unless
// the columns of one sample are too large.
func (s *convBlock) lines() int {
	return min(max(tileSize/(s.to.width*s.load()), 1), s.to.height)
}

func (s *convBlock) tiles(samples int) int { return (samples + s.tile() - 1) / s.tile() }

// grouped returns the number of samples in a group, given n in all.
func (s *convBlock) grouped(n int) int {
	tiles := (max(groupSize/(s.to.pixels()*s.load()), groupLeast) + s.tile() - 1) / s.tile()
	return min(tiles*s.tile(), n)
}

// inPlace reports whether the activation overwrites its input.
func (s *convBlock) inPlace() bool { return s.kind == NoNorm && s.act.fromOutput() }

// run returns the output of the block for x. The weight is packed in w.
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

// forwardSamples computes the output for samples [lo, hi), up to the norm if that needs the whole
// batch.
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

// finishSamples completes samples [lo, hi) once the statistics of the batch are known.
func (s *convBlock) finishSamples(worker, lo, hi int) {
	for i := lo; i < hi; i++ {
		s.finish(i, &s.scratch[worker])
	}
}

// imageRows returns rows [y0, y1) of the images [lo, hi) in m as a matrix with a row for each
// pixel. Several images must be taken with all their rows.
func imageRows(m simd.Matrix, f imageShape, lo, hi, y0, y1 int) simd.Matrix {
	data := m.Data[lo*f.size()+y0*f.row() : (hi-1)*f.size()+y1*f.row()]
	return simd.Matrix{Rows: len(data) / f.channels, Cols: f.channels, Stride: f.channels, Data: data}
}

// convolve computes samples [lo, hi) of mapped.
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

// matrix returns a matrix in the memory of columns.
func (w *scratch) matrix(rows, cols int) simd.Matrix {
	w.columns = resize(w.columns, rows*cols)
	return simd.Matrix{Rows: rows, Cols: cols, Stride: cols, Data: w.columns}
}

// finish passes sample i from the convolution through the norm, the activation and the pooling.
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

// activated returns sample i of the output of the activation.
func (s *convBlock) activated(i int) []float32 {
	if s.inPlace() {
		return s.mapped.Row(i)
	}
	return s.active.Row(i)
}

// back adds the gradients of the parameters, given dout, and stores dx unless that is empty. The
// transposed weight is packed in wt.
func (s *convBlock) back(workers int) {
	n := s.x.Rows
	par.Ranges(workers, n, s.tile(), s, (*convBlock).backSamples)
	s.addGrads(n, s.to.pixels())
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

// backSamples computes the gradient of samples [lo, hi) with respect to the output of the
// convolution, or of batch norm, which needs the whole batch to go further.
func (s *convBlock) backSamples(worker, lo, hi int) {
	w := &s.scratch[worker]
	for i := lo; i < hi; i++ {
		d, x, y := s.dmapped.Row(i), s.mapped.Row(i), s.activated(i)
		if s.pooling != NoPooling { // otherwise dmapped is dout
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

// backActivation multiplies d by the derivative of the activation at its input. With a norm, that
// input is computed again from the normalized x.
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

// backWeights has pieces of two kinds: slices of the gradient of the weight, to which the previous
// group is added, and then tiles of the current group, for which columns and dx are computed.
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

// unconvolve computes samples [lo, hi) of dx.
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

// activationBytes estimates the memory that a block holds for samples, without what blocks share.
func (s *convBlock) activationBytes(samples int) int64 {
	n, size := int64(samples), int64(s.to.size())
	total := n * (size + 2*int64(s.to.channels))
	if !s.inPlace() {
		total += n * size
	}
	if s.pooling != NoPooling {
		total += n * int64(s.end.size())
	}
	// A packed operand has as many columns as whole tiles.
	out := int64(roundUp(s.to.channels, packWidth))
	total += int64(s.inner())*out + int64(s.to.channels)*int64(roundUp(s.inner(), packWidth))
	total += int64(min(2*s.grouped(samples), samples)) * int64(s.to.pixels()) * (int64(s.inner()) + out)
	return 4 * total
}

// packWidth is the width of the widest tile, that of AVX-512.
const packWidth = 48

func roundUp(n, to int) int { return (n + to - 1) / to * to }
