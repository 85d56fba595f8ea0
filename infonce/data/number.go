package data

import (
	"encoding/binary"
	"math"
)

// A number is a type of numbers in files. Bytes of it are in the order that a file says.
type number struct {
	name string
	kind numberKind
	size int // bytes
}

type numberKind uint8

const (
	signed numberKind = iota
	unsigned
	float  // IEEE 754
	bfloat // the first half of a float32
)

var (
	int8Number     = number{"int8", signed, 1}
	int16Number    = number{"int16", signed, 2}
	int32Number    = number{"int32", signed, 4}
	int64Number    = number{"int64", signed, 8}
	uint8Number    = number{"uint8", unsigned, 1}
	uint16Number   = number{"uint16", unsigned, 2}
	uint32Number   = number{"uint32", unsigned, 4}
	uint64Number   = number{"uint64", unsigned, 8}
	float16Number  = number{"float16", float, 2}
	float32Number  = number{"float32", float, 4}
	float64Number  = number{"float64", float, 8}
	bfloat16Number = number{"bfloat16", bfloat, 2}
)

// isInteger reports whether t has no fractions.
func (t number) isInteger() bool { return t.kind == signed || t.kind == unsigned }

// bits returns the first number of b as an unsigned integer of its size.
func (t number) bits(b []byte, order binary.ByteOrder) uint64 {
	switch t.size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(order.Uint16(b))
	case 4:
		return uint64(order.Uint32(b))
	default:
		return order.Uint64(b)
	}
}

// integer returns the first number of b, which is an integer. It reports whether
// it is at least 0 and below 1<<31, as labels and indices are.
func (t number) integer(b []byte, order binary.ByteOrder) (v int64, ok bool) {
	u := t.bits(b, order)
	if t.kind == signed {
		shift := 64 - 8*t.size
		v = int64(u<<shift) >> shift
	} else {
		v = int64(min(u, math.MaxInt64))
	}
	return v, v >= 0 && v <= math.MaxInt32
}

// float64 returns the first number of b, rounded where it is an integer over 1<<53.
func (t number) float64(b []byte, order binary.ByteOrder) float64 {
	u := t.bits(b, order)
	switch t.kind {
	case signed:
		shift := 64 - 8*t.size
		return float64(int64(u<<shift) >> shift)
	case unsigned:
		return float64(u)
	case bfloat:
		return float64(math.Float32frombits(uint32(u) << 16))
	}
	switch t.size {
	case 2:
		return float64(half(uint16(u)))
	case 4:
		return float64(math.Float32frombits(uint32(u)))
	default:
		return math.Float64frombits(u)
	}
}

// floats converts the numbers of b into dst, to the nearest float32: of float64
// those too large become infinite.
func (t number) floats(dst []float32, b []byte, order binary.ByteOrder) {
	switch {
	case t == float32Number && order == binary.LittleEndian:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	case t == uint8Number:
		for i := range dst {
			dst[i] = float32(b[i])
		}
	default:
		for i := range dst {
			dst[i] = float32(t.float64(b[t.size*i:], order))
		}
	}
}

// half returns the float32 of an IEEE 754 binary16, exactly.
func half(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exponent {
	case 0: // fraction times the least subnormal
		return math.Float32frombits(math.Float32bits(float32(fraction)*0x1p-24) | sign)
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	default:
		return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
	}
}

// nonFinite returns the index of the first number of x that is NaN or infinite, or -1.
func nonFinite(x []float32) int {
	const exponent = 0xff << 23
	for i, v := range x {
		if math.Float32bits(v)&exponent == exponent {
			return i
		}
	}
	return -1
}
