package reproduce

import (
	"context"
	"math"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/internal/scalar"
	"github.com/contrast-go/contrast/simd"
)

// A critic embeds x and y by one MLP each and compares them by a dot product (the "separable
// critic" of Poole et al. 2019).
type critic struct {
	x, y encoder
	loss infonce.InfoNCE
	grad infonce.Batch
}

// An encoder is an MLP and its optimizer.
type encoder struct {
	*nn.MLP
	optimizer optim.AdamW
}

// newCritic returns a critic with weights drawn from seed.
func newCritic(seed uint64, workers int) (*critic, error) {
	c := &critic{loss: infonce.InfoNCE{Temperature: 1, DotProduct: true, Workers: workers}}
	for i, e := range []*encoder{&c.x, &c.y} {
		m, err := nn.NewMLP(2*seed+uint64(i), []int{gaussDim, 256, 256, 32}, nil)
		if err != nil {
			return nil, err
		}
		m.Workers = workers
		*e = encoder{m, optim.AdamW{Workers: workers}}
	}
	return c, nil
}

// evaluate returns log N − InfoNCE of a batch.
func (c *critic) evaluate(x, y simd.Matrix) (float64, error) {
	r, err := c.loss.Evaluate(infonce.Batch{Q: c.x.Forward(x), K: c.y.Forward(y)}, nil, 1)
	return scalar.Log64(float64(x.Rows)) - r.Loss, err
}

// learn makes one training step.
func (c *critic) learn(step int, rate float32, x, y simd.Matrix) error {
	b := infonce.Batch{Q: c.x.Forward(x), K: c.y.Forward(y)}
	c.grad.Q, c.grad.K = c.grad.Q.Reshape(b.Q.Rows, b.Q.Cols), c.grad.K.Reshape(b.K.Rows, b.K.Cols)
	clear(c.grad.Q.Data)
	clear(c.grad.K.Data)
	if _, err := c.loss.Evaluate(b, &c.grad, 1); err != nil {
		return err
	}
	c.x.learn(step, rate, c.grad.Q)
	c.y.learn(step, rate, c.grad.K)
	return nil
}

func (e *encoder) learn(step int, rate float32, dz simd.Matrix) {
	p := e.Params()
	clear(p.Grads)
	e.Backward(dz)
	e.optimizer.Step(p, step, rate)
}

// criticRate is the learning rate: twice that of Poole et al., who train for more steps.
const criticRate = 1e-3

// trainedSizes returns the batch sizes of the trained critics, and the numbers of batches they are
// tested on.
func trainedSizes(o Options) []batchSize {
	s := []batchSize{{64, 200}, {256, 100}, {1024, 40}}
	if o.Quick {
		return s[:2]
	}
	if o.Large {
		s = append(s, batchSize{4096, 20})
	}
	return s
}

// trainedCritic trains a critic for each batch size while the information rises, and estimates the
// information of unseen pairs with it.
func trainedCritic(ctx context.Context, o Options, r *Report, informations []float64, sizes []batchSize, exact []estimate) ([]estimate, error) {
	steps := o.scale(100, 600, 2000)
	table := Table{
		Title:   "Trained critics (two MLPs 20-256-256-32, dot product): log N − InfoNCE of new pairs in nats",
		Columns: []string{"I", "N", "steps", "estimate", "s.e.", "exact critic", "share", "min(I, log N)"},
	}
	var all []estimate
	highest, least := math.Inf(-1), math.Inf(1)
	for i, s := range sizes {
		stage := stages{ctx: ctx, o: o, size: s, steps: steps}
		es, err := stage.run(informations)
		if err != nil {
			return nil, err
		}
		for _, e := range es {
			best := find(exact, e.information, e.n)
			highest = max(highest, (e.mean-best.mean)/hypot(e.err(), best.err()), e.above())
			if e.information > informations[0] { // the first stage starts with random weights
				least = min(least, e.mean/best.mean)
			}
			table.add(short(e.information, 3), count(e.n), count(steps), num(e.mean, 4), num(e.err(), 4), num(best.mean, 4), num(e.mean/best.mean, 2), num(e.ceiling(), 4))
		}
		all = append(all, es...)
		o.progress("trained critic, N = %s: done (%d of %d)", thousands(s.n), i+1, len(sizes))
	}
	r.Tables = append(r.Tables, table)
	r.judge(highest <= limit, "trained critics: none exceeds the exact one or min(I, log N) by more than %d standard errors, the highest is at %.1f of them", limit, highest)
	want := float64(o.scale(50, 80, 85)) / 100
	r.judge(least >= want, "trained critics: from the second stage on each reaches %.0f %% of the exact one, the least %.0f %%", 100*want, 100*least)
	return all, nil
}

func find(estimates []estimate, information float64, n int) estimate {
	for _, e := range estimates {
		if e.information == information && e.n == n {
			return e
		}
	}
	return estimate{sample: sample{mean: math.NaN(), deviation: math.NaN()}}
}

// stages train one critic in stages of rising information, as Poole et al. do.
type stages struct {
	ctx   context.Context
	o     Options
	size  batchSize
	steps int // of a stage
}

func (s *stages) run(informations []float64) ([]estimate, error) {
	c, err := newCritic(s.o.Seed, s.o.Workers)
	if err != nil {
		return nil, err
	}
	x, y := simd.NewMatrix(s.size.n, gaussDim), simd.NewMatrix(s.size.n, gaussDim)
	var all []estimate
	for stage, information := range informations {
		g := gaussiansOf(information)
		for i := range s.steps {
			if err := s.ctx.Err(); err != nil {
				return nil, err
			}
			step := stage*s.steps + i
			g.draw(newRandom(s.o.Seed, toLearn, uint64(s.size.n), uint64(step)), x, y)
			if err := c.learn(step, criticRate, x, y); err != nil {
				return nil, err
			}
		}
		values := make([]float64, s.size.batches)
		for i := range values {
			g.draw(newRandom(s.o.Seed, toTest, uint64(s.size.n), uint64(stage), uint64(i)), x, y)
			if values[i], err = c.evaluate(x, y); err != nil {
				return nil, err
			}
		}
		all = append(all, estimate{information, s.size.n, sampleOf(values)})
	}
	return all, nil
}
