package tile

import (
	"math"
	"math/bits"
	"slices"
)

// Thresholds are numbers of at least 0 among which other numbers are ranked.
type Thresholds struct {
	entries []uint64 // the bits of a number, which sort like the number, and its owner
	spare   []uint64
	keys    []uint32 // the bits in ascending order, padded with larger ones to a length of 2^k − 1
}

// Reset removes all thresholds.
func (t *Thresholds) Reset() { t.entries = t.entries[:0] }

// Add adds the number with the bits key, which belongs to i.
func (t *Thresholds) Add(key uint32, i int) {
	t.entries = append(t.entries, uint64(key)<<32|uint64(uint32(i)))
}

// Len returns how many thresholds there are.
func (t *Thresholds) Len() int { return len(t.entries) }

// At returns the k-th of the sorted thresholds.
func (t *Thresholds) At(k int) float32 { return math.Float32frombits(uint32(t.entries[k] >> 32)) }

// Owner returns what the k-th of the sorted thresholds belongs to.
func (t *Thresholds) Owner(k int) int { return int(uint32(t.entries[k])) }

// Sort orders the thresholds, and equal ones by what they belong to.
func (t *Thresholds) Sort() {
	n := len(t.entries)
	if n < radixFrom {
		slices.Sort(t.entries)
	} else {
		t.radixSort()
	}
	length := 1<<bits.Len(uint(n)) - 1
	t.keys = Grow(t.keys, length)
	for i, e := range t.entries {
		t.keys[i] = uint32(e >> 32)
	}
	for i := n; i < length; i++ {
		t.keys[i] = math.MaxInt32
	}
}

// Shift makes Rank compare with the sorted thresholds plus by, or with 0 where that is negative.
func (t *Thresholds) Shift(by float64) {
	for i, e := range t.entries {
		t.keys[i] = math.Float32bits(max(0, float32(float64(math.Float32frombits(uint32(e>>32)))+by)))
	}
}

// From this number on a radix sort is faster.
const radixFrom = 64

// radixSort sorts by the bits in which keys differ, the lowest first. Equal keys keep the order in
// which they were added.
func (t *Thresholds) radixSort() {
	const digits = 8
	n := len(t.entries)
	t.spare = Grow(t.spare, n)
	least, most := t.entries[0], t.entries[0]
	for _, e := range t.entries {
		least, most = min(least, e), max(most, e)
	}
	least &^= math.MaxUint32
	for shift := 32; shift < 32+bits.Len64((most-least)>>32); shift += digits {
		var end [1 << digits]uint32
		for _, e := range t.entries {
			end[uint8((e-least)>>shift)]++
		}
		at := uint32(0)
		for i, count := range end {
			end[i] = at
			at += count
		}
		sorted := t.spare[:n]
		for _, e := range t.entries {
			p := &end[uint8((e-least)>>shift)]
			sorted[*p] = e
			*p++
		}
		t.entries, t.spare = sorted, t.entries
	}
}

// Rank returns how many thresholds are at most key. It takes the same steps for every key, without
// branches, half of which would be mispredicted.
func (t *Thresholds) Rank(key uint32) int {
	at := 0
	for half := uint(len(t.keys)+1) / 2; half > 0; half /= 2 {
		less := int32(t.keys[at+int(half)-1]-key-1) >> 31 // −1 where the threshold is at most key, else 0
		at += int(half) & int(less)
	}
	return at
}

// LeastAbove returns the bits of the least float32 that is at least x + y, and those of 0 if the
// sum is negative.
func LeastAbove(x float32, y float64) uint32 {
	a := float64(x)
	sum := a + y
	if sum < 0 {
		return 0
	}
	// What the sum lost in rounding counts where it is a float32 (Knuth's TwoSum).
	b := sum - a
	lost := (a - (sum - b)) + (y - b)
	f := float32(sum)
	// Where f is too small the difference is negative. Half of the time it is: a branch would be
	// mispredicted.
	return math.Float32bits(f) + uint32(math.Float64bits((float64(f)-sum)-lost)>>63)
}
