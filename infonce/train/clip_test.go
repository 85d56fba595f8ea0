package train

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
)

// A recorder is an optimizer that records gradients.
type recorder struct {
	optim.SGD
	grads [][]float32
}

func (o *recorder) Step(p *nn.Params, step int, rate float32) {
	o.grads = append(o.grads, slices.Clone(p.Grads))
	o.SGD.Step(p, step, rate)
}

// Clipping keeps the direction of a gradient and bounds its norm by ClipNorm.
func TestClip(t *testing.T) {
	run := func(clip float64) (*recorder, []Progress) {
		tr := tiny(t, "", 1)
		o := &recorder{}
		// At rate 0 both runs have the same gradients.
		tr.Optimizer, tr.Schedule, tr.ClipNorm = o, optim.Constant{}, clip
		var all []Progress
		tr.Report = func(p Progress) { all = append(all, p) }
		mustRun(t, tr)
		return o, all
	}
	free, plain := run(0)
	limits := make([]float64, len(plain))
	for i, p := range plain {
		limits[i] = p.GradNorm
		if p.Clipped != 0 {
			t.Errorf("step %d: %d clipped without a limit", i, p.Clipped)
		}
	}
	slices.Sort(limits)
	limit := (limits[9] + limits[10]) / 2 // of 20
	held, got := run(limit)
	count := 0
	for i, p := range got {
		factor := 1.0
		if p.GradNorm > limit {
			factor = limit / p.GradNorm
			count++
		}
		if p.GradNorm != plain[i].GradNorm || p.Clipped != count {
			t.Errorf("step %d: norm %v, %d clipped, want %v, %d", i, p.GradNorm, p.Clipped, plain[i].GradNorm, count)
		}
		for j, g := range held.grads[i] {
			want := factor * float64(free.grads[i][j])
			// Both the factor and the product are rounded.
			if math.Abs(float64(g)-want) > 2*0x1p-24*math.Abs(want) {
				t.Fatalf("step %d: gradient %d is %v, want %v", i, j, g, want)
			}
		}
	}
	if count != 10 {
		t.Errorf("%d steps were clipped, want 10", count)
	}
}

// Metrics have the number of clipped steps only with ClipNorm.
func TestClipMetrics(t *testing.T) {
	for _, clip := range []float64{0, 1e-3} {
		tr := tiny(t, t.TempDir(), 1)
		tr.ClipNorm = clip
		mustRun(t, tr)
		lines := strings.Split(outcomeOf(t, tr).metrics, "\n")
		for i, line := range lines[:20] {
			want := fmt.Sprintf(`,"clipped":%d}`, i+1)
			if got := strings.HasSuffix(line, want); got != (clip > 0) {
				t.Errorf("clip %v: line %s", clip, line)
			}
		}
	}
}

// A gradient whose square overflows a float32 is clipped too.
func TestClipLargeGradient(t *testing.T) {
	tr := tiny(t, "", 1)
	inner := tr.Loss
	tr.Loss = lossFunc(func(b infonce.Batch, grad *infonce.Batch) (infonce.Result, error) {
		return inner.Evaluate(b, grad, 1e30)
	})
	o := &recorder{}
	tr.Optimizer, tr.ClipNorm, tr.Steps = o, 2, 1
	mustRun(t, tr)
	var sum float64
	for _, g := range o.grads[0] {
		sum += float64(g) * float64(g)
	}
	if norm := math.Sqrt(sum); math.Abs(norm-2) > 1e-5 {
		t.Errorf("norm %v, want 2", norm)
	}
}
