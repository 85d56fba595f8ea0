package nn

import (
	"math"
	"slices"

	"github.com/contrast-go/contrast/simd"
)

// A Norm is the normalization between a convolution of a [CNN] and its activation: numbers are
// given mean 0 and variance 1, and each channel then a learned scale and shift.
type Norm int

const (
	// LayerNorm normalizes all numbers of a sample together (Ba et al. 2016, eq. 3), as group norm
	// with one group does (Wu and He 2018). The result for a sample does not depend on other
	// samples.
	LayerNorm Norm = iota

	// BatchNorm normalizes each channel over the pixels of all samples (Ioffe and Szegedy 2015,
	// algorithm 1). Embed uses running averages of the mean and variance of training batches.
	BatchNorm

	NoNorm // no normalization; the convolution has a bias instead
)

var normNames = []string{"layer", "batch", "none"}

// String returns "layer", "batch" or "none".
func (n Norm) String() string { return nameOf(normNames, int(n)) }

// MarshalText returns the name of n, or an error if there is no such norm.
func (n Norm) MarshalText() ([]byte, error) { return marshalName("norm", normNames, int(n)) }

// UnmarshalText sets n to the norm of the given name.
func (n *Norm) UnmarshalText(text []byte) error {
	return unmarshalName("norm", normNames, string(text), (*int)(n))
}

const (
	normEpsilon  = 1e-5 // added to variances; the default of PyTorch
	normMomentum = 0.1  // weight of a batch in the running statistics; the default of PyTorch
)

// A norm is the normalization of a block. It works on one row of an image at a time. Numbers of a
// channel are therefore kept in vectors as long as such a row, repeated for each pixel.
type norm struct {
	kind     Norm
	channels int
	row      int // numbers in a row of an image

	scale, dscale, shift, dshift []float32
	mean, variance               []float32 // running statistics

	ones, scales, shifts []float32 // repeated
	centers, rates       []float32 // batch norm, repeated: −mean and 1/√(variance + ε)

	// Batch norm, repeated: −mean of the gradient, and −mean of gradient · normalized x.
	meanGrad, meanGradX []float32

	sums simd.Matrix // for each sample, two numbers a channel; see measure and back
	rate []float32   // layer norm, for each sample: 1/√(variance + ε)

	batchMean, batchVariance []float32 // of the last batch
	batch                    int       // its pixels
}

func newNorm(kind Norm, f imageShape) norm {
	n := norm{kind: kind, channels: f.channels, row: f.width * f.channels}
	if kind == BatchNorm {
		n.mean, n.variance = make([]float32, n.channels), make([]float32, n.channels)
		n.batchMean, n.batchVariance = make([]float32, n.channels), make([]float32, n.channels)
	}
	return n
}

// prepare allocates scratch memory for a batch and repeats the parameters.
func (n *norm) prepare(samples int) {
	n.sums = n.sums.Reshape(samples, 2*n.channels)
	if n.kind == NoNorm {
		return
	}
	n.rate = resize(n.rate, samples)
	n.repeat(&n.scales, n.scale)
	n.repeat(&n.shifts, n.shift)
	if n.kind == LayerNorm && len(n.ones) == 0 {
		n.ones = make([]float32, n.row)
		for i := range n.ones {
			n.ones[i] = 1
		}
	}
}

// repeat fills row with copies of x.
func (n *norm) repeat(row *[]float32, x []float32) {
	*row = resize(*row, n.row)
	replicate(*row, x)
}

// replicate fills row with copies of x.
func replicate(row, x []float32) {
	for at := 0; at < len(row); at += len(x) {
		copy(row[at:], x)
	}
}

// fold cuts x into parts as long as dst and stores their sum in dst: the sum of the rows of an
// image, or of the pixels of a row.
func fold(dst, x []float32) {
	clear(dst)
	for at := 0; at < len(x); at += len(dst) {
		simd.Add(dst, dst, x[at:at+len(dst)])
	}
}

