package reproduce

import (
	"context"
	"math"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/simd"
)

// All approaches compute the same, so that what they take can be compared; n is no multiple of a
// chunk.
func TestApproachesAgree(t *testing.T) {
	const n = 1200
	b := randomPairs(1, n)
	var want infonce.Batch
	var wantLoss float64
	for i, a := range approaches {
		g := infonce.Batch{Q: simd.NewMatrix(n, memoryDim), K: simd.NewMatrix(n, memoryDim)}
		l := a.loss(n, 0)
		for range 2 { // what is left of the first time must not show in the second
			clear(g.Q.Data)
			clear(g.K.Data)
			r, err := l.Evaluate(b, &g, 3)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				want, wantLoss = g, r.Loss
				continue
			}
			// Logits less 1/τ round to 9.5·10⁻⁷, the unit in the last place of 14.3.
			if !(math.Abs(r.Loss-wantLoss) <= 1e-6) {
				t.Errorf("%s: loss %v, want %v", a.name, r.Loss, wantLoss)
			}
			for _, m := range [][2]simd.Matrix{{g.Q, want.Q}, {g.K, want.K}} {
				var off, size float64
				for j, v := range m[0].Data {
					off, size = max(off, math.Abs(float64(v-m[1].Data[j]))), max(size, math.Abs(float64(v)))
				}
				if !(off <= 1e-5*size) || size == 0 {
					t.Errorf("%s: gradients are off by %v of %v", a.name, off, size)
				}
			}
		}
	}
}

// The square shows, and so does that the fused loss has none.
func TestMemoryShape(t *testing.T) {
	r := new(Report)
	if err := measureMemory(context.Background(), Options{Seed: 1}, r, []int{512, 1024, 2048}); err != nil {
		t.Fatal(err)
	}
	if len(r.Tables) != 4 || len(r.Tables[0].Rows) != 4 {
		t.Fatalf("report is\n%v", r)
	}
	for _, v := range r.Verdicts[:1] {
		if !v.Holds {
			t.Errorf("report is\n%v", r)
		}
	}
}

func TestMemoryVerdictsCanFail(t *testing.T) {
	sizes := []int{1000, 2000, 4000}
	power := func(e float64) (c []cost) {
		for _, n := range sizes {
			c = append(c, cost{done: true, allocated: 100 * math.Pow(float64(n), e), seconds: 1})
		}
		return c
	}
	for _, c := range []struct {
		fused, all float64
		holds      [3]bool
	}{
		{1, 2, [3]bool{true, true, true}}, {1.5, 2, [3]bool{false, true, true}}, {1, 1.2, [3]bool{true, false, false}},
	} {
		costs := make([][]cost, len(sizes))
		fused, all := power(c.fused), power(c.all)
		for i := range sizes {
			costs[i] = []cost{fused[i], fused[i], all[i], all[i]}
		}
		r := new(Report)
		judgeMemory(r, sizes, costs)
		for i, want := range c.holds {
			if r.Verdicts[i].Holds != want {
				t.Errorf("powers %v and %v: verdict %q holds: %v", c.fused, c.all, r.Verdicts[i].Says, r.Verdicts[i].Holds)
			}
		}
	}
}

func TestResidentGrowth(t *testing.T) {
	if _, ok := processStatus("VmHWM"); !ok {
		t.Skip("this system does not tell the peak of a process")
	}
	const size = 64 << 20
	var block []byte
	got := residentGrowth(func() {
		block = make([]byte, size)
		for i := 0; i < size; i += 4096 {
			block[i] = 1
		}
	})
	if math.IsNaN(got) {
		t.Skip("the peak can not be forgotten")
	}
	if block[0] != 1 || got < 0.9*size || got > 1.5*size {
		t.Errorf("the resident set grew by %v bytes for %d", got, size)
	}
}
