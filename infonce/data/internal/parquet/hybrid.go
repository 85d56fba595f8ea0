package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// A hybrid reads unsigned integers of width bits from runs of equal ones and runs of packed ones,
// which Parquet calls RLE. It takes no memory, however long a run claims to be.
type hybrid struct {
	b      []byte
	width  int // at most 32
	left   uint64
	packed bool
	value  uint32 // of a run of equal ones
	acc    uint64 // bits of packed ones not yet used
	have   int    // how many there are
}

var errHybrid = errors.New("run of values: got fewer than the page has, want as many")

func (h *hybrid) next() (uint32, error) {
	for h.left == 0 {
		head, n := binary.Uvarint(h.b)
		if n <= 0 {
			return 0, errHybrid
		}
		h.b = h.b[n:]
		h.left, h.packed = head>>1, head&1 > 0
		if h.packed {
			if h.left > uint64(len(h.b)) && h.width > 0 {
				return 0, errHybrid
			}
			h.left *= 8
			h.acc, h.have = 0, 0
			continue
		}
		bytes := (h.width + 7) / 8
		if bytes > len(h.b) {
			return 0, errHybrid
		}
		h.value = 0
		for i := range bytes {
			h.value |= uint32(h.b[i]) << (8 * i)
		}
		h.b = h.b[bytes:]
	}
	h.left--
	if !h.packed {
		return h.value, nil
	}
	for h.have < h.width {
		if len(h.b) == 0 {
			return 0, errHybrid
		}
		h.acc |= uint64(h.b[0]) << h.have
		h.b = h.b[1:]
		h.have += 8
	}
	v := uint32(h.acc & (1<<h.width - 1))
	h.acc >>= h.width
	h.have -= h.width
	return v, nil
}

// bitWidth returns the number of bits of levels up to high.
func bitWidth(high int) int { return bits.Len(uint(high)) }

// deltas reads n integers encoded as DELTA_BINARY_PACKED, calls add with each, and returns the
// bytes after them.
func deltas(b []byte, n int, add func(v int64) error) (rest []byte, err error) {
	short := errors.New("deltas: got fewer bytes than they need, want as many")
	varint := func() (u uint64) {
		u, k := binary.Uvarint(b)
		if k <= 0 {
			err = short
			return 0
		}
		b = b[k:]
		return u
	}
	zigzag := func() int64 { u := varint(); return int64(u>>1) ^ -int64(u&1) }
	block, minis, total, v := varint(), varint(), varint(), zigzag()
	switch {
	case err != nil:
		return nil, err
	case block == 0 || block%128 != 0 || block > 1<<20 || minis == 0 || minis > block/32 || block%minis != 0 || block/minis%32 != 0:
		return nil, fmt.Errorf("deltas: got blocks of %d in %d parts, want multiples of 128 and 32", block, minis)
	case total != uint64(n):
		return nil, fmt.Errorf("deltas: got %d values, want the %d of the page", total, n)
	case n == 0:
		return b, nil
	}
	if err := add(v); err != nil {
		return nil, err
	}
	for left := n - 1; left > 0; {
		least := zigzag()
		if err != nil {
			return nil, err
		}
		if minis > uint64(len(b)) {
			return nil, short
		}
		widths := b[:minis]
		b = b[minis:]
		for _, width := range widths {
			if left == 0 {
				break
			}
			per := int(block / minis)
			if width > 64 {
				return nil, fmt.Errorf("deltas: got %d bits each, want at most 64", width)
			}
			bytes := per / 8 * int(width)
			if bytes > len(b) {
				return nil, short
			}
			packed := b[:bytes]
			b = b[bytes:]
			for i := range min(per, left) {
				v += least + int64(unpack(packed, i*int(width), int(width)))
				if err := add(v); err != nil {
					return nil, err
				}
				left--
			}
		}
	}
	return b, nil
}

// unpack returns the width bits of b that start at a bit.
func unpack(b []byte, bit, width int) (v uint64) {
	for got := 0; got < width; {
		at := bit + got
		take := min(8-at%8, width-got)
		v |= uint64(b[at/8]>>(at%8)&(1<<take-1)) << got
		got += take
	}
	return v
}
