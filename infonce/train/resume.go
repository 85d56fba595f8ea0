package train

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/internal/sealed"
	"github.com/contrast-go/contrast/infonce/nn"
)

// Resume restores the run from the checkpoint in Dir that [LastCheckpoint] reads: parameters, the
// state of the optimizer and of the other parts, and the number of steps done, which it returns.
// The run then continues as if it had not been interrupted, bit for bit. If the newest checkpoint
// is damaged and the one before it is used, Resume calls Warn.
//
// It is an error if there is no checkpoint, which wraps fs.ErrNotExist, or if both are damaged, of
// another version, or from a run with another Config or other parts. Nothing is changed then.
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

// save writes a checkpoint, unless there is one of this step or no folder for it. It keeps the
// previous one, unless that is damaged or from another run. The metrics of the steps before are
// synced first.
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

// state returns the tensors of a checkpoint, in memory of the parts.
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

// clipState returns the state of clipping for a checkpoint, in memory of t.
func (t *Trainer) clipState() []data.Tensor {
	if t.clips == nil {
		t.clips = newIntTensor(1)
	}
	return []data.Tensor{{Name: "count", Shape: []int{intLen}, Data: t.clips}}
}