// resize returns n elements of any value, in the memory of x if that suffices.
func resize(x []float32, n int) []float32 { return slices.Grow(x[:0], n)[:n] }

// measure stores the mean of each channel of sample i, and the sum of squared deviations from it,
// in sums.
func (n *norm) measure(i int, x []float32, w *scratch) {
	sums := n.sums.Row(i)
	mean, squares := sums[:n.channels], sums[n.channels:]
	sum, d, center := w.rows(n.row)
	fold(sum, x)
	fold(mean, sum)
	pixels := float64(len(x) / n.channels)
	for c, s := range mean {
		mean[c] = float32(float64(s) / pixels)
		center[c] = -mean[c]
	}
	replicate(center[n.channels:], center[:n.channels])
	clear(sum)
	for at := 0; at < len(x); at += n.row {
		simd.Add(d, x[at:at+n.row], center)
		simd.MulShifted(d, d, d, 0)
		simd.Add(sum, sum, d)
	}
	fold(squares, sum)
}

// gather combines the statistics that measure stored for each sample into the mean and variance of
// the batch (Chan et al. 1979, eq. 2.1), in the order of the samples.
func (n *norm) gather(samples, pixels int) {
	n.batch = samples * pixels
	for c := range n.channels {
		var mean, squares float64
		for i := range samples {
			mean += float64(n.sums.Row(i)[c])
		}
		mean /= float64(samples)
		for i := range samples {
			row := n.sums.Row(i)
			d := float64(row[c]) - mean
			squares += float64(row[n.channels+c]) + float64(float64(d*d)*float64(pixels))
		}
		n.batchMean[c] = float32(mean)
		n.batchVariance[c] = float32(squares / float64(n.batch))
	}
	n.center(n.batchMean, n.batchVariance)
}

// center prepares batch norm with the given statistics.
func (n *norm) center(mean, variance []float32) {
	n.centers, n.rates = resize(n.centers, n.row), resize(n.rates, n.row)
	for c := range n.channels {
		n.centers[c] = -mean[c]
		n.rates[c] = normRate(float64(variance[c]))
	}
	replicate(n.centers[n.channels:], n.centers[:n.channels])
	replicate(n.rates[n.channels:], n.rates[:n.channels])
}

func normRate(variance float64) float32 { return float32(1 / math.Sqrt(variance+normEpsilon)) }

// updateRunning moves the running statistics towards those of the last batch, once.
func (n *norm) updateRunning() {
	if n.batch == 0 {
		return
	}
	unbiased := float64(n.batch) / float64(max(n.batch-1, 1))
	for c := range n.channels {
		n.mean[c] = average(n.mean[c], float64(n.batchMean[c]))
		n.variance[c] = average(n.variance[c], float64(float64(n.batchVariance[c])*unbiased))
	}
	n.batch = 0
}

func average(running float32, batch float64) float32 {
	return float32(float64((1-normMomentum)*float64(running)) + float64(normMomentum*batch))
}

// apply normalizes x, which is sample i, in place and stores scale·x + shift in out.
func (n *norm) apply(i int, out, x []float32) {
	if n.kind == LayerNorm {
		n.rate[i] = n.standardize(x)
	}
	for at := 0; at < len(x); at += n.row {
		row := x[at : at+n.row]
		if n.kind == BatchNorm {
			simd.Add(row, row, n.centers)
			simd.MulShifted(row, row, n.rates, 0)
		}
		n.affine(out[at:at+n.row], row)
	}
}

// affine stores scale·x + shift in out. Both are one row of an image.
func (n *norm) affine(out, x []float32) {
	simd.MulShifted(out, x, n.scales, 0)
	simd.Add(out, out, n.shifts)
}

