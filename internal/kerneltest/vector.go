package kerneltest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// A vectorKernel is a kernel that takes no matrix, in the one form that the tests call.
type vectorKernel struct {
	name      string
	got, want vectorFunc
}

// A vectorFunc may change dst and may return a number.
type vectorFunc func(dst, x, y []float32, alpha float32) float32

func ofPair(f func(x, y []float32) float32) vectorFunc {
	return func(_, x, y []float32, _ float32) float32 { return f(x, y) }
}

func ofOne(f func(x []float32) float32) vectorFunc {
	return func(_, x, _ []float32, _ float32) float32 { return f(x) }
}

func shifted(f func(x []float32, shift float32) float32) vectorFunc {
	return func(_, x, _ []float32, alpha float32) float32 { return f(x, alpha) }
}

func inLanes(f func(dst, x []float32, shift float32, lane *[16]float32)) vectorFunc {
	return func(dst, x, _ []float32, alpha float32) float32 {
		lane := [16]float32{1, 0x1p20, 3: 0x1p-20, 15: 7}
		f(dst, x, alpha, &lane)
		return digest(lane)
	}
}

// digest returns a number that depends on the bits of all lanes and their order.
func digest(lane [16]float32) float32 {
	var d uint32
	for _, v := range lane {
		u := math.Float32bits(v)
		if v != v {
			u = 1 // any NaN
		}
		d = d*0x01000193 ^ u
	}
	return float32(d >> 8)
}

func maxAffine(f func(dst, x []float32, alpha, c float32)) vectorFunc {
	return func(dst, x, _ []float32, alpha float32) float32 { f(dst, x, alpha, 0.1); return 0 }
}

func indexing(f func(x []float32, least float32) int) vectorFunc {
	return func(_, x, _ []float32, alpha float32) float32 { return float32(f(x, alpha)) }
}

func scaled(f func(dst []float32, alpha float32, x []float32)) vectorFunc {
	return func(dst, x, _ []float32, alpha float32) float32 { f(dst, alpha, x); return 0 }
}

func toDst(f func(dst, x, y []float32)) vectorFunc {
	return func(dst, x, y []float32, _ float32) float32 { f(dst, x, y); return 0 }
}

func mulShifted(f func(dst, x, w []float32, alpha float32)) vectorFunc {
	return func(dst, x, y []float32, alpha float32) float32 { f(dst, x, y, alpha); return 0 }
}

func mapping(f func(dst, x []float32)) vectorFunc {
	return func(dst, x, _ []float32, _ float32) float32 { f(dst, x); return 0 }
}

// maxLen is more than four blocks of the largest kernel.
const maxLen = 300

// vectorBits compares every kernel with its definition, for every length, with operands at
// different offsets, and with dst apart from the inputs or one of them.
func vectorBits(t *testing.T, k Kernels) {
	maxLen, offsets := maxLen, 8
	if testing.Short() {
		maxLen, offsets = maxLen/2, 4
	}
	vectors := k.vectors()
	for _, d := range data {
		t.Run("data="+d.name, func(t *testing.T) {
			r := check.NewRand(1)
			for n := range maxLen + 1 {
				for off := range offsets {
					x, y := d.fill(r, n+offsets), d.fill(r, n+offsets)
					xs, ys := x[off:][:n], y[offsets-1-off:][:n]
					alphas := []float32{0.7, 1, 0, -0x1p-80, float32(math.Inf(1)), x[0]}
					alpha := alphas[(n+off)%len(alphas)]
					for _, v := range vectors {
						compare(t, fmt.Sprintf("%s n=%d off=%d alpha=%v", v.name, n, off, alpha), v, y, off^2, xs, ys, alpha)
					}
					if t.Failed() {
						return
					}
				}
			}
		})
	}
}

// compare calls v with dst at offset at of a copy of around. It compares whole copies, because
// nothing around dst may change.
func compare(t *testing.T, name string, v vectorKernel, around []float32, at int, x, y []float32, alpha float32) {
	for _, alias := range []string{"", "x", "y"} {
		call := func(f vectorFunc) (whole, result []float32) {
			whole = slices.Clone(around)
			dst, x, y := whole[at:][:len(x)], x, y
			switch alias {
			case "x":
				copy(dst, x)
				x = dst
			case "y":
				copy(dst, y)
				y = dst
			}
			return whole, []float32{f(dst, x, y, alpha)}
		}
		got, a := call(v.got)
		want, b := call(v.want)
		check.SameBits(t, name+" dst="+alias, got, want)
		check.SameBits(t, name+" dst="+alias+" result", a, b)
	}
}

func vectorFence(t *testing.T, k Kernels) {
	needFence(t)
	dst, x, y := check.NewFence(t, maxLen), check.NewFence(t, maxLen), check.NewFence(t, maxLen)
	for _, v := range k.vectors() {
		for n := range maxLen + 1 {
			for _, atEnd := range []bool{false, true} {
				if check.Faults(func() { v.got(dst.Slice(n, atEnd), x.Slice(n, atEnd), y.Slice(n, atEnd), 1) }) {
					t.Errorf("%s: n=%d atEnd=%v: access outside the slices", v.name, n, atEnd)
				}
			}
		}
	}
}

// fenceCatches checks that a kernel that reads one element too many faults.
func fenceCatches(t *testing.T, k Kernels) {
	needFence(t)
	const n = 4
	dst, x := check.NewFence(t, n+1), check.NewFence(t, n)
	if !check.Faults(func() { k.Scale(dst.Slice(n+1, false), 1, x.Slice(n, true)) }) {
		t.Error("no fault: the tests with fenced memory show nothing")
	}
}

func needFence(t testing.TB) {
	t.Helper()
	if !check.Guarded() {
		t.Skip("this system has no guard pages here; Linux has")
	}
}
