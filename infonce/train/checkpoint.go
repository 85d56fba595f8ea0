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

// A Checkpoint is the state of a run between two steps. Together with the settings of the run it
// determines the rest.
type Checkpoint struct {
	Step   int    // steps done
	Config string // of the run

	// Tensors are named by part: model.… are the parameters and the state of the encoder,
	// optimizer.… the state of the optimizer, and, if the run has such parts, keys.… the parameters
	// of the key encoder, memory.… the queue, temperature.… the learned temperature, and clip.count
	// the number of clipped steps.
	Tensors []data.Tensor

	path string // the file that it was read from
}

const checkpointFormat = "contrast checkpoint"

// ReadCheckpoint reads a checkpoint written by a [Trainer]. Its error is one line that names the
// file and what is wrong with it; it wraps fs.ErrNotExist if there is no file.
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

// LastCheckpoint reads the checkpoint from which the run in dir continues: [CheckpointFile], or
// [PreviousFile] if the former is damaged or missing. damage then says why and names the file; the
// run repeats some steps and ends with the same bits.
//
// err is not nil if neither can be read; it wraps fs.ErrNotExist if neither exists.
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

// write replaces the checkpoint at path, and moves the old one to previous unless that is empty.
func (c *Checkpoint) write(path, previous string) error {
	meta := map[string]string{"step": strconv.Itoa(c.Step), "config": c.Config}
	if err := sealed.Write(path, previous, checkpointFormat, c.Tensors, meta); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// difference describes the first difference between two texts.
func difference(got, want string) string {
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	i = max(0, i-16) // some context before it
	return fmt.Sprintf("got …%s, want …%s", sealed.Excerpt(got[i:]), sealed.Excerpt(want[i:]))
}
