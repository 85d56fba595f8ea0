package train

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/internal/sealed"
)

// A Checkpoint is the state of a run between two steps. All else that the run
// needs to go on follows from its settings and from Step.
type Checkpoint struct {
	Step   int    // steps done
	Config string // of the run

	// Model.… are the parameters and optimizer.… the state of the optimiser. Where there are
	// such parts, keys.… are the parameters of the momentum encoder, memory.… the queue,
	// temperature.… what learns it, and clip.count how often the gradient was clipped.
	Tensors []data.Tensor

	path string // of the file that it was read from
}

const checkpointFormat = "contrast checkpoint"

// ReadCheckpoint reads the checkpoint that a [Trainer] wrote. Its error is one
// line that names the file and the rule that it breaks, or wraps fs.ErrNotExist.
func ReadCheckpoint(path string) (*Checkpoint, error) {
	tensors, meta, err := sealed.Read(path, checkpointFormat)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	step, err := strconv.Atoi(meta["step"])
	if err != nil || step < 0 {
		return nil, fmt.Errorf("checkpoint: %s: step: got %s, want a number", path, sealed.Excerpt(meta["step"]))
	}
	return &Checkpoint{Step: step, Config: meta["config"], Tensors: tensors, path: path}, nil
}

// LastCheckpoint reads the checkpoint that the run in dir goes on from: [CheckpointFile], or
// [PreviousFile] where that one is damaged or missing. damage is then why, and names the
// file; the run only makes some steps again, and ends in the same bits.
//
// err is not nil where neither can be read, and wraps fs.ErrNotExist where there is neither.
func LastCheckpoint(dir string) (c *Checkpoint, damage, err error) {
	c, err = ReadCheckpoint(filepath.Join(dir, CheckpointFile))
	if err == nil {
		return c, nil, nil
	}
	c, previous := ReadCheckpoint(filepath.Join(dir, PreviousFile))
	switch {
	case previous == nil:
		return c, err, nil
	case errors.Is(previous, fs.ErrNotExist):
		return nil, nil, err
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, previous
	}
	return nil, nil, fmt.Errorf("%w; %w", err, previous)
}

// write replaces the checkpoint at path, and keeps the old one at previous unless that is empty.
func (c *Checkpoint) write(path, previous string) error {
	meta := map[string]string{"step": strconv.Itoa(c.Step), "config": c.Config}
	if err := sealed.Write(path, previous, checkpointFormat, c.Tensors, meta); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// difference tells where two texts part.
func difference(got, want string) string {
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	i = max(0, i-16) // some of what is before it, to tell what it is about
	return fmt.Sprintf("got …%s, want …%s", sealed.Excerpt(got[i:]), sealed.Excerpt(want[i:]))
}
