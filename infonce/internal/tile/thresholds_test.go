package tile

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// TestThresholds: ranks are counts, and equal thresholds stay in the order of what they belong to,
// for any number of them, of any size and with any number of equal ones.
func TestThresholds(t *testing.T) {
	r := check.NewRand(130)
	var th Thresholds
	for _, n := range []int{0, 1, 2, 3, 7, 8, radixFrom - 1, radixFrom, 100, 1000} {
		for _, kinds := range []uint32{1, 3, 1 << 8, 1 << 20, 0x7f800000} {
			x := make([]uint32, n)
			th.Reset()
			for i := range x {
				x[i] = r.Uint32N(kinds)
				if kinds < 1<<8 {
					x[i] += 0x40000000 - 1
				}
				th.Add(x[i], i)
			}
			th.Sort()
			order := make([]int, n)
			for i := range order {
				order[i] = i
			}
			slices.SortStableFunc(order, func(i, j int) int { return int(x[i]) - int(x[j]) })
			for k, i := range order {
				if th.Owner(k) != i {
					t.Fatalf("%d thresholds of %d kinds: %d is at %d, want %d", n, kinds, th.Owner(k), k, i)
				}
			}
			keys := append(slices.Clone(x), 0, 1, 0x3fffffff, 0x7f800000)
			for _, key := range keys[:min(len(keys), 100)] {
				want := 0
				for _, y := range x {
					if y <= key {
						want++
					}
				}
				if got := th.Rank(key); got != want {
					t.Fatalf("%d thresholds of %d kinds: rank of %#x is %d, want %d", n, kinds, key, got, want)
				}
			}
		}
	}
}

// TestLeastAbove: it is the least float32 that is not below the sum, exactly, however small a part
// of it is.
func TestLeastAbove(t *testing.T) {
	r := check.NewRand(131)
	for i := range 200_000 {
		x := math.Float32frombits(r.Uint32N(0x7f000000))
		y := math.Ldexp(float64(x)*(2*r.Float64()-1), -r.IntN(90))
		switch i % 8 {
		case 0:
			y = 0
		case 1:
			y = float64(math.Float32frombits(r.Uint32N(0x7f000000)))
		case 2:
			x = 0
		case 3:
			y = -y * 4
		}
		key := LeastAbove(x, y)
		f := math.Float32frombits(key)
		sum := new(big.Float).SetPrec(2000).Add(big.NewFloat(float64(x)).SetPrec(2000), big.NewFloat(y))
		if sum.Sign() <= 0 {
			if key != 0 {
				t.Fatalf("%v + %v: %v, want 0", x, y, f)
			}
			continue
		}
		if big.NewFloat(float64(f)).Cmp(sum) < 0 || key == 0 || big.NewFloat(float64(math.Float32frombits(key-1))).Cmp(sum) >= 0 {
			t.Fatalf("%v + %v: %v, want the least number that is not below", x, y, f)
		}
	}
}
