package infonce_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/catalog"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// hingeRow asks of a positive logit to exceed the others by a margin.
func hingeRow(i int, z []float32) float64 {
	const margin = 0.5
	loss, pull := 0.0, float32(0)
	for j := range z {
		if j != i {
			h := max(0, z[j]-z[i]+margin)
			loss += float64(h) * float64(h)
			z[j] = 2 * h
			pull -= 2 * h
		}
	}
	z[i] = pull
	return loss
}

// lossVariant is a variant without an oracle.
func lossVariant(name string, shape catalog.Shape, new func(workers int) Loss) variant {
	return variant{catalog.Case{Name: name, New: new, Shape: shape}}
}

func same(n int) int { return n }

// TestCheckGradient: CheckGradient accepts the gradients of all losses, also of rows that are close
// to each other and at sizes where it looks at some elements only.
func TestCheckGradient(t *testing.T) {
	variants := append(allVariants(),
		lossVariant("Custom", catalog.Shape{Keys: same}, func(workers int) Loss { return &Custom{Score: hingeRow, Workers: workers} }),
		lossVariant("Custom/dot", catalog.Shape{}, func(workers int) Loss {
			return &Custom{Score: hingeRow, DotProduct: true, Self: true, Temperature: 3, Workers: workers}
		}),
		lossVariant("SigLIP", catalog.Shape{Keys: func(n int) int { return n + 3 }}, func(workers int) Loss { return &SigLIP{Workers: workers} }),
	)
	checked := map[string]bool{}
	shapes := []struct {
		n, d   int
		spread float32
	}{{1, 3, 0}, {2, 2, 0.5}, {7, 5, 0.1}, {40, 33, 0.5}}
	if testing.Short() {
		shapes = shapes[:3]
	}
	r := check.NewRand(100)
	for _, v := range variants {
		checked[strings.TrimPrefix(fmt.Sprintf("%T", v.New(1)), "*infonce.")] = true
		if v.Detached {
			continue
		}
		for _, s := range shapes {
			b := v.batch(r, s.n, s.d, 1, s.spread)
			before := copyBatch(b)
			if err := CheckGradient(v.New(1), b); err != nil {
				t.Errorf("%s n=%d d=%d: %v", v.Name, s.n, s.d, err)
			}
			for p := range 3 {
				check.SameBits(t, v.Name+": the batch after the check", part(b, p).Data, part(before, p).Data)
			}
		}
	}
	for _, name := range lossTypes(t) {
		if !checked[name] {
			t.Errorf("no variant of %s was checked", name)
		}
	}
}

