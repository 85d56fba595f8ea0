package train

import (
	"fmt"
	"slices"

	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A MomentumEncoder is an exponential moving average (EMA) of the trained encoder (He et al. 2020,
// eq. 2). For each parameter, after each step:
//
//	key = Momentum·key + (1−Momentum)·query
//
// It changes slowly, so the embeddings of many steps in a [Queue] are comparable. It has no
// gradient. With Momentum 0 it is a copy of the trained encoder; with 1 it never changes.
type MomentumEncoder struct {
	Encoder  nn.Encoder // of the same shape as the trained one; start with a clone of that
	Momentum float32    // the decay of the average, 0 to 1
	Workers  int        // 0 means GOMAXPROCS; the result does not depend on it

	query *nn.Params
}

// Follow updates the average with the parameters of the trained encoder.
func (m *MomentumEncoder) Follow(query *nn.Params) {
	m.query = query
	par.Ranges(par.Workers(m.Workers), len(query.Values), followSize, m, (*MomentumEncoder).follow)
	m.query = nil
}

// followSize is the number of parameters in a piece of work.
const followSize = 1 << 14

// follow updates parameters [i, j).
func (m *MomentumEncoder) follow(_, i, j int) {
	key := m.Encoder.Params().Values[i:j]
	simd.Scale(key, m.Momentum, key)
	simd.Axpy(key, 1-m.Momentum, m.query.Values[i:j])
}

// check returns an error unless m is nil or can follow an encoder with the given parameters.
func (m *MomentumEncoder) check(query *nn.Params) error {
	if m == nil {
		return nil
	}
	if m.Encoder == nil {
		return fmt.Errorf("key encoder: no encoder")
	}
	if !(m.Momentum >= 0 && m.Momentum <= 1) {
		return fmt.Errorf("key encoder: momentum is %v, want 0 to 1", m.Momentum)
	}
	key := m.Encoder.Params()
	if len(key.Values) > 0 && len(query.Values) > 0 && &key.Values[0] == &query.Values[0] {
		return fmt.Errorf("key encoder: the encoder that is trained, want another of the same shape")
	}
	same := func(a, b nn.Tensor) bool { return a.Name == b.Name && slices.Equal(a.Shape, b.Shape) }
	if !slices.EqualFunc(key.Tensors, query.Tensors, same) {
		return fmt.Errorf("key encoder: an encoder with other parameters, want those of the one that is trained")
	}
	return nil
}
