package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/cmd/contrast/internal/settings"
	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/data/glyphs"
	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/simd"
)

// Images are a dataset of images, all with labels or all without.
type Images struct {
	Train, Test images.Set

	Apart  string // what sets the images to test with apart, after "images"
	Unseen bool   // they are of classes that are not trained on

	title   string        // of the data, as in the name of a folder
	learned string        // what the images to train on are, after their number
	augment augment.Image // of views of those without labels
}

func openImages(s settings.Source, a settings.Augmentation) (*Images, error) {
	d := &Images{title: dataName(s.Data), learned: "images to train on", Apart: "not trained on"}
	size, err := settings.ParseSize(s.ImageSize)
	if err != nil {
		return nil, err
	}
	switch format, dir := settings.CutFormat(s.Data); {
	case s.Data == settings.Glyphs:
		seen, unseen := glyphs.Typefaces()
		d.learned = fmt.Sprintf("letters and digits in %d typefaces", len(seen))
		d.Apart = fmt.Sprintf("in %d unseen typefaces", len(unseen))
		d.Train, d.Test, err = glyphs.Draw()
	case format == "idx":
		d.Train, d.Test, err = images.ReadIDX(dir)
	case format == "cifar":
		d.Train, d.Test, err = images.ReadCIFAR10(dir)
	default:
		d.Train, d.Test, err = images.Open(dir, size)
	}
	if err != nil {
		return nil, err
	}
	if s.Split == "classes" {
		d.Unseen, d.Apart = true, "of classes not trained on"
		if d.Train, d.Test, err = images.SplitClasses(join(d.Train, d.Test), unseenClass); err != nil {
			return nil, fmt.Errorf("--split classes: %w", err)
		}
	}
	if d.Train.Len() == 0 || d.Test.Len() == 0 {
		return nil, fmt.Errorf("%s: %d images to train on and %d to test with, want some of both", s.Data, d.Train.Len(), d.Test.Len())
	}
	if d.Train.Labels == nil || d.Test.Labels == nil {
		d.Train.Labels, d.Test.Labels = nil, nil
	}
	if a, err := a.Images(); err == nil { // otherwise it is that of a run on embeddings
		d.augment = a
	}
	return d, nil
}

// unseenClass says that every fifth class is held out with --split classes.
const unseenClass = 5

// join returns the images of both, which are of the same classes.
func join(a, b images.Set) images.Set {
	a.Pixels = slices.Concat(a.Pixels, b.Pixels)
	a.Labels = slices.Concat(a.Labels, b.Labels)
	return a
}

// dataName returns a short name of the images of a source.
func dataName(source string) string {
	if source == settings.Glyphs {
		return source
	}
	_, folder := settings.CutFormat(source)
	if abs, err := filepath.Abs(folder); err == nil {
		folder = abs
	}
	return strings.Trim(filepath.Base(folder), string(filepath.Separator)+".")
}

func (d *Images) Name() string { return d.title }

func (d *Images) Describe() string {
	return fmt.Sprintf("%d %s; %d images %s", d.Train.Len(), d.learned, d.Test.Len(), d.Apart)
}

func (d *Images) Facts() settings.Facts {
	m := d.Train
	size := m.Width * m.Height * m.Channels
	return settings.Facts{
		Samples: m.Len(), Documents: m.Len(), Labelled: m.Labels != nil,
		Q: size, K: size, Width: m.Width, Height: m.Height, Channels: m.Channels,
	}
}

// Batches returns views of images: some of each image, or for a loss by labels one of each
// of several images of a class.
func (d *Images) Batches(o Sampling) (dataset.Source, Arrangement, error) {
	var err error
	if d.augment, err = o.Augment.Images(); err != nil {
		return nil, nil, err
	}
	if err := o.checkClasses(d.Train.Labels); err != nil {
		return nil, nil, err
	}
	if !o.ByLabel {
		return &dataset.Views{
			Images: d.Train, Augment: d.augment, Seed: o.Seed, Each: o.Views,
			Match: o.Supervised, NoDuplicates: o.Distinct, Workers: o.Workers,
		}, nil, nil
	}
	perClass, err := o.perClass(distinct(d.Train.Labels))
	if err != nil {
		return nil, nil, err
	}
	return &dataset.Classes{Images: d.Train, Augment: d.augment, Seed: o.Seed, PerClass: perClass, Workers: o.Workers}, train.Labelled, nil
}

// HoldOutAll leaves nothing to train on, unless the images to test with are of the same
// classes: then those to train on are what they are searched among.
func (d *Images) HoldOutAll() {
	if d.Unseen {
		d.Test, d.Train = join(d.Train, d.Test), d.Train.Subset(nil)
	}
}

// Pixels returns the pixels of each image.
func Pixels(m images.Set) simd.Matrix {
	x := simd.NewMatrix(m.Len(), m.Width*m.Height*m.Channels)
	augment.Flatten(x, m)
	return x
}

// Digest returns a hash of the images to train on and of their labels.
func (d *Images) Digest() (string, error) {
	m := d.Train
	h := sha256.New()
	number := func(n int) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(n))
		h.Write(b[:])
	}
	for _, n := range []int{m.Len(), m.Width, m.Height, m.Channels} {
		number(n)
	}
	h.Write(m.Pixels)
	for _, label := range m.Labels {
		number(label)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Spread returns up to n images, evenly spread in m.
func Spread(m images.Set, n int) images.Set {
	if m.Len() <= n {
		return m
	}
	return m.Subset(Evenly(m.Len(), n))
}
