package run

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	"github.com/contrast-go/contrast/cmd/contrast/internal/dataset"
	"github.com/contrast-go/contrast/cmd/contrast/internal/settings"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/train"
)

// A Finished is what a run has left in its folder.
type Finished struct {
	Settings *settings.Settings
	Model    nn.Model
	digest   string // of what it was trained on
}

// Open opens the folder of a finished run.
func Open(dir string, workers int) (*Finished, error) {
	f := folder(dir)
	r, err := f.read()
	if err != nil {
		return nil, fmt.Errorf("--model: %w", err)
	}
	r.Model.SetWorkers(workers)
	return r, nil
}

func (f folder) read() (*Finished, error) {
	path := f.path(train.CheckpointFile)
	c, err := train.ReadCheckpoint(path)
	if err != nil {
		return nil, err
	}
	r := new(Finished)
	if r.Settings, r.digest, err = settings.Parse(c.Config); err != nil {
		return nil, fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	r.Model, err = nn.ReadModel(f.path(ModelFile))
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s holds no finished run: %w", f, err)
	}
	return r, err
}

// Dataset opens what the encoder is to be evaluated on: the samples of other, or those of the
// run where other names none. All samples are held out that the run did not train on.
func (r *Finished) Dataset(other settings.Source) (dataset.Dataset, error) {
	s, given := r.Settings.Source, other.Data != "" || len(other.Pairs) > 0
	if given {
		s.Data, s.Pairs, s.Labels, s.Triplets = dataset.FullName(other.Data), other.Pairs, other.Labels, ""
	}
	d, err := dataset.Open(s, r.Settings.Augment)
	if err != nil {
		return nil, err
	}
	if err := r.fits(d); err != nil || !given {
		return d, err
	}
	digest, err := d.Digest()
	if err != nil || digest == r.digest {
		return d, err
	}
	d.HoldOutAll()
	return d, nil
}

// fits returns an error unless the encoder takes the samples of d. Where one encoder embeds
// both sides, zeros follow the narrower one.
func (r *Finished) fits(d dataset.Dataset) error {
	f := d.Facts()
	check := func(got int, m nn.Model, side string) error {
		if want, _ := m.Dims(); got != want {
			return fmt.Errorf("%s has samples of %d numbers%s, want the %d of the encoder", d.Name(), got, side, want)
		}
		return nil
	}
	switch m := r.Model.(type) {
	case *nn.Dual:
		if !f.Pairs {
			return check(f.Q, m.Query(), "")
		}
		return cmp.Or(check(f.Q, m.Query(), " as queries"), check(f.K, m.Document(), " as documents"))
	case *nn.CNN:
		c := m.Config()
		switch {
		case f.Channels == 0:
			return fmt.Errorf("%s has embeddings, want images as the encoder takes", d.Name())
		case c.Width != f.Width || c.Height != f.Height || c.Channels != f.Channels:
			return fmt.Errorf("%s has images of %dx%dx%d, want the %dx%dx%d of the encoder", d.Name(), f.Width, f.Height, f.Channels, c.Width, c.Height, c.Channels)
		}
	}
	return check(max(f.Q, f.K), r.Model, "")
}
