package train

import (
	"fmt"
	"slices"

	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/internal/par"
	"github.com/contrast-go/contrast/simd"
)

// A MomentumEncoder has an encoder of the same shape as the one that is trained, which
// it follows slowly (He et al. 2020, eq. 2). For each parameter, after each step:
//
//	key = Momentum·key + (1−Momentum)·query
//
// so that the embeddings of many steps, which a [Queue] keeps, are comparable. It gets no
// gradient. With Momentum 0 it is a copy, with 1 it never changes.
type MomentumEncoder struct {
	Encoder  nn.Encoder // begins as the trained one: its [nn.MLP.Clone]
	Momentum float32    // between 0 and 1
	Workers  int        // 0 means GOMAXPROCS; the result does not depend on it

	query *nn.Params
}

// Follow makes one move towards the parameters of the encoder that is trained.
func (m *MomentumEncoder) Follow(query *nn.Params) {
	m.query = query
	par.Ranges(par.Workers(m.Workers), len(query.Values), followSize, m, (*MomentumEncoder).follow)
	m.query = nil
}

// followSize is the number of parameters that are one piece of a move.
const followSize = 1 << 14

// follow moves parameters i to j−1.
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
