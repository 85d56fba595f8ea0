package train

import (
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/simd"
)

// clip shortens the gradient of a step to the norm Clip where it is longer, and tells p
// how often that was so.
func (t *Trainer) clip(p *Progress, params *nn.Params) {
	if t.Clip == 0 {
		return
	}
	count := t.clipState()[0].Data
	if p.GradNorm > t.Clip {
		simd.Scale(params.Grads, float32(t.Clip/p.GradNorm), params.Grads)
		putInt(count, getInt(count)+1)
	}
	p.Clipped = int(getInt(count))
}

// clipState returns what a checkpoint keeps, in the memory of t.
func (t *Trainer) clipState() []data.Tensor {
	if t.clips == nil {
		t.clips = make([]float32, digits)
	}
	return []data.Tensor{{Name: "count", Shape: []int{digits}, Data: t.clips}}
}
