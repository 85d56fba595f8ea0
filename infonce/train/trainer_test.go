package train

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// outcome is everything that a run leaves behind.
type outcome struct {
	state   []data.Tensor
	metrics string
}

func outcomeOf(t testing.TB, tr *Trainer) outcome {
	t.Helper()
	var o outcome
	for _, s := range tr.state() {
		s.Data = slices.Clone(s.Data)
		o.state = append(o.state, s)
	}
	if tr.Dir != "" {
		b, err := os.ReadFile(filepath.Join(tr.Dir, MetricsFile))
		if err != nil {
			t.Fatal(err)
		}
		o.metrics = string(b)
	}
	return o
}

func sameOutcome(t testing.TB, name string, got, want outcome) {
	t.Helper()
	if len(got.state) != len(want.state) {
		t.Fatalf("%s: %d tensors, want %d", name, len(got.state), len(want.state))
	}
	for i, s := range want.state {
		check.SameBits(t, name+": "+s.Name, got.state[i].Data, s.Data)
	}
	if got.metrics != want.metrics {
		t.Errorf("%s: metrics\n%s\nwant\n%s", name, got.metrics, want.metrics)
	}
}

func mustRun(t testing.TB, tr *Trainer) {
	t.Helper()
	if err := tr.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestRunLearns(t *testing.T) {
	for name, set := range map[string]func(*Trainer){
		"NT-Xent":  func(tr *Trainer) {},
		"InfoNCE":  func(tr *Trainer) { tr.Loss = &infonce.InfoNCE{} },
		"momentum": func(tr *Trainer) { tr.Optimizer = &optim.SGD{Momentum: 0.9, Nesterov: true} },
		"LARS":     func(tr *Trainer) { tr.Optimizer, tr.ClipNorm = &optim.LARS{Trust: 0.1}, 1 },
		"MoCo": func(tr *Trainer) {
			withQueue(tr, 9)
			tr.Source = &dataset.Views{Images: testkit.Bars(30, 30), Seed: 9} // few of the queue are of the batch
			tr.Schedule, tr.Steps = optim.Cosine{Peak: 0.003}, 500
		},
		"temperature": func(tr *Trainer) { learnTemperature(tr) },
		"batch-hard": func(tr *Trainer) {
			tr.Loss, tr.Arrange = &infonce.BatchHard{Soft: true}, Labelled
			tr.Source = &dataset.Classes{Images: testkit.Bars(40, 5), Seed: 9, PerClass: 6}
			tr.Schedule, tr.Batch = optim.Cosine{Peak: 0.003}, 12
		},
	} {
		tr := tiny(t, "", 1)
		tr.Steps = 150
		set(tr)
		var losses []float64
		tr.Report = func(p Progress) {
			if p.Step != len(losses) {
				t.Errorf("%s: step %d is reported after %d", name, p.Step, len(losses))
			}
			losses = append(losses, p.Loss)
		}
		mustRun(t, tr)
		mean := func(x []float64) (s float64) {
			for _, v := range x {
				s += v / float64(len(x))
			}
			return s
		}
		if first, last := mean(losses[:10]), mean(losses[len(losses)-10:]); !(last < 0.9*first) {
			t.Errorf("%s: the loss goes from %v to %v, want it to fall by a tenth or more", name, first, last)
		}
	}
}

// spread is a loss of float32 operations alone, so that the golden weights do not depend on package
// infonce: Σ ¼|q_i−k_i|² − ⅛|q_i−k_{i+1}|², divided by n.
func spread(b infonce.Batch, grad *infonce.Batch) (infonce.Result, error) {
	n := b.Q.Rows
	var loss float32
	pull := func(i, j int, w float32) {
		for c, q := range b.Q.Row(i) {
			d := q - b.K.Row(j)[c]
			loss += float32(float32(d*d) * (w / 2))
			grad.Q.Row(i)[c] += float32(d * w)
			grad.K.Row(j)[c] -= float32(d * w)
		}
	}
	for i := range n {
		pull(i, i, 0.5/float32(n))
		pull(i, (i+1)%n, -0.25/float32(n))
	}
	return infonce.Result{Loss: float64(loss), Valid: n}, nil
}

// The weights after 20 steps are the same at every level, on every architecture, and for any
// workers.
func TestTrainBits(t *testing.T) {
	const want = "ddaa4580f1193101965098ca52e2bad7c19cce78238937316bcbe1369fb8f12f"
	check.EachLevel(t, func(t *testing.T) {
		for _, workers := range []int{1, 2, 7} {
			tr := tiny(t, "", workers)
			tr.Loss = lossFunc(spread)
			mustRun(t, tr)
			if got := nn.WeightsSHA256(tr.Encoder.Params().Values); got != want {
				t.Errorf("workers %d: SHA-256 of the weights is %s, want %s", workers, got, want)
			}
		}
	})
}

// So they are with the losses of package infonce.
func TestRunBitsForAnyWorkers(t *testing.T) {
	var first *outcome
	check.EachLevel(t, func(t *testing.T) {
		for _, workers := range []int{1, 2, 7} {
			tr := tiny(t, t.TempDir(), workers)
			tr.Batch = 37
			mustRun(t, tr)
			got := outcomeOf(t, tr)
			if first == nil {
				first = &got
			}
			sameOutcome(t, fmt.Sprintf("workers %d", workers), got, *first)
		}
	})
}

func TestMetricsAreJSON(t *testing.T) {
	for _, learned := range []bool{false, true} {
		tr := tiny(t, t.TempDir(), 1)
		if learned {
			learnTemperature(tr)
		}
		var want []Progress
		tr.Report = func(p Progress) { want = append(want, p) }
		mustRun(t, tr)
		s := bufio.NewScanner(strings.NewReader(outcomeOf(t, tr).metrics))
		for _, p := range want {
			if !s.Scan() {
				t.Fatalf("no line for step %d", p.Step)
			}
			var got struct {
				Step        int     `json:"step"`
				Loss        float64 `json:"loss"`
				LR          float32 `json:"lr"`
				GradNorm    float64 `json:"grad_norm"`
				Temperature float32 `json:"temperature"`
			}
			d := json.NewDecoder(bytes.NewReader(s.Bytes()))
			d.DisallowUnknownFields()
			if err := d.Decode(&got); err != nil {
				t.Fatalf("%s: %v", s.Bytes(), err)
			}
			if got.Step != p.Step || got.Loss != p.Loss || got.LR != p.Rate || got.GradNorm != p.GradNorm || got.Temperature != p.Temperature {
				t.Errorf("line %s of %+v", s.Bytes(), p)
			}
			if strings.Contains(s.Text(), "temperature") != learned {
				t.Errorf("line %s, temperature learned: %v", s.Bytes(), learned)
			}
		}
		if s.Scan() {
			t.Errorf("a line too many: %s", s.Bytes())
		}
	}
}

// A run that is stopped after any step and resumed ends as if it had not been stopped, whether a
// checkpoint was written at that step or the process was killed and an earlier one is used.
func TestResumeIsExact(t *testing.T) {
	for name, set := range map[string]func(*Trainer){
		"AdamW":    func(tr *Trainer) {},
		"momentum": func(tr *Trainer) { tr.Optimizer = &optim.SGD{Momentum: 0.9} },
		"MoCo": func(tr *Trainer) {
			withQueue(tr, 17)
			learnTemperature(tr)
			tr.Chunk = 4
		},
		"pairs of rows": func(tr *Trainer) {
			rows := &countedReads{Table: dataset.Table{Matrix: testkit.Normals(check.NewRand(5), 40, 30)}}
			tr.Source = &dataset.VectorPairs{Queries: rows, Documents: rows, Augment: augment.Vector{Noise: 0.5, Dropout: 0.1}, Seed: 9}
		},
		"three views": func(tr *Trainer) {
			tr.Loss, tr.Views, tr.Source = &infonce.SupCon{}, 3, &dataset.Views{Images: testkit.Bars(40, 5), Each: 3, Seed: 9}
		},
		"LARS": func(tr *Trainer) {
			tr.Optimizer, tr.ClipNorm = &optim.LARS{Trust: 0.1, WeightDecay: 0.01}, 0.5
			tr.Schedule = optim.StepDecay{Peak: 0.1, Every: 7, Warmup: 2}
		},
		"classes": func(tr *Trainer) {
			tr.Loss, tr.Arrange = &infonce.BatchHard{}, Labelled
			tr.Source = &dataset.Classes{Images: testkit.Bars(40, 5), Seed: 9}
		},
	} {
		fresh := func(dir string) *Trainer {
			tr := tiny(t, dir, 1)
			tr.Batch = 10
			set(tr)
			return tr
		}
		whole := fresh(t.TempDir())
		mustRun(t, whole)
		want := outcomeOf(t, whole)
		for stop := range whole.Steps + 1 {
			if testing.Short() && stop%4 != 0 {
				continue
			}
			for _, every := range []int{0, 3} {
				dir := t.TempDir()
				tr := fresh(dir)
				tr.CheckpointEvery = every
				if every > 0 {
					// The process dies after a step, so that no last checkpoint is written.
					tr.Report = func(p Progress) {
						if p.Step+1 == stop {
							panic("killed")
						}
					}
					func() {
						defer func() { recover() }()
						tr.Run(context.Background())
					}()
				} else {
					ctx, cancel := context.WithCancel(context.Background())
					if stop == 0 {
						cancel()
					}
					tr.Report = func(p Progress) {
						if p.Step+1 == stop {
							cancel()
						}
					}
					if err := tr.Run(ctx); (err == nil) != (stop == whole.Steps) {
						t.Fatalf("%s: stopped at %d: %v", name, stop, err)
					}
					cancel()
				}
				tr = fresh(dir)
				tr.CheckpointEvery = every
				step, err := tr.Resume()
				if err != nil {
					t.Fatal(err)
				}
				last := stop
				switch {
				case every > 0 && stop > 0: // killed before the checkpoint of that step
					last = (stop - 1) / every * every
				case every > 0:
					last = tr.Steps
				}
				if step != last {
					t.Errorf("%s: stopped at %d, every %d: resumed at %d, want %d", name, stop, every, step, last)
				}
				mustRun(t, tr)
				sameOutcome(t, fmt.Sprintf("%s, stopped at %d, every %d", name, stop, every), outcomeOf(t, tr), want)
			}
		}
	}
}

func TestRunStopsWithinAStep(t *testing.T) {
	tr := tiny(t, t.TempDir(), 1)
	ctx, cancel := context.WithCancel(context.Background())
	steps := 0
	tr.Report = func(p Progress) {
		if steps++; steps == 7 {
			cancel()
		}
	}
	err := tr.Run(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want one that wraps context.Canceled", err)
	}
	if want := "train: stopped at step 7 of 20: context canceled"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if steps != 7 {
		t.Errorf("%d steps, want none after the cancellation in step 7", steps)
	}
	// The same trainer continues where it stopped.
	mustRun(t, tr)
	whole := tiny(t, t.TempDir(), 1)
	mustRun(t, whole)
	sameOutcome(t, "run twice", outcomeOf(t, tr), outcomeOf(t, whole))
}

// Anything that is not finite is an error in the step in which it arises, before it reaches the
// parameters.
func TestRunGuardsAgainstNonFinite(t *testing.T) {
	bad := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))}
	r := check.NewRand(1)
	for trial := range 1000 {
		tr := tiny(t, "", 1)
		inner := tr.Source
		tr.Source = sourceFunc(func(step int, x simd.Matrix) {
			if _, err := inner.Next(step, x); err != nil {
				t.Error(err)
			}
		})
		step, v := r.IntN(10), bad[r.IntN(3)]
		row, col := r.IntN(24), r.IntN(30)
		var want string
		switch trial % 5 {
		case 0:
			source := tr.Source
			tr.Source = sourceFunc(func(s int, x simd.Matrix) {
				if source.Next(s, x); s == step {
					x.Row(row)[col] = v
				}
			})
			want = fmt.Sprintf("source: sample has %v at row %d, column %d, want finite numbers", v, row, col)
		case 1:
			tr.Encoder = &injector{MLP: tr.Encoder.(*nn.MLP), step: step, z: func(z simd.Matrix) { z.Row(row)[col%4] = v }}
			want = fmt.Sprintf("encoder: embedding has %v at row %d, column %d, want finite numbers", v, row, col%4)
		case 2:
			loss, n := tr.Loss, -1
			tr.Loss = lossFunc(func(b infonce.Batch, grad *infonce.Batch) (infonce.Result, error) {
				result, err := loss.Evaluate(b, grad, 1)
				if n++; n == step {
					result.Loss = float64(v)
				}
				return result, err
			})
			want = fmt.Sprintf("loss is %v, want a finite number", v)
		case 3:
			loss, n := tr.Loss, -1
			tr.Loss = lossFunc(func(b infonce.Batch, grad *infonce.Batch) (infonce.Result, error) {
				result, err := loss.Evaluate(b, grad, 1)
				if n++; n == step {
					grad.K.Row(row % 12)[col%4] = v
				}
				return result, err
			})
			want = fmt.Sprintf("gradient: embedding has %v at row %d, column %d, want finite numbers", v, 12+row%12, col%4)
		case 4:
			p := tr.Encoder.Params()
			tensor := p.Tensors[r.IntN(len(p.Tensors))]
			at := r.IntN(len(tensor.Grads))
			cols := tensor.Shape[len(tensor.Shape)-1]
			tr.Encoder = &injector{MLP: tr.Encoder.(*nn.MLP), step: step, grads: func() { tensor.Grads[at] = v }}
			want = fmt.Sprintf("gradient: %s has %v at row %d, column %d, want finite numbers", tensor.Name, v, at/cols, at%cols)
		}
		before := outcomeOf(t, tr)
		tr.Report = func(Progress) { before = outcomeOf(t, tr) }
		err := tr.Run(context.Background())
		want = fmt.Sprintf("train: step %d: %s", step, want)
		if err == nil || err.Error() != want {
			t.Fatalf("trial %d: %v, want %s", trial, err, want)
		}
		sameOutcome(t, fmt.Sprintf("trial %d", trial), outcomeOf(t, tr), before)
	}
}

