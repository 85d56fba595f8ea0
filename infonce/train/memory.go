package train

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/dataset"
)

// recall adds what t remembers to the batch of a step.
func (t *Trainer) recall(step int, b *infonce.Batch) error {
	if !t.remembers(step) {
		return nil
	}
	if b.K.Rows != t.Batch {
		return fmt.Errorf("memory: the arrangement has %d keys, want %d, the second views", b.K.Rows, t.Batch)
	}
	b.Negatives = t.Memory.Rows()
	s, ok := t.Source.(dataset.Identifier)
	if !ok {
		return nil
	}
	if ids := s.IDs(); ids != nil {
		t.ids = append(append(t.ids[:0], ids[t.Batch:]...), t.Memory.IDs()...)
		b.IDs = t.ids
	}
	return nil
}

// remember ends a step: the momentum encoder follows the one that was taught, and the keys
// of the batch are negatives from now on.
func (t *Trainer) remember(step int, b infonce.Batch) {
	if t.Keys != nil {
		t.Keys.Follow(t.Encoder.Params())
	}
	if t.remembers(step) {
		ids := b.IDs
		if ids != nil {
			ids = ids[:t.Batch]
		}
		t.Memory.Push(b.K, ids)
	}
}

func (t *Trainer) remembers(step int) bool { return t.Memory != nil && step >= t.MemoryAfter }
