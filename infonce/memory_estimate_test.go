//go:build !race

package infonce_test

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/catalog"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// A span is memory from one address to another.
type span struct{ from, to uintptr }

func spanOf(slice reflect.Value) span {
	from := slice.Pointer()
	return span{from, from + uintptr(slice.Cap())*slice.Type().Elem().Size()}
}

// held returns how many bytes l keeps beside the given matrices. What several fields share is
// counted once.
func held(l Loss, others ...simd.Matrix) (bytes int64) {
	var spans []span
	seen := make(map[uintptr]bool)
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() && !seen[v.Pointer()] {
				seen[v.Pointer()] = true
				walk(v.Elem())
			}
		case reflect.Interface:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case reflect.Array:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Slice:
			spans = append(spans, spanOf(v))
			switch v.Type().Elem().Kind() {
			case reflect.Struct, reflect.Slice, reflect.Pointer:
				all := v.Slice(0, v.Cap())
				for i := range all.Len() {
					walk(all.Index(i))
				}
			}
		}
	}
	walk(reflect.ValueOf(l))
	for _, m := range others {
		o := spanOf(reflect.ValueOf(m.Data))
		spans = slices.DeleteFunc(spans, func(s span) bool { return o.from <= s.from && s.from < o.to })
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	end := uintptr(0)
	for _, s := range spans {
		if s.to > end {
			bytes += int64(s.to - max(s.from, end))
			end = s.to
		}
	}
	return bytes
}

// TestMemoryEstimate: what a loss of the catalog, or of the command line, holds after an evaluation
// with a gradient is what it says beforehand.
func TestMemoryEstimate(t *testing.T) {
	r := check.NewRand(1)
	judge := func(name string, l Loss, b Batch) {
		t.Helper()
		outline := Batch{Q: shapeOf(b.Q), K: shapeOf(b.K), Negatives: shapeOf(b.Negatives), Triplets: b.Triplets, Labels: b.Labels, IDs: b.IDs}
		want := MemoryEstimate(l, outline)
		g := gradFor(b)
		evaluate(t, name, l, b, &g, 1)
		got := held(l, b.Q, b.K, b.Negatives, g.Q, g.K, g.Negatives)
		if d := got - want; max(d, -d) > got/5+1<<18 {
			t.Errorf("%s of %d×%d: %.2f MB are estimated, %.2f MB held", name, b.Q.Rows, b.Q.Cols, float64(want)/1e6, float64(got)/1e6)
		}
	}
	shapes := []struct{ n, d int }{{128, 256}, {700, 128}, {1024, 64}}
	vs := allVariants()
	if testing.Short() {
		shapes = shapes[:1]
	}
	for _, s := range shapes {
		for _, v := range vs {
			b := v.batch(r, s.n, s.d, 0, 0.5)
			if testing.Short() {
				judge(v.Name, v.New(2), b)
				continue
			}
			for _, workers := range []int{1, 2} {
				name := fmt.Sprintf("%s, %d workers", v.Name, workers)
				judge(name, v.New(workers), b)
				judge(name+", no budget", withBudget(v.New(workers), -1), b)
				if workers == 1 {
					judge(name+", bfloat16", withPrecision(v.New(workers), simd.BFloat16), b)
				}
			}
		}
		for _, c := range catalog.Commands() {
			b := catalog.Shape{Keys: same}.Batch(r, s.n, s.d, 0.5)
			for i := range s.n {
				b.Labels = append(b.Labels, i/4)
			}
			l, _ := c.New(catalog.Settings{Temperature: 0.1, Margin: 0.3, Workers: 2})
			judge("--loss "+c.Name, l, b)
		}
		b := vs[0].batch(r, s.n, s.d, 0, 0.5)
		judge("Custom", &Custom{Score: hingeRow}, b)
		judge("Custom of rows", &Custom{Score: hingeRow, Self: true}, Batch{Q: b.Q})
	}
	if testing.Short() {
		return
	}
	for _, v := range vs {
		if name := v.Name; strings.HasPrefix(name, "Lifted/") || strings.HasPrefix(name, "MarginLoss/") || strings.HasPrefix(name, "Triplet/list/m") {
			judge(name, v.New(2), v.batch(r, 4096, 256, 0, 0.5))
		}
	}
}

func shapeOf(m simd.Matrix) simd.Matrix { return simd.Matrix{Rows: m.Rows, Cols: m.Cols} }

// TestMemoryEstimateOfAll: each loss of this package says what it will hold.
func TestMemoryEstimateOfAll(t *testing.T) {
	for _, v := range allVariants() {
		if _, ok := v.New(1).(MemoryEstimator); !ok {
			t.Errorf("%T does not estimate its memory", v.New(1))
		}
	}
}

type estimatedLoss struct{ Loss }

func (estimatedLoss) MemoryEstimate(b Batch) int64 { return int64(b.Q.Rows) }

func TestMemoryEstimateOfOthers(t *testing.T) {
	b := Batch{Q: simd.Matrix{Rows: 7, Cols: 3}}
	if got := MemoryEstimate(estimatedLoss{}, b); got != 7 {
		t.Errorf("%d, want what the loss says", got)
	}
	if got := MemoryEstimate(struct{ Loss }{}, b); got != 0 {
		t.Errorf("%d, want 0", got)
	}
}