// An injector is an MLP that puts a number in its embeddings or gradients in one step.
type injector struct {
	*nn.MLP
	step  int
	calls int
	z     func(simd.Matrix)
	grads func()
}

func (e *injector) Forward(x simd.Matrix) simd.Matrix {
	z := e.MLP.Forward(x)
	if e.calls == e.step && e.z != nil {
		e.z(z)
	}
	return z
}

func (e *injector) Backward(dz simd.Matrix) {
	e.MLP.Backward(dz)
	if e.calls == e.step && e.grads != nil {
		e.grads()
	}
	e.calls++
}

func TestRunNamesTheParameter(t *testing.T) {
	tr := tiny(t, "", 1)
	p := tr.Encoder.Params().Tensors[3]
	p.Values[2] = float32(math.NaN())
	want := "train: step 0: parameter: encoder.1.bias has NaN at row 0, column 2, want finite numbers"
	err := tr.Run(context.Background())
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	var nonFinite *simd.NonFiniteError
	if !errors.As(err, &nonFinite) {
		t.Error("no *simd.NonFiniteError in the chain")
	}
}

// Gradients may be finite although their squares overflow.
func TestGradientNormOfLargeNumbers(t *testing.T) {
	p := nn.NewParams([]nn.Tensor{{Name: "w", Shape: []int{2, 2}}})
	copy(p.Grads, []float32{3e30, 0, 0, -4e30})
	if norm, err := gradientNorm(p); err != nil || math.Abs(norm-5e30) > 1e24 {
		t.Errorf("norm %v, error %v, want 5e30", norm, err)
	}
	x := simd.Matrix{Rows: 1, Cols: 2, Stride: 2, Data: []float32{3e38, -3e38}}
	if err := checkMatrix("", "", x); err != nil {
		t.Error(err)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, c := range []struct {
		set  func(*Trainer)
		want string
	}{
		{func(tr *Trainer) { tr.Encoder = nil }, "train: no encoder"},
		{func(tr *Trainer) { tr.Loss = nil }, "train: no loss"},
		{func(tr *Trainer) { tr.Optimizer = nil }, "train: no optimizer"},
		{func(tr *Trainer) { tr.Schedule = nil }, "train: no schedule"},
		{func(tr *Trainer) { tr.Source = nil }, "train: no source"},
		{func(tr *Trainer) { tr.Batch = 0 }, "train: batch 0, steps 20, checkpoint every 0: want at least 1, 0 and 0"},
		{func(tr *Trainer) { tr.Steps = -1 }, "train: batch 12, steps -1, checkpoint every 0: want at least 1, 0 and 0"},
		{func(tr *Trainer) { tr.CheckpointEvery = -1 }, "train: batch 12, steps 20, checkpoint every -1: want at least 1, 0 and 0"},
		{func(tr *Trainer) { tr.Chunk = -1 }, "train: chunk -1, queue after 0 steps: want at least 0 and 0"},
		{func(tr *Trainer) { tr.QueueAfter = -1 }, "train: chunk 0, queue after -1 steps: want at least 0 and 0"},
		{func(tr *Trainer) { tr.Source = shortSource{labels: 3} }, "train: step 0: source: 3 labels, want one for each of 24 rows"},
		{func(tr *Trainer) { tr.Source = shortSource{ids: 3} }, "train: step 0: source: 3 IDs, want one for each of 24 rows"},
		{func(tr *Trainer) { tr.Source, tr.Queue = shortSource{ids: 12}, &Queue{Size: 5} }, "train: step 0: source: 12 IDs, want one for each of 24 rows"},
		{func(tr *Trainer) { tr.Encoder = narrow{tr.Encoder} }, "train: step 0: encoder: embeddings are 24×3, want 24×4"},
		{func(tr *Trainer) { tr.Encoder, tr.Chunk = narrow{tr.Encoder}, 7 }, "train: step 0: encoder: embeddings are 7×3, want 7×4"},
		{func(tr *Trainer) { tr.Arrange = Triplets; tr.Batch = 16 }, "train: step 0: arrangement: 10 queries, want a multiple of the 16 samples of a step: it is for another number of views than 2"},
		{func(tr *Trainer) { tr.Arrange = Triplets; tr.Batch = 15 }, "train: step 0: arrangement: 10 queries, want a multiple of the 15 samples of a step: it is for another number of views than 2"},
		{func(tr *Trainer) { tr.ClipNorm = -1 }, "train: clip norm is -1, want at least 0"},
		{func(tr *Trainer) { tr.ClipNorm = math.NaN() }, "train: clip norm is NaN, want at least 0"},
		{func(tr *Trainer) { tr.Queue = &Queue{} }, "train: queue: size is 0, want at least 1"},
		{func(tr *Trainer) { tr.Queue, tr.Arrange = &Queue{Size: 3}, Labelled }, "train: step 0: queue: the arrangement has 0 keys, want 12, the second views"},
		{func(tr *Trainer) { tr.KeyEncoder = &MomentumEncoder{} }, "train: key encoder: no encoder"},
		{func(tr *Trainer) { tr.LearnedTemperature = &LearnedTemperature{} }, "train: temperature: none, want the field of the loss"},
		{func(tr *Trainer) { tr.Batch = 41 }, "train: step 0: source: 41 samples a step, want 1 to 40, as many as there are images"},
		{func(tr *Trainer) { tr.Schedule = optim.Cosine{Peak: float32(math.Inf(1))} }, "train: step 0: learning rate is +Inf, want a finite number"},
		{func(tr *Trainer) { tr.Loss = &infonce.NTXent{Temperature: -1} }, "train: step 0: infonce.NTXent: temperature is -1, want a finite number above 0"},
		{func(tr *Trainer) { tr.Config = "\xff"; tr.Dir = "DIR" }, "train: checkpoint: write DIR/checkpoint.safetensors: safetensors: metadata \"config\": not UTF-8"},
	} {
		tr := tiny(t, "", 1)
		c.set(tr)
		if tr.Dir != "" {
			tr.Dir = t.TempDir()
			c.want = strings.ReplaceAll(c.want, "DIR", tr.Dir)
		}
		var before []float32
		if tr.Encoder != nil {
			before = slices.Clone(tr.Encoder.Params().Values)
		}
		if err := tr.Run(context.Background()); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
		if tr.Encoder != nil {
			check.SameBits(t, c.want, tr.Encoder.Params().Values, before)
		}
	}
}

// A folder that cannot be written to is an error before the first step.
func TestRunWantsAFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	tr := tiny(t, filepath.Join(file, "dir"), 1)
	tr.Report = func(Progress) { t.Error("a step was made") }
	if err := tr.Run(context.Background()); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
}

