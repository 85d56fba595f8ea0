// Package bits hashes the bits of numbers, with the same result on every architecture.
package bits

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"
)

// A Hash is a SHA-256 over numbers. It is the same on every architecture:
// little-endian everywhere, and each NaN counts as the canonical quiet one. The
// numbers form one stream, so that the sum does not depend on how they were
// divided into calls. The zero value is ready to use.
type Hash struct {
	h   hash.Hash
	buf []byte
}

// Float32s adds x, four bytes an element.
func (h *Hash) Float32s(x []float32) {
	for _, v := range x {
		b := math.Float32bits(v)
		if v != v {
			b = 0x7fc00000
		}
		h.buf = binary.LittleEndian.AppendUint32(h.buf, b)
	}
	h.flush()
}

// Float64s adds x, eight bytes an element.
func (h *Hash) Float64s(x []float64) {
	for _, v := range x {
		b := math.Float64bits(v)
		if v != v {
			b = 0x7ff8000000000000
		}
		h.buf = binary.LittleEndian.AppendUint64(h.buf, b)
	}
	h.flush()
}

// Ints adds x, eight bytes an element, whatever the size of int.
func (h *Hash) Ints(x []int) {
	for _, v := range x {
		h.buf = binary.LittleEndian.AppendUint64(h.buf, uint64(int64(v)))
	}
	h.flush()
}

// Sum returns the first 16 bytes of the digest of all numbers so far, in
// hexadecimal. More may be added afterwards.
func (h *Hash) Sum() string {
	h.flush()
	return hex.EncodeToString(h.h.Sum(nil)[:16])
}

func (h *Hash) flush() {
	if h.h == nil {
		h.h = sha256.New()
	}
	h.h.Write(h.buf)
	h.buf = h.buf[:0]
}
