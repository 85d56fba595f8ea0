package nn

import (
	"fmt"
	"math"
	"slices"

	"github.com/contrast-go/contrast/infonce/internal/sealed"
	"github.com/contrast-go/contrast/simd"
)

// An Activation is the function between the layers of an encoder.
type Activation int

const (
	ReLU Activation = iota // max(0, x)

	// GELU is x·σ(2u) with u = √(2/π)·(x + 0.044715·x³): the form with tanh of Hendrycks
	// and Gimpel (2016, section 2), since (1 + tanh u)/2 = σ(2u). It is NaN for −Inf.
	GELU
)

// activations is the table of activations. To add one takes a constant above, its functions, and
// its row here.
var activations = []struct {
	name string

	// forward stores the activation of x in dst, which may be x.
	forward func(dst, x []float32)

	// backward multiplies d by the derivative, given the output of forward if fromOutput, or else
	// its input. The latter is kept for it, which estimates of memory count.
	backward   func(d, seen []float32)
	fromOutput bool
}{
	ReLU: {"relu", rectify, rectifyGrad, true},
	GELU: {"gelu", gelu, geluGrad, false},
}

func (a Activation) forward(dst, x []float32)   { activations[a].forward(dst, x) }
func (a Activation) backward(d, seen []float32) { activations[a].backward(d, seen) }
func (a Activation) fromOutput() bool           { return activations[a].fromOutput }

// ActivationNames returns the names of all activations in the order of their values.
func ActivationNames() []string {
	names := make([]string, len(activations))
	for i, a := range activations {
		names[i] = a.name
	}
	return names
}

// String returns "relu" or "gelu".
func (a Activation) String() string { return nameOf(ActivationNames(), int(a)) }

// MarshalText returns the name of a, or an error if there is no such activation.
func (a Activation) MarshalText() ([]byte, error) {
	return marshalName("activation", ActivationNames(), int(a))
}

// UnmarshalText sets a to the activation of the given name.
func (a *Activation) UnmarshalText(text []byte) error {
	return unmarshalName("activation", ActivationNames(), string(text), (*int)(a))
}

func nameOf(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprint(i)
	}
	return names[i]
}

func marshalName(what string, names []string, i int) ([]byte, error) {
	if i < 0 || i >= len(names) {
		return nil, fmt.Errorf("%s is %d, want one of %q", what, i, names)
	}
	return []byte(names[i]), nil
}

func unmarshalName(what string, names []string, text string, dst *int) error {
	i := slices.Index(names, text)
	if i < 0 {
		return fmt.Errorf("%s: got %s, want one of %q", what, sealed.Excerpt(text), names)
	}
	*dst = i
	return nil
}

// rectify stores max(0, x) in dst.
func rectify(dst, x []float32) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = max(v, 0) // keeps NaN
	}
}

// rectifyGrad clears d where y, the output of rectify, is 0.
func rectifyGrad(d, y []float32) {
	for i, v := range y[:len(d)] {
		// v is +0 or above, so the negative of its bits is below 0 unless v is 0. A branch would be
		// mispredicted half of the time.
		mask := uint32(-int32(math.Float32bits(v)) >> 31)
		d[i] = math.Float32frombits(math.Float32bits(d[i]) & mask)
	}
}

// The argument of the sigmoid of GELU is x·(geluA + geluB·x²).
const (
	geluA = 0x1.988454p+00 // 2·√(2/π)
	geluB = 0x1.2444f2p-04 // 0.044715·geluA
)

// geluBlock is the number of elements computed at a time, with scratch memory on the stack. Bits do
// not depend on it.
const geluBlock = 256

// gelu stores GELU of x in dst:
//
//	x / (1 + exp(−x·(geluA + geluB·x²)))
//
// The exponential of a large argument is +Inf, which makes the quotient 0 as it should be.
func gelu(dst, x []float32) {
	var e [geluBlock]float32
	for len(x) > 0 {
		n := min(len(x), geluBlock)
		geluExp(e[:n], x[:n])
		for i, v := range x[:n] {
			dst[i] = v / (1 + e[i])
		}
		dst, x = dst[n:], x[n:]
	}
}

// geluExp stores exp(−x·(geluA + geluB·x²)) in e.
func geluExp(e, x []float32) {
	x = x[:len(e)]
	for i, v := range x {
		e[i] = -v * (geluA + float32(geluB*float32(v*v)))
	}
	simd.Exp(e, e)
}

// geluGrad multiplies d by the derivative of GELU at x:
//
//	s + s·(1−s)·x·(geluA + 3·geluB·x²), e = exp(−x·(geluA + geluB·x²)), s = 1 / (1 + e), 1−s = e·s
//
// Beyond |x| = 9 the derivative is 0 or 1 to within 1e-26, so x is clamped to that: the exponential
// of a larger x, or its square, could overflow.
func geluGrad(d, x []float32) {
	var e, c [geluBlock]float32
	for len(d) > 0 {
		n := min(len(d), geluBlock)
		for i, v := range x[:n] {
			c[i] = min(max(v, -9), 9) // keeps NaN
		}
		geluExp(e[:n], c[:n])
		for i, v := range c[:n] {
			s := 1 / (1 + e[i])
			slope := v * (geluA + float32(3*geluB*float32(v*v)))
			d[i] *= s + float32(float32(float32(e[i]*s)*s)*slope)
		}
		d, x = d[n:], x[n:]
	}
}
