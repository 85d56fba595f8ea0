package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/data/glyphs"
	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/simd"
)

// An imageCorpus is images to train on and others to test with, all with labels or none.
type imageCorpus struct {
	title       string // of the data, as in the name of a folder
	train, test images.Set
	learned     string        // what the images to train on are, after their number
	apart       string        // what sets the others apart, after "images"
	unseen      bool          // those are of other classes
	augment     augment.Image // of views of those without labels
}

// openImages opens what the flags name.
func openImages(s *settings) (*imageCorpus, error) {
	d := &imageCorpus{title: dataName(s.Data), learned: "images to train on", apart: "not trained on"}
	size, err := parseSize(s.ImageSize)
	if err != nil {
		return nil, err
	}
	switch format, dir := cutFormat(s.Data); {
	case s.Data == "glyphs":
		seen, unseen := glyphs.Typefaces()
		d.learned = fmt.Sprintf("letters and digits in %d typefaces", len(seen))
		d.apart = fmt.Sprintf("in %d unseen typefaces", len(unseen))
		d.train, d.test, err = glyphs.Draw()
	case format == "idx":
		d.train, d.test, err = images.ReadIDX(dir)
	case format == "cifar":
		d.train, d.test, err = images.ReadCIFAR10(dir)
	default:
		d.train, d.test, err = images.Open(dir, size)
	}
	if err != nil {
		return nil, err
	}
	if s.Split == "classes" {
		d.unseen, d.apart = true, "of classes not trained on"
		if d.train, d.test, err = images.SplitClasses(join(d.train, d.test), unseenClass); err != nil {
			return nil, fmt.Errorf("--split classes: %w", err)
		}
	}
	if d.train.Len() == 0 || d.test.Len() == 0 {
		return nil, fmt.Errorf("%s: %d images to train on and %d to test with, want some of both", s.Data, d.train.Len(), d.test.Len())
	}
	if d.train.Labels == nil || d.test.Labels == nil {
		d.train.Labels, d.test.Labels = nil, nil
	}
	if a, err := s.Augment.images(); err == nil { // otherwise it is that of a run on embeddings
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

// parseSize reads what --image-size says: "WxH", or nothing.
func parseSize(text string) (size images.Size, err error) {
	if text == "" {
		return size, nil
	}
	var end string
	if n, _ := fmt.Sscanf(text+".", "%dx%d%s", &size.Width, &size.Height, &end); n != 3 || end != "." || size.Width < 1 || size.Height < 1 {
		return images.Size{}, fmt.Errorf("--image-size is %q, want WIDTHxHEIGHT, such as 64x64", text)
	}
	return size, nil
}

// dataName returns the name of the images that the flag --data names.
func dataName(source string) string {
	if source == "glyphs" {
		return source
	}
	_, folder := cutFormat(source)
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
func (d *imageCorpus) source(s *settings, workers int) (dataset.Source, arrangement, error) {
	augment, err := s.Augment.images()
	if err != nil {
		return nil, nil, err
	}
	d.augment = augment
	if d.train.Labels == nil && (s.byLabel() || s.Supervised || s.Distinct) {
		return nil, nil, fmt.Errorf("%s has images without labels, which --loss %s, --supervised or --distinct need; want one of --loss %s", s.Data, s.Loss, lossNames(false))
	}
	if err := s.checkDistinct(d.train.Labels); err != nil {
		return nil, nil, err
	}
	if !s.byLabel() {
		return &dataset.Views{Images: d.train, Augment: augment, Seed: s.Seed, Each: s.Views, Match: s.Supervised, NoDuplicates: s.Distinct, Workers: workers}, nil, nil
	}
	perClass, err := s.perClass(distinct(d.train.Labels))
	if err != nil {
		return nil, nil, err
	}
	return &dataset.Classes{Images: d.train, Augment: augment, Seed: s.Seed, PerClass: perClass, Workers: workers}, train.Labelled, nil
}

func (d *imageCorpus) exam(workers int) (exam, error) {
	if d.unseen || d.test.Labels == nil {
		h, err := d.held(maxHeld, workers)
		return &heldExam{h}, err
	}
	return newImageExam(d, workers)
}

func (d *imageCorpus) examBytes(columns int) int64 {
	if d.unseen || d.test.Labels == nil { // two sides at most, as they are seen and with norm 1
		n, size := min(d.test.Len(), maxHeld), len(d.test.At(0))
		return 4*int64(2*n*(size+2*max(size, columns))) + pictures
	}
	g, n, size := min(d.train.Len(), maxGallery), min(d.test.Len(), maxQueries), len(d.test.At(0))
	views := n * drawsOf(n)
	numbers := size * (g + n + views)             // the pixels
	numbers += max(size, columns) * (g + 2*views) // as they are seen, and brought to norm 1
	return 4*int64(numbers) + pictures
}

func (d *imageCorpus) held(n, workers int) (*held, error) {
	tested, learned := spread(d.test, n), spread(d.train, 6*n)
	if tested.Labels == nil {
		return d.heldViews(tested, workers)
	}
	h := &held{
		what: fmt.Sprintf("%d images %s", tested.Len(), d.apart), workers: workers,
		q: pixels(tested), labels: tested.Labels, names: tested.Classes, asTheyAre: rawPixels,
	}
	if common(d.train.Labels, tested.Labels) {
		h.learned, h.classes = pixels(learned), learned.Labels
	}
	return h, nil
}

// heldViews has two views of each image, of which no more is known.
func (d *imageCorpus) heldViews(m images.Set, workers int) (*held, error) {
	h := &held{what: fmt.Sprintf("two views of %d images %s", m.Len(), d.apart), workers: workers, asTheyAre: rawPixels}
	for i, x := range []*simd.Matrix{&h.q, &h.k} {
		*x = simd.NewMatrix(m.Len(), len(m.At(0)))
		if err := augment.All(*x, m, d.augment, examSeed+uint64(i), workers); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// pixels returns the pixels of each image.
func pixels(m images.Set) simd.Matrix {
	x := simd.NewMatrix(m.Len(), m.Width*m.Height*m.Channels)
	augment.Flatten(x, m)
	return x
}

// common reports whether a label of a is one of b.
func common(a, b []int) bool {
	return slices.ContainsFunc(b, func(y int) bool { return slices.Contains(a, y) })
}

// digest returns a hash of the images to train on and of their labels.
func (d *imageCorpus) digest() (string, error) {
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
	return hex.EncodeToString(h.Sum(nil)), nil
}

// spread returns up to n images that lie evenly in m.
func spread(m images.Set, n int) images.Set {
	if m.Len() <= n {
		return m
	}
	return m.Subset(evenly(m.Len(), n))
}
