package train

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/scalar"
)

func TestFollowBits(t *testing.T) {
	check.EachLevel(t, func(t *testing.T) {
		for _, momentum := range []float32{0, 0.3, 0.9, 0.999, 1} {
			for _, workers := range []int{1, 7} {
				query := makeMLP(t, 1, []int{150, 130}, []int{3}) // more than one span
				key := makeMLP(t, 2, []int{150, 130}, []int{3})
				want := slices.Clone(key.Params().Values)
				m := &MomentumEncoder{Encoder: key, Momentum: momentum, Workers: workers}
				for range 3 {
					for i, q := range query.Params().Values {
						want[i] = scalar.FMA(1-momentum, q, float32(momentum*want[i]))
					}
					m.Follow(query.Params())
				}
				check.SameBits(t, fmt.Sprintf("momentum %v", momentum), key.Params().Values, want)
				same := map[float32][]float32{
					0: query.Params().Values,
					1: makeMLP(t, 2, []int{150, 130}, []int{3}).Params().Values,
				}
				if end, ok := same[momentum]; ok && !slices.Equal(key.Params().Values, end) {
					t.Errorf("momentum %v: not a copy", momentum)
				}
			}
		}
	})
}

func TestMomentumRefuses(t *testing.T) {
	query := makeMLP(t, 1, []int{5, 4}, []int{3})
	for _, c := range []struct {
		m    MomentumEncoder
		want string
	}{
		{MomentumEncoder{}, "key encoder: no encoder"},
		{MomentumEncoder{Encoder: query.Clone(), Momentum: -0.1}, "key encoder: momentum is -0.1, want 0 to 1"},
		{MomentumEncoder{Encoder: query.Clone(), Momentum: 1.5}, "key encoder: momentum is 1.5, want 0 to 1"},
		{MomentumEncoder{Encoder: query.Clone(), Momentum: float32(math.NaN())}, "key encoder: momentum is NaN, want 0 to 1"},
		{MomentumEncoder{Encoder: query}, "key encoder: the encoder that is trained, want another of the same shape"},
		{MomentumEncoder{Encoder: makeMLP(t, 1, []int{5, 3}, []int{3})}, "key encoder: an encoder with other parameters, want those of the one that is trained"},
		{MomentumEncoder{Encoder: makeMLP(t, 1, []int{5, 4}, nil)}, "key encoder: an encoder with other parameters, want those of the one that is trained"},
	} {
		if err := c.m.check(query.Params()); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	m := MomentumEncoder{Encoder: query.Clone(), Momentum: 1}
	if err := m.check(query.Params()); err != nil {
		t.Error(err)
	}
}
