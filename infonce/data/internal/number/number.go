// Package number converts the numbers of files, whatever their type and byte order.
package number

import (
	"encoding/binary"
	"math"
)

// A Type is a type of numbers in files.
type Type struct {
	Name string
	Kind Kind
	Size int // bytes
}

// A Kind is how the bits of a number are read.
type Kind uint8

const (
	Signed Kind = iota
	Unsigned
	Float  // IEEE 754
	Bfloat // the first half of a float32
)

var (
	Int8     = Type{"int8", Signed, 1}
	Int16    = Type{"int16", Signed, 2}
	Int32    = Type{"int32", Signed, 4}
	Int64    = Type{"int64", Signed, 8}
	Uint8    = Type{"uint8", Unsigned, 1}
	Uint16   = Type{"uint16", Unsigned, 2}
	Uint32   = Type{"uint32", Unsigned, 4}
	Uint64   = Type{"uint64", Unsigned, 8}
	Bool     = Type{"bool", Unsigned, 1}
	Float16  = Type{"float16", Float, 2}
	Float32  = Type{"float32", Float, 4}
	Float64  = Type{"float64", Float, 8}
	Bfloat16 = Type{"bfloat16", Bfloat, 2}
)

// IsInteger reports whether numbers of t have no fractions.
func (t Type) IsInteger() bool { return t.Size > 0 && (t.Kind == Signed || t.Kind == Unsigned) }

// Bits returns the first number of b as an unsigned integer of its size.
func (t Type) Bits(b []byte, order binary.ByteOrder) uint64 {
	switch t.Size {
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

// Integer returns the first number of b, which must be an integer. It reports whether that is from
// 0 to 1<<31 − 1, as labels and indices are.
func (t Type) Integer(b []byte, order binary.ByteOrder) (v int64, ok bool) {
	u := t.Bits(b, order)
	if t.Kind == Signed {
		shift := 64 - 8*t.Size
		v = int64(u<<shift) >> shift
	} else {
		v = int64(min(u, math.MaxInt64))
	}
	return v, v >= 0 && v <= math.MaxInt32
}

// Float64 returns the first number of b. Integers over 1<<53 are rounded.
func (t Type) Float64(b []byte, order binary.ByteOrder) float64 {
	u := t.Bits(b, order)
	switch t.Kind {
	case Signed:
		shift := 64 - 8*t.Size
		return float64(int64(u<<shift) >> shift)
	case Unsigned:
		return float64(u)
	case Bfloat:
		return float64(math.Float32frombits(uint32(u) << 16))
	}
	switch t.Size {
	case 2:
		return float64(half(uint16(u)))
	case 4:
		return float64(math.Float32frombits(uint32(u)))
	default:
		return math.Float64frombits(u)
	}
}

// Floats stores the numbers of b in dst, each as the nearest float32: a float64 that is too large
// becomes infinite.
func (t Type) Floats(dst []float32, b []byte, order binary.ByteOrder) {
	switch {
	case t == Float32 && order == binary.LittleEndian:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	case t == Uint8:
		for i := range dst {
			dst[i] = float32(b[i])
		}
	default:
		for i := range dst {
			dst[i] = float32(t.Float64(b[t.Size*i:], order))
		}
	}
}

// half returns the value of an IEEE 754 binary16, exactly.
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

// NonFinite returns the index of the first number of x that is NaN or infinite, −1 if there is
// none.
func NonFinite(x []float32) int {
	const exponent = 0xff << 23
	for i, v := range x {
		if math.Float32bits(v)&exponent == exponent {
			return i
		}
	}
	return -1
}
