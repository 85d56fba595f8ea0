package simd

import "fmt"

// A Precision says to what a product rounds its operands. Sums are float32 in any case.
type Precision uint8

const (
	// Float32 is the precision of the operands themselves.
	Float32 Precision = iota

	// BFloat16 rounds both operands to the nearest bfloat16, of two the even one: to 8 significant
	// bits, a relative error of at most 2^-8. Numbers below 2^-56 become 0, numbers
	// that round to 2^128 become infinite. The product is then that of the rounded operands
	// in Float32, bit for bit, on every CPU. AVX512_BF16 computes it at twice the speed;
	// elsewhere it costs a little more than Float32.
	//
	// A product may be added to an element of dst that is 0, a sum of such products with
	// alpha = 1, or at least 2^-103 in magnitude. With others the result may be off by 2^-126,
	// and differ between CPUs by that, for AVX512_BF16 takes subnormal numbers for 0.
	BFloat16
)

// String returns the name of the constant.
func (x Precision) String() string {
	switch x {
	case Float32:
		return "Float32"
	case BFloat16:
		return "BFloat16"
	}
	return fmt.Sprintf("Precision(%d)", uint8(x))
}
