package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/train"
)

// A finishedRun is what a run has left in its folder.
type finishedRun struct {
	settings *settings
	digest   string // of what it was trained on
	model    nn.Model
}

// openRun opens the folder that the flag --model names.
func openRun(dir string, workers int) (*finishedRun, error) {
	f := folder(dir)
	r, err := f.readSettings()
	if err != nil {
		return nil, fmt.Errorf("--model: %w", err)
	}
	r.model, err = nn.ReadModel(f.path(modelFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--model: %s holds no finished run: %w", f, err)
	}
	if err != nil {
		return nil, err
	}
	r.model.SetWorkers(workers)
	return r, nil
}

// readSettings returns those that the run in the folder was made under.
func (f folder) readSettings() (*finishedRun, error) {
	path := f.path(train.CheckpointFile)
	c, err := train.ReadCheckpoint(path)
	if err != nil {
		return nil, err
	}
	s := new(settings)
	var digests struct {
		Images string `json:"images_sha256"`
		Data   string `json:"data_sha256"`
	}
	err = errors.Join(json.Unmarshal([]byte(c.Config), s), json.Unmarshal([]byte(c.Config), &digests))
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %s: config: %w", path, err)
	}
	return &finishedRun{settings: s, digest: digests.Images + digests.Data}, nil
}

// corpus opens the samples that flags name, of which nothing is left out that the run did not train on. Without such flags
// these are those of the run.
func (r *finishedRun) corpus(flags *sampleFlags) (corpus, error) {
	d, err := flags.of(*r.settings).openCorpus()
	if err != nil {
		return nil, err
	}
	if err := r.fits(d); err != nil {
		return nil, err
	}
	if !flags.given() {
		return d, nil
	}
	digest, err := d.digest()
	if err != nil {
		return nil, err
	}
	if digest == r.digest {
		return d, nil
	}
	switch d := d.(type) {
	case *rowCorpus:
		d.keepAll()
	case *imageCorpus:
		if d.unseen {
			d.test, d.train = join(d.train, d.test), d.train.Subset(nil)
		}
	}
	return d, nil
}

// fits returns an error unless the encoder takes the samples of d. Where one encoder embeds both sides, zeros follow the
// narrower one.
func (r *finishedRun) fits(d corpus) error {
	check := func(got int, m nn.Model, side string) error {
		if want, _ := m.Dims(); got != want {
			return fmt.Errorf("%s has samples of %d numbers%s, want the %d of the encoder", d.name(), got, side, want)
		}
		return nil
	}
	if m, ok := r.model.(*nn.CNN); ok {
		images, ok := d.(*imageCorpus)
		if !ok {
			return fmt.Errorf("%s has embeddings, want images as the encoder takes", d.name())
		}
		c, got := m.Config(), images.train
		if c.Width != got.Width || c.Height != got.Height || c.Channels != got.Channels {
			return fmt.Errorf("%s has images of %dx%dx%d, want the %dx%dx%d of the encoder", d.name(), got.Width, got.Height, got.Channels, c.Width, c.Height, c.Channels)
		}
	}
	q, k := d.dims()
	m, ok := r.model.(*nn.Dual)
	if !ok {
		return check(max(q, k), r.model, "")
	}
	if rows, ok := d.(*rowCorpus); !ok || rows.kind != pairSource {
		return check(q, m.Query(), "")
	}
	return cmp.Or(check(q, m.Query(), " as queries"), check(k, m.Document(), " as documents"))
}
