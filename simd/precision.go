package simd

import "fmt"

// A Precision is what a matrix product rounds its operands to. Sums are float32 in any case.
type Precision uint8

const (
	// Float32 is the precision of the operands themselves.
	Float32 Precision = iota

	// BFloat16 rounds both operands to bfloat16, to the nearest number and to even in a tie: 8
	// significant bits, with a relative error of at most 2^-8. Numbers below 2^-56 become 0, and
	// those that round to 2^128 become infinite. The result is the Float32 product of the rounded
	// operands, bit for bit, on every CPU. AVX512_BF16 computes it at twice the speed; elsewhere it
	// costs a little more than Float32.
	//
	// An element of dst to which a product is added must be 0, a sum of such products with
	// alpha = 1, or at least 2^-103 in magnitude. Otherwise the result may be off by 2^-126 and may
	// differ by that between CPUs, because AVX512_BF16 treats subnormal numbers as 0.
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