// lossTypes returns the names of the types of this package with the method Evaluate.
func lossTypes(t *testing.T) []string {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func \(\w+ \*([A-Z]\w*)\) Evaluate\(`).FindAllSubmatch(text, -1) {
			names = append(names, string(m[1]))
		}
	}
	if len(names) < 10 {
		t.Errorf("only %d losses found: %v", len(names), names)
	}
	return names
}

// A faulty loss has the right value, and does something to the gradient.
type faulty struct {
	Loss
	fault func(l Loss, b Batch, g *Batch)
}

func (f faulty) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	r, err := f.Loss.Evaluate(b, nil, scale)
	if grad != nil && err == nil {
		f.fault(f.Loss, b, grad)
	}
	return r, err
}

// TestCheckGradientFindsFaults: each mistake that one can make in a gradient is found in each loss,
// and the error says where.
func TestCheckGradientFindsFaults(t *testing.T) {
	add := func(l Loss, b Batch, g *Batch, scale float32) {
		if _, err := l.Evaluate(b, g, scale); err != nil {
			t.Fatal(err)
		}
	}
	faults := []struct {
		name  string
		fault func(l Loss, b Batch, g *Batch)
	}{
		{"twice", func(l Loss, b Batch, g *Batch) { add(l, b, g, 2) }},
		{"minus", func(l Loss, b Batch, g *Batch) { add(l, b, g, -1) }},
		{"nothing", func(Loss, Batch, *Batch) {}},
		{"three per cent too large", func(l Loss, b Batch, g *Batch) { add(l, b, g, 1.03) }},
		{"without the last row of Q", func(l Loss, b Batch, g *Batch) {
			add(l, b, g, 1)
			clear(g.Q.Row(g.Q.Rows - 1))
		}},
		{"without the first row of K", func(l Loss, b Batch, g *Batch) {
			add(l, b, g, 1)
			if g.K.Rows > 0 {
				clear(g.K.Row(0))
			} else {
				clear(g.Q.Row(0))
			}
		}},
		{"rows shifted by one", func(l Loss, b Batch, g *Batch) {
			add(l, b, g, 1)
			q := copyBatch(*g).Q
			for i := range q.Rows {
				copy(g.Q.Row(i), q.Row((i+1)%q.Rows))
			}
		}},
		{"with respect to unit rows", func(l Loss, b Batch, g *Batch) {
			add(l, b, g, 1)
			for i := range g.Q.Rows {
				norm := math.Sqrt(float64(simd.Dot(b.Q.Row(i), b.Q.Row(i))))
				simd.Scale(g.Q.Row(i), float32(norm), g.Q.Row(i))
			}
		}},
		{"with a part along the row", func(l Loss, b Batch, g *Batch) {
			add(l, b, g, 1)
			for i := range g.Q.Rows {
				x := b.Q.Row(i)
				size := simd.Dot(g.Q.Row(i), g.Q.Row(i)) / simd.Dot(x, x)
				simd.Axpy(g.Q.Row(i), float32(math.Sqrt(float64(size))), x)
			}
		}},
	}
	losses := []variant{
		lossVariant("InfoNCE", catalog.Shape{Keys: same}, func(w int) Loss { return &InfoNCE{Temperature: 0.2, Workers: w} }),
		lossVariant("NTXent", catalog.Shape{Keys: same}, func(w int) Loss { return &NTXent{Workers: w} }),
		lossVariant("Triplet", catalog.Shape{Keys: same, Negatives: same}, func(w int) Loss { return &Triplet{Soft: true, Workers: w} }),
		lossVariant("MultiSimilarity", catalog.Shape{Labels: true}, func(w int) Loss { return &MultiSimilarity{Beta: 10, Workers: w} }),
		lossVariant("Custom", catalog.Shape{Keys: same}, func(w int) Loss { return &Custom{Score: hingeRow, Workers: w} }),
	}
	r := check.NewRand(101)
	for _, v := range losses {
		for _, s := range []struct{ n, d int }{{7, 5}, {40, 33}} {
			if testing.Short() && s.n > 7 {
				continue
			}
			b := v.batch(r, s.n, s.d, 0, 0)
			for _, f := range faults {
				err := CheckGradient(faulty{v.New(1), f.fault}, b)
				if err == nil || !strings.Contains(err.Error(), "want") {
					t.Errorf("%s n=%d, gradient %s: %v, want an error", v.Name, s.n, f.name, err)
				}
			}
		}
	}
}

// TestCheckGradientFindsMissingKeys: where the keys are the queries, each row has a gradient as a
// key too.
func TestCheckGradientFindsMissingKeys(t *testing.T) {
	r := check.NewRand(102)
	b := Batch{Q: gaps(20, 8, 0, r.Normals32(160))}
	half := faulty{&Custom{Score: hingeRow, Self: true}, func(_ Loss, b Batch, g *Batch) {
		if _, err := (&Custom{Score: hingeRow}).Evaluate(Batch{Q: b.Q, K: copyBatch(b).Q}, &Batch{Q: g.Q}, 1); err != nil {
			t.Fatal(err)
		}
	}}
	if err := CheckGradient(half, b); err == nil {
		t.Error("the gradient of the queries alone was accepted")
	}
	if err := CheckGradient(half.Loss, b); err != nil {
		t.Error(err)
	}
}

// TestCheckGradientNamesWhatIsWrong: the error has the worst element of the gradient, as it is and
// as it should be.
func TestCheckGradientNamesWhatIsWrong(t *testing.T) {
	r := check.NewRand(103)
	b := Batch{Q: gaps(6, 4, 2, r.Normals32(24)), K: gaps(6, 4, 1, r.Normals32(24))}
	g := gradFor(b)
	evaluate(t, "InfoNCE", &InfoNCE{Temperature: 0.5}, b, &g, 1)
	wrong := faulty{&InfoNCE{Temperature: 0.5}, func(_ Loss, b Batch, to *Batch) {
		simd.Axpy(to.Q.Data, 1, g.Q.Data)
		simd.Axpy(to.K.Data, 1, g.K.Data)
		to.K.Row(3)[2] += 1
	}}
	err := CheckGradient(wrong, b)
	if err == nil {
		t.Fatal("no error")
	}
	var got, want, within float64
	text := strings.TrimPrefix(err.Error(), "infonce: the gradient of infonce_test.faulty is wrong: ")
	if _, err := fmt.Sscanf(text, "K[3, 2] is %g, want %g within %g", &got, &want, &within); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if x := float64(g.K.Row(3)[2]); !near(got, x+1, 1e-5) || math.Abs(want-x) > within || within > 0.02 {
		t.Errorf("%q, but the gradient is %v", text, x)
	}
}

// TestCheckGradientKnowsItsLimits: where differences tell nothing it says so, and errors of the
// loss come back.
func TestCheckGradientKnowsItsLimits(t *testing.T) {
	r := check.NewRand(104)
	b := Batch{Q: gaps(20, 16, 0, r.Normals32(320)), K: gaps(20, 16, 0, r.Normals32(320))}
	rough := &Custom{Score: func(i int, z []float32) float64 {
		noise := float64(math.Float32bits(z[i])*2654435761) / (1 << 32)
		return hingeRow(i, z) + noise
	}}
	if err := CheckGradient(rough, b); err == nil || !strings.Contains(err.Error(), "cannot be checked here") {
		t.Errorf("a value with noise: %v, want an error that differences tell nothing", err)
	}
	for _, empty := range []Batch{{Q: simd.NewMatrix(0, 4), K: simd.NewMatrix(0, 4)}, {Q: simd.NewMatrix(3, 0), K: simd.NewMatrix(3, 0)}} {
		if err := CheckGradient(&InfoNCE{}, empty); err != nil {
			t.Errorf("empty batch: %v", err)
		}
	}
	wrong := faulty{&InfoNCE{}, func(_ Loss, _ Batch, g *Batch) { g.K.Row(4)[2] = float32(math.Inf(-1)) }}
	if err := CheckGradient(wrong, b); err == nil || err.Error() != "infonce: the gradient of infonce_test.faulty is wrong: K[4, 2] is -Inf" {
		t.Errorf("an infinite gradient: %v", err)
	}
	b.Q.Row(3)[1] = float32(math.NaN())
	if err := CheckGradient(&InfoNCE{}, b); err == nil || !strings.Contains(err.Error(), "Q has NaN at row 3, column 1") {
		t.Errorf("a NaN in Q: %v", err)
	}
}
