package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/simd"
)

// An imageCorpus is images to train on and others to test with, all with labels.
type imageCorpus struct {
	title       string // of the data, as in the name of a folder
	train, test data.Images
	learned     string // what the images to train on are, after their number
	apart       string // what sets the others apart, after "images"
}

// openImages opens what the flag --data names.
func openImages(source string) (*imageCorpus, error) {
	folder, idx := strings.CutPrefix(source, "idx:")
	d := &imageCorpus{title: dataName(source)}
	var err error
	if !idx {
		seen, unseen := data.Typefaces()
		d.learned = fmt.Sprintf("letters and digits in %d typefaces", len(seen))
		d.apart = fmt.Sprintf("in %d unseen typefaces", len(unseen))
		d.train, d.test, err = data.Glyphs()
		return d, err
	}
	d.learned, d.apart = "images to train on", "not trained on"
	if d.train, d.test, err = data.ReadIDX(folder); err != nil {
		return nil, err
	}
	switch {
	case d.train.Len() == 0 || d.test.Len() == 0:
		return nil, fmt.Errorf("idx: %s: %d images to train on and %d to test with, want some of both", folder, d.train.Len(), d.test.Len())
	case d.train.Labels == nil || d.test.Labels == nil:
		return nil, fmt.Errorf("idx: %s: images without labels, want them for the test", folder)
	}
	return d, nil
}

// dataName returns the name of the data that the flag --data names.
func dataName(source string) string {
	folder, idx := strings.CutPrefix(source, "idx:")
	if !idx {
		return source
	}
	if abs, err := filepath.Abs(folder); err == nil {
		folder = abs
	}
	return strings.Trim(filepath.Base(folder), string(filepath.Separator)+".")
}

func (d *imageCorpus) name() string { return d.title }

func (d *imageCorpus) describe() string {
	return fmt.Sprintf("%d %s; %d images %s", d.train.Len(), d.learned, d.test.Len(), d.apart)
}

func (d *imageCorpus) samples() int { return d.train.Len() }

func (d *imageCorpus) dims() (q, k int) {
	in := d.train.Width * d.train.Height * d.train.Channels
	return in, in
}

// source gives views of the images: some of each, or for a loss that reads labels one of each of some
// images of a class.
func (d *imageCorpus) source(s *settings, workers int) (train.Source, arrangement, error) {
	augment, err := s.Augment.images()
	if err != nil {
		return nil, nil, err
	}
	classes := distinct(d.train.Labels)
	if s.Distinct && s.Batch > classes {
		return nil, nil, fmt.Errorf("--batch is %d, want at most %d with --distinct, the classes that there are", s.Batch, classes)
	}
	if !s.byLabel() {
		return &train.Views{Images: d.train, Augment: augment, Seed: s.Seed, Each: s.Views, Match: s.Supervised, Distinct: s.Distinct, Workers: workers}, nil, nil
	}
	perClass, err := s.perClass(classes)
	if err != nil {
		return nil, nil, err
	}
	return &train.Classes{Images: d.train, Augment: augment, Seed: s.Seed, PerClass: perClass, Workers: workers}, train.Labelled, nil
}

func (d *imageCorpus) exam(workers int) (exam, error) { return newImageExam(d, workers) }

func (d *imageCorpus) examBytes(columns int) int64 {
	g, n, size := min(d.train.Len(), maxGallery), min(d.test.Len(), maxQueries), len(d.test.At(0))
	views := n * drawsOf(n)
	numbers := size * (g + n + views)             // the pixels
	numbers += max(size, columns) * (g + 2*views) // as they are seen, and brought to norm 1
	return 4 * int64(numbers)
}

func (d *imageCorpus) held(n, workers int) (*held, error) {
	tested, learned := spread(d.test, n), spread(d.train, 6*n)
	h := &held{
		what: fmt.Sprintf("%d images %s", tested.Len(), d.apart), workers: workers,
		q: pixels(tested), labels: tested.Labels, names: tested.Classes,
	}
	if common(d.train.Labels, tested.Labels) {
		h.learned, h.classes = pixels(learned), learned.Labels
	}
	return h, nil
}

// pixels returns the pixels of each image.
func pixels(m data.Images) simd.Matrix {
	x := simd.NewMatrix(m.Len(), m.Width*m.Height*m.Channels)
	train.Flatten(x, m)
	return x
}

// common reports whether a label of a is one of b.
func common(a, b []int) bool {
	return slices.ContainsFunc(b, func(y int) bool { return slices.Contains(a, y) })
}

// digest returns a hash of the images to train on and of their labels.
func (d *imageCorpus) digest() string {
	m := d.train
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
	return hex.EncodeToString(h.Sum(nil))
}

// spread returns up to n images that lie evenly in m.
func spread(m data.Images, n int) data.Images {
	if m.Len() <= n {
		return m
	}
	return m.Subset(evenly(m.Len(), n))
}
