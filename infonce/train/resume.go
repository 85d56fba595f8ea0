package train

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/internal/sealed"
	"github.com/contrast-go/contrast/infonce/nn"
)

// Resume goes on from the checkpoint in Dir that [LastCheckpoint] reads: it takes over its
// parameters, the state of the optimiser and of all that the run remembers, and the number of
// steps done, which it returns. The run that follows is the rest of the one that wrote it,
// bit for bit. Warn is told where the newest checkpoint is damaged and the one before it is used.
//
// The error wraps fs.ErrNotExist where there is no checkpoint; it is not nil either
// where both are damaged, of another version, or of a run with another Config or
// other parts. Nothing is changed then.
func (t *Trainer) Resume() (step int, err error) {
	if t.Dir == "" || t.Encoder == nil || t.Optimizer == nil {
		return 0, errors.New("resume: want a folder, an encoder and an optimizer")
	}
	if err := t.checkParts(); err != nil {
		return 0, fmt.Errorf("resume: %w", err)
	}
	c, damage, err := LastCheckpoint(t.Dir)
	if err != nil {
		return 0, err
	}
	state := t.state()
	switch {
	case c.Config != t.Config:
		err = fmt.Errorf("config: %s", difference(c.Config, t.Config))
	case c.Step > t.Steps:
		err = fmt.Errorf("step: got %d, want at most %d", c.Step, t.Steps)
	default:
		err = sealed.Match(c.Tensors, state)
	}
	if err != nil {
		return 0, fmt.Errorf("checkpoint: %s: %w", c.path, err)
	}
	if damage != nil && t.Warn != nil {
		t.Warn(fmt.Errorf("going on from %s, of step %d: %w", c.path, c.Step, damage))
	}
	sealed.Copy(state, c.Tensors)
	t.step, t.saved, t.whole = c.Step, c.Step+1, damage == nil
	return c.Step, nil
}

func (t *Trainer) checkpoint() string { return filepath.Join(t.Dir, CheckpointFile) }

func (t *Trainer) previous() string { return filepath.Join(t.Dir, PreviousFile) }

// save writes a checkpoint unless there is one of this step or no folder for it, and keeps the
// one before it, unless it is damaged or of another run. The metrics of its steps are
// on the disk before it is.
func (t *Trainer) save(m *metrics) error {
	if t.Dir == "" || t.saved == t.step+1 {
		return nil
	}
	if err := m.sync(); err != nil {
		return err
	}
	c := Checkpoint{Step: t.step, Config: t.Config, Tensors: t.state()}
	previous := ""
	if t.whole {
		previous = t.previous()
	}
	if err := c.write(t.checkpoint(), previous); err != nil {
		return err
	}
	t.saved, t.whole = t.step+1, true
	return nil
}

// state returns what a checkpoint keeps, in the memory of the parts.
func (t *Trainer) state() []data.Tensor {
	var state []data.Tensor
	keep := func(part string, tensors []data.Tensor) {
		for _, s := range tensors {
			s.Name = part + "." + s.Name
			state = append(state, s)
		}
	}
	params := t.Encoder.Params()
	keep("model", nn.State(t.Encoder))
	keep("optimizer", t.Optimizer.State(len(params.Values)))
	if t.KeyEncoder != nil {
		keep("keys", t.KeyEncoder.Encoder.Params().State())
	}
	if t.Queue != nil {
		_, width := t.Encoder.Dims()
		keep("memory", t.Queue.State(width))
	}
	if t.LearnedTemperature != nil {
		keep("temperature", t.LearnedTemperature.state())
	}
	if t.ClipNorm > 0 {
		keep("clip", t.clipState())
	}
	return state
}

// clipState returns what a checkpoint keeps, in the memory of t.
func (t *Trainer) clipState() []data.Tensor {
	if t.clips == nil {
		t.clips = make([]float32, digits)
	}
	return []data.Tensor{{Name: "count", Shape: []int{digits}, Data: t.clips}}
}