func TestResumeWithoutCheckpoint(t *testing.T) {
	tr := tiny(t, t.TempDir(), 1)
	if _, err := tr.Resume(); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), CheckpointFile) {
		t.Errorf("error %v, want fs.ErrNotExist and the file", err)
	}
	tr.Dir = ""
	if _, err := tr.Resume(); err == nil {
		t.Error("no error without a folder")
	}
}

// A countedReads is a table that counts reads, and fails if err is set.
type countedReads struct {
	dataset.Table
	err   error
	reads int
}

func (s *countedReads) Gather(dst simd.Matrix, indices []int) error {
	s.reads++
	if s.err != nil {
		return s.err
	}
	return s.Table.Gather(dst, indices)
}

// A shortSource gives so many labels and IDs, whatever the rows.
type shortSource struct{ labels, ids int }

func (s shortSource) Next(step int, x simd.Matrix) ([]int, error) {
	copy(x.Data, check.NewRand(uint64(step)).Normals32(len(x.Data)))
	if s.labels == 0 {
		return nil, nil
	}
	return make([]int, s.labels), nil
}

func (s shortSource) IDs() []int {
	if s.ids == 0 {
		return nil
	}
	return make([]int, s.ids)
}

// A narrow encoder loses the last column of its embeddings.
type narrow struct{ nn.Encoder }

func (e narrow) Forward(x simd.Matrix) simd.Matrix {
	z := e.Encoder.Forward(x)
	z.Cols--
	return z
}
