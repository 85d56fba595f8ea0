package reproduce

import (
	"context"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/simd"
)

// trials train encoders on several worlds of identities. All settings share the worlds, so that
// settings do not differ by chance.
type trials struct {
	o           Options
	worlds      []*identities
	evaluations []evaluation
}

func newTrials(o Options, n int) *trials {
	t := &trials{o: o}
	for i := range n {
		w := newIdentities(o.Seed + uint64(i))
		t.worlds = append(t.worlds, w)
		t.evaluations = append(t.evaluations, newEvaluation(w, o.Workers))
	}
	return t
}

// measure returns the MAP@R in each world of samples embedded in some way.
func (t *trials) measure(see func(world int, x simd.Matrix) (simd.Matrix, error)) ([]float64, error) {
	values := make([]float64, len(t.worlds))
	for i, e := range t.evaluations {
		z, err := see(i, e.x)
		if err != nil {
			return nil, err
		}
		values[i] = e.mapAtR(z)
	}
	return values, nil
}

// raw returns the MAP@R of the samples themselves.
func (t *trials) raw() ([]float64, error) {
	return t.measure(func(_ int, x simd.Matrix) (simd.Matrix, error) { return x, nil })
}

// untrained returns the MAP@R of encoders before training.
func (t *trials) untrained() ([]float64, error) {
	return t.measure(func(world int, x simd.Matrix) (simd.Matrix, error) {
		m, err := newEncoder(t.o.Seed+uint64(world), t.o.Workers)
		if err != nil {
			return simd.Matrix{}, err
		}
		return m.Forward(x), nil
	})
}

// trained returns the MAP@R of encoders trained on pairs.
func (t *trials) trained(ctx context.Context, newLoss func() infonce.Loss, batch, steps int) ([]float64, error) {
	return t.measure(func(world int, x simd.Matrix) (simd.Matrix, error) {
		seed := t.o.Seed + uint64(world)
		l := lesson{
			loss: newLoss(), source: &identityPairs{identities: t.worlds[world], seed: seed},
			batch: batch, steps: steps, optimizer: adam(t.o.Workers), schedule: cosine(steps), seed: seed, workers: t.o.Workers,
		}
		if err := l.learn(ctx); err != nil {
			return simd.Matrix{}, err
		}
		return l.encoder.Forward(x), nil
	})
}

// error64 returns the error of a mean, or an empty cell if there is none.
func error64(s sample) Cell {
	if s.n < 2 {
		return Cell{}
	}
	return num(s.err(), 3)
}