// standardize gives x mean 0 and variance 1 and returns the factor, 1/√(variance + ε).
func (n *norm) standardize(x []float32) float32 {
	var sum, squares float64
	for at := 0; at < len(x); at += n.row {
		sum += float64(simd.Sum(x[at : at+n.row]))
	}
	center := float32(-sum / float64(len(x)))
	for at := 0; at < len(x); at += n.row {
		row := x[at : at+n.row]
		simd.Axpy(row, center, n.ones)
		squares += float64(simd.Dot(row, row))
	}
	rate := normRate(squares / float64(len(x)))
	for at := 0; at < len(x); at += n.row {
		simd.Scale(x[at:at+n.row], rate, x[at:at+n.row])
	}
	return rate
}

// back turns d, the gradient with respect to the output of apply for sample i, into that with
// respect to its input, and stores in sums what the sample adds to the gradients of shift and
// scale. x is the normalized sample that apply left. Batch norm needs the sums of all samples
// first: backBatch does the rest.
func (n *norm) back(i int, d, x []float32, w *scratch) {
	sums := n.sums.Row(i)
	shift, scale := sums[:n.channels], sums[n.channels:]
	sum, t, product := w.rows(n.row)
	fold(sum, d)
	fold(shift, sum)
	if n.kind == NoNorm {
		return
	}
	clear(product)
	for at := 0; at < len(d); at += n.row {
		simd.MulShifted(t, d[at:at+n.row], x[at:at+n.row], 0)
		simd.Add(product, product, t)
	}
	fold(scale, product)
	if n.kind == LayerNorm {
		n.backLayer(d, x, n.rate[i])
	}
}

// backLayer computes, with g = d·scale and means over the sample:
//
//	d = rate·(g − mean(g) − x·mean(g·x))
func (n *norm) backLayer(d, x []float32, rate float32) {
	var sum, product float64
	for at := 0; at < len(d); at += n.row {
		row := d[at : at+n.row]
		simd.MulShifted(row, row, n.scales, 0)
		sum += float64(simd.Sum(row))
		product += float64(simd.Dot(row, x[at:at+n.row]))
	}
	meanGrad, meanGradX := float32(-sum/float64(len(d))), float32(-product/float64(len(d)))
	for at := 0; at < len(d); at += n.row {
		row := d[at : at+n.row]
		simd.Axpy(row, meanGradX, x[at:at+n.row])
		simd.Axpy(row, meanGrad, n.ones)
		simd.Scale(row, rate, row)
	}
}

// addGrads adds the gradients of scale and shift, or of the bias in place of the shift, in the
// order of the samples.
func (n *norm) addGrads(samples, pixels int) {
	for i := range samples {
		sums := n.sums.Row(i)
		simd.Add(n.dshift, n.dshift, sums[:n.channels])
		if n.kind != NoNorm {
			simd.Add(n.dscale, n.dscale, sums[n.channels:])
		}
	}
	if n.kind != BatchNorm || samples == 0 {
		return
	}
	n.meanGrad, n.meanGradX = resize(n.meanGrad, n.row), resize(n.meanGradX, n.row)
	for c := range n.channels {
		var sum, product float64
		for i := range samples {
			row := n.sums.Row(i)
			sum += float64(row[c])
			product += float64(row[n.channels+c])
		}
		total := float64(samples * pixels)
		n.meanGrad[c], n.meanGradX[c] = float32(-sum/total), float32(-product/total)
	}
	replicate(n.meanGrad[n.channels:], n.meanGrad[:n.channels])
	replicate(n.meanGradX[n.channels:], n.meanGradX[:n.channels])
	n.updateRunning()
}

// backBatch completes back for batch norm, with means over the batch:
//
//	d = scale·rate·(d − mean(d) − x·mean(d·x))
func (n *norm) backBatch(d, x []float32, w *scratch) {
	t, _, _ := w.rows(n.row)
	for at := 0; at < len(d); at += n.row {
		row := d[at : at+n.row]
		simd.MulShifted(t, x[at:at+n.row], n.meanGradX, 0)
		simd.Add(row, row, t)
		simd.Add(row, row, n.meanGrad)
		simd.MulShifted(row, row, n.rates, 0)
		simd.MulShifted(row, row, n.scales, 0)
	}
}
