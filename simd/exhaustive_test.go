package simd_test

import (
	"flag"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

var exhaustive = flag.Bool("exhaustive", false, "let TestExhaustive go over all 2^32 bit patterns")

// A tally is what was seen of a function over many bit patterns.
type tally struct {
	patterns  int     // all
	finite    int     // with a finite result: neither NaN, nor 0, nor infinite
	inexact   int     // of the finite: not the float32 next to the truth
	normal    extreme // worst error where the true result is normal
	subnormal extreme // and where it is subnormal
	special   int     // NaN, zeros and infinities that are not those of the truth
	differ    int     // other bits than the definition in package scalar
	wrong     float32 // one that is special or differs
}

// An extreme is the largest error, in ULP, and the argument that has it.
type extreme struct {
	ulp float64
	at  float32
}

func (e *extreme) see(o extreme) {
	if o.ulp > e.ulp {
		*e = o
	}
}

func (a *tally) add(b tally) {
	a.patterns += b.patterns
	a.finite += b.finite
	a.inexact += b.inexact
	a.normal.see(b.normal)
	a.subnormal.see(b.subnormal)
	a.special += b.special
	a.differ += b.differ
	if b.special+b.differ > 0 {
		a.wrong = b.wrong
	}
}

// see judges got, the result for x, by the definition and by the truth.
func (a *tally) see(x, got, definition float32, truth float64) {
	a.patterns++
	if math.Float32bits(got) != math.Float32bits(definition) && (got == got || definition == definition) {
		a.differ++
		a.wrong = x
	}
	// The truth in float64 errs by 2^-29 of what a float32 can tell apart: the float32 next to
	// it is the right one, but where the truth lies as close as that to the middle of two.
	next := float32(truth)
	ordinary := func(v float32) bool { return v-v == 0 && v != 0 }
	if got == next || got != got && next != next {
		if ordinary(next) {
			a.finite++
		}
		return
	}
	e := check.ULP(got, truth)
	if !ordinary(got) && !ordinary(next) || math.IsInf(e, 1) {
		a.special++
		a.wrong = x
		return
	}
	a.finite++
	a.inexact++
	if math.Abs(truth) < 0x1p-126 {
		a.subnormal.see(extreme{e, x})
	} else {
		a.normal.see(extreme{e, x})
	}
}

// patterns calls f, on all cores, with blocks of the bit patterns to look at: all of them,
// or a sample that is even over the patterns, the edges of each binade, and
// where Exp begins to overflow, to lose bits, and to vanish.
func patterns(f func(block []uint32)) {
	const size = 1 << 12
	count := uint64(1) << 32
	stride := uint32(1)
	var edges []uint32
	if !*exhaustive {
		count = 1 << 22
		stride = 0x9e3779b1 // odd, so that no pattern comes twice; near 2^32 over the golden ratio
		for binade := range uint32(512) {
			for _, mantissa := range []uint32{0, 1, 2, 0x3504f2, 0x3504f3, 0x3504f4, 0x3fffff, 0x400000, 0x7ffffe, 0x7fffff} {
				edges = append(edges, binade<<23|mantissa)
			}
		}
		for _, v := range []float32{88.72284, -87.33655, -103.97208} {
			for i := range uint32(2000) {
				edges = append(edges, math.Float32bits(v)-1000+i)
			}
		}
	}
	f(edges)
	var next atomic.Uint64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			block := make([]uint32, size)
			for {
				i := next.Add(size) - size
				if i >= count {
					return
				}
				for j := range block {
					block[j] = uint32(i+uint64(j)) * stride
				}
				f(block)
			}
		})
	}
	workers.Wait()
}

// Exp and Log hold their bound and the bits of their definition: for all arguments
// with -exhaustive, for one in a thousand without.
func TestExhaustive(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		for _, c := range []struct {
			name       string
			f          func(dst, x []float32)
			definition func(x float32) float32
			truth      func(x float64) float64
		}{
			{"Exp", simd.Exp, scalar.Exp, math.Exp},
			{"Log", simd.Log, scalar.Log, math.Log},
		} {
			var all tally
			var mu sync.Mutex
			patterns(func(block []uint32) {
				x, y := make([]float32, len(block)), make([]float32, len(block))
				for i, b := range block {
					x[i] = math.Float32frombits(b)
				}
				c.f(y, x)
				var a tally
				for i, v := range x {
					a.see(v, y[i], c.definition(v), c.truth(float64(v)))
				}
				mu.Lock()
				all.add(a)
				mu.Unlock()
			})
			if all.special > 0 || all.differ > 0 {
				t.Errorf("%s: %d wrong specials, %d differ from the definition, one at %#x", c.name, all.special, all.differ, math.Float32bits(all.wrong))
			}
			if all.normal.ulp > expError || all.subnormal.ulp > expError {
				t.Errorf("%s: the error exceeds %v ULP", c.name, expError)
			}
			t.Logf("%s: %d patterns, %d finite results: max error %.6f ULP normal (at %x), %.6f ULP subnormal (at %x); %.4f%% not correctly rounded; %d wrong specials; %d differ from the definition",
				c.name, all.patterns, all.finite, all.normal.ulp, all.normal.at, all.subnormal.ulp, all.subnormal.at,
				100*float64(all.inexact)/float64(max(all.finite, 1)), all.special, all.differ)
		}
	})
}
