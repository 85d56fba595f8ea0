package train

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// tinyCNN makes t, one of tiny, train a CNN.
func tinyCNN(t testing.TB, tr *Trainer, norm nn.Norm) {
	t.Helper()
	m := makeCNN(t, nn.CNNConfig{Width: 6, Height: 5, Channels: 1, Filters: []int{6, 9}, Norm: norm, Head: []int{8, 4}}, 3)
	m.Workers = tr.Encoder.(*nn.MLP).Workers
	tr.Encoder = m
}

// textures is a source of noisy 6×5 images of four classes: three kinds of stripes, and none.
type textures struct{}

func (textures) Next(step int, x simd.Matrix) (labels []int, err error) {
	r := check.NewRand(uint64(step))
	for i := range x.Rows {
		labels = append(labels, i%4)
		copy(x.Row(i), r.Float32s(30, 0, 0.5))
		for p := range 30 {
			if on := [4]int{p % 2, p / 6 % 2, (p + p/6) % 2, 0}; on[i%4] == 1 {
				x.Row(i)[p] += 0.5
			}
		}
	}
	return labels, nil
}

func TestCNNLearns(t *testing.T) {
	for _, norm := range []nn.Norm{nn.LayerNorm, nn.BatchNorm, nn.NoNorm} {
		tr := tiny(t, "", 1)
		tinyCNN(t, tr, norm)
		tr.Source, tr.Loss, tr.Arrange, tr.Steps = textures{}, &infonce.SupCon{}, Labelled, 60
		var first, last float64
		tr.Report = func(p Progress) {
			if p.Step == 0 {
				first = p.Loss
			}
			last = p.Loss
		}
		mustRun(t, tr)
		// Each row has 5 positives, so the loss is at least ln 5 = 1.61.
		if !(first > 2.5 && last < 2) {
			t.Errorf("norm %s: the loss went from %v to %v, want it near ln 5", norm, first, last)
		}
	}
}

// A run with a CNN has the same bits for any workers and chunks, with MoCo, and when it is resumed.
func TestRunWithCNNBits(t *testing.T) {
	for name, set := range map[string]func(tr *Trainer){
		"NT-Xent": func(tr *Trainer) { tinyCNN(t, tr, nn.LayerNorm) },
		"MoCo": func(tr *Trainer) {
			tinyCNN(t, tr, nn.NoNorm)
			m := tr.Encoder.(*nn.CNN)
			tr.Loss = &infonce.InfoNCE{Temperature: 0.2, Workers: m.Workers}
			tr.KeyEncoder = &MomentumEncoder{Encoder: m.Clone(), Momentum: 0.9, Workers: m.Workers}
			tr.Queue = &Queue{Size: 31}
		},
	} {
		var want *outcome
		check.EachLevel(t, func(t *testing.T) {
			for _, c := range []struct{ chunk, workers int }{{0, 1}, {7, 3}, {1, 2}} {
				tr := tiny(t, t.TempDir(), c.workers)
				set(tr)
				tr.Chunk, tr.Steps = c.chunk, 6
				if c.chunk == 7 { // stop and resume
					ctx, cancel := context.WithCancel(context.Background())
					tr.Report = func(p Progress) {
						if p.Step == 2 {
							cancel()
						}
					}
					if err := tr.Run(ctx); !errors.Is(err, context.Canceled) {
						t.Fatal(err)
					}
					dir := tr.Dir
					tr = tiny(t, dir, c.workers)
					set(tr)
					tr.Chunk, tr.Steps = c.chunk, 6
					if step, err := tr.Resume(); step != 3 || err != nil {
						t.Fatalf("step %d, error %v, want 3", step, err)
					}
				}
				mustRun(t, tr)
				got := outcomeOf(t, tr)
				if want == nil {
					want = &got
				}
				sameOutcome(t, fmt.Sprintf("%s: chunks of %d, %d workers", name, c.chunk, c.workers), got, *want)
			}
		})
	}
}

// With batch norm a row cannot be embedded without the rest of its batch.
func TestBatchNormWantsWholeBatches(t *testing.T) {
	for name, set := range map[string]func(tr *Trainer){
		"train: chunk is 7, want 0: ": func(tr *Trainer) { tr.Chunk = 7 },
		"train: key encoder: want none: ": func(tr *Trainer) {
			tr.KeyEncoder = &MomentumEncoder{Encoder: tr.Encoder.(*nn.CNN).Clone(), Momentum: 0.9}
		},
	} {
		tr := tiny(t, "", 1)
		tinyCNN(t, tr, nn.BatchNorm)
		set(tr)
		if err := tr.Run(context.Background()); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%v, want %s…", err, name)
		}
	}
}

// A step that fails does not change the running statistics.
func TestFailedStepLeavesStatistics(t *testing.T) {
	tr := tiny(t, "", 1)
	tinyCNN(t, tr, nn.BatchNorm)
	tr.Source = sourceFunc(func(step int, x simd.Matrix) {
		for i := range x.Data {
			x.Data[i] = 3e38 // the convolution overflows
		}
	})
	if err := tr.Run(context.Background()); err == nil {
		t.Fatal("no error")
	}
	for _, s := range tr.Encoder.(*nn.CNN).State() {
		for _, v := range s.Data {
			if v != 0 && v != 1 {
				t.Fatalf("%s: %v after a failed step", s.Name, v)
			}
		}
	}
}
