package bits

import (
	"math"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// The sums are those of another SHA-256 over the bytes written out by hand.
func TestHash(t *testing.T) {
	for _, c := range []struct {
		name string
		add  func(h *Hash)
		want string
	}{
		{"nothing", func(h *Hash) {}, "e3b0c44298fc1c149afbf4c8996fb924"},
		{"float32", func(h *Hash) {
			h.Float32s([]float32{1, float32(math.Copysign(0, -1)), math.Float32frombits(0xffc12345)})
		}, "edfa3a89082bcce9a7725a436754d577"},
		{"float64", func(h *Hash) {
			h.Float64s([]float64{1, math.Inf(-1), math.Float64frombits(0xfff8000000000001)})
		}, "1eedc16e9261c86651cef1cd50a3383d"},
		{"int", func(h *Hash) { h.Ints([]int{1, -2}) }, "ad47ab1aede0a7b8af007a36d82ccbbe"},
		{"mixed", func(h *Hash) {
			h.Float32s([]float32{1})
			h.Float64s([]float64{1})
			h.Ints([]int{1})
		}, "d1ec832d3414cc9c778e4210c825b20b"},
	} {
		var h Hash
		c.add(&h)
		if got := h.Sum(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestHashIsIncremental(t *testing.T) {
	x := check.NewRand(2).Bits32(1000)
	var whole, parts Hash
	whole.Float32s(x)
	for len(x) > 0 {
		n := min(len(x), 7)
		parts.Float32s(x[:n])
		parts.Sum()
		x = x[n:]
	}
	if whole.Sum() != parts.Sum() {
		t.Errorf("in parts %s, at once %s", parts.Sum(), whole.Sum())
	}
}

func TestHashSeesEveryBit(t *testing.T) {
	x := []float32{1, 2, 3}
	var h Hash
	h.Float32s(x)
	seen := map[string]bool{h.Sum(): true}
	for i := range x {
		for bit := range 32 {
			y := append([]float32(nil), x...)
			y[i] = math.Float32frombits(math.Float32bits(y[i]) ^ 1<<bit)
			var h Hash
			h.Float32s(y)
			if seen[h.Sum()] {
				t.Errorf("bit %d of element %d does not change the sum", bit, i)
			}
			seen[h.Sum()] = true
		}
	}
}
