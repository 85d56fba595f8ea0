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
)

// A dataset is images to train on and others to test with, all with labels.
type dataset struct {
	name        string // of the data, as in the name of a folder
	train, test data.Images
	learned     string // what the images to train on are, after their number
	held        string // what sets the others apart, after "images"
}

// openData opens what the flag --data names.
func openData(source string) (*dataset, error) {
	folder, idx := strings.CutPrefix(source, "idx:")
	d := &dataset{name: dataName(source)}
	var err error
	if !idx {
		seen, unseen := data.Typefaces()
		d.learned = fmt.Sprintf("letters and digits in %d typefaces", len(seen))
		d.held = fmt.Sprintf("in %d unseen typefaces", len(unseen))
		d.train, d.test, err = data.Glyphs()
		return d, err
	}
	d.learned, d.held = "images to train on", "not trained on"
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

// digest returns a hash of the images to train on and of their labels.
func (d *dataset) digest() string {
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

// distinctClasses returns how many classes the images to train on have.
func (d *dataset) distinctClasses() int {
	labels := slices.Clone(d.train.Labels)
	slices.Sort(labels)
	return len(slices.Compact(labels))
}

// spread returns n images of m that lie evenly in it, or m where it has no more.
func spread(m data.Images, n int) data.Images {
	if m.Len() <= n {
		return m
	}
	pick := make([]int, n)
	for i := range pick {
		pick[i] = int(int64(i) * int64(m.Len()) / int64(n))
	}
	return m.Subset(pick)
}
