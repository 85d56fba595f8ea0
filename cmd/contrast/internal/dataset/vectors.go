package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/contrast-go/contrast/cmd/contrast/internal/settings"
	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/train"
)

// Vectors are a dataset of embeddings in files: one, with or without classes or triplets, or
// two with pairs. A share of them is held out. The files are read when rows are asked for.
type Vectors struct {
	kind     settings.Kind
	paths    []string // of all files
	q, k     *data.Vectors
	labels   []int // of q; nil where they are not known
	classes  []string
	triplets [][3]int
	same     []int // of k, equal where rows are; nil where all differ

	train, heldOut []int // rows; of triplets their numbers
	augment        augment.Vector
}

func openVectors(s settings.Source, a settings.Augmentation) (*Vectors, error) {
	d := &Vectors{kind: s.Kind()}
	if err := d.open(s, a); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *Vectors) open(s settings.Source, a settings.Augmentation) (err error) {
	if d.augment, err = a.Vectors(); err != nil {
		return err
	}
	if d.kind == settings.Pairs {
		if d.q, err = openFile("--pairs", s.Pairs[0]); err != nil {
			return err
		}
		if d.k, err = openFile("--pairs", s.Pairs[1]); err != nil {
			return err
		}
		d.paths = s.Pairs
		if q, k := d.q.Len(), d.k.Len(); q != k {
			return fmt.Errorf("--pairs: %s has %d rows and %s %d, want as many: row i of one belongs to row i of the other", s.Pairs[0], q, s.Pairs[1], k)
		}
	} else {
		if d.q, err = openFile("--data", s.Data); err != nil {
			return err
		}
		d.paths = []string{s.Data}
		if err := d.readLabels(s.Labels); err != nil {
			return err
		}
	}
	if err := d.scan(); err != nil {
		return err
	}
	if d.kind == settings.Triplets {
		return d.readTriplets(s.Triplets, s.Holdout)
	}
	if d.train, d.heldOut = split(d.q.Len(), s.Holdout); s.Split == "classes" && d.kind == settings.Vectors {
		return d.splitClasses(s.Holdout)
	}
	return nil
}

// splitClasses holds a share of the classes out, with all of their rows.
func (d *Vectors) splitClasses(holdout float64) error {
	if d.labels == nil {
		return fmt.Errorf("--split classes: %s has no classes: --labels FILE", d.paths[0])
	}
	_, out := split(distinct(d.labels), holdout)
	d.train, d.heldOut = d.train[:0], nil
	for i, y := range d.labels {
		if _, found := slices.BinarySearch(out, y); found {
			d.heldOut = append(d.heldOut, i)
		} else {
			d.train = append(d.train, i)
		}
	}
	return nil
}

// openFile opens a file that a flag names.
func openFile(flag, path string) (*data.Vectors, error) {
	if _, err := os.Stat(path); flag == "--data" && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--data: %s: no such file or folder; want glyphs, a folder of images, or a file of embeddings", path)
	}
	r, err := data.OpenVectors(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return r, nil
}

// readLabels takes the classes of rows from a file of their own, or from that of the rows.
func (d *Vectors) readLabels(path string) (err error) {
	d.labels, d.classes = d.q.Labels(), d.q.Classes()
	if path != "" {
		if d.labels, d.classes, err = data.ReadLabels(path); err != nil {
			return fmt.Errorf("--labels: %w", err)
		}
		d.paths = append(d.paths, path)
	}
	if d.labels == nil {
		return nil
	}
	if got, want := len(d.labels), d.q.Len(); got != want {
		return fmt.Errorf("--labels: %s has %d labels, want one for each of the %d rows of %s", path, got, want, d.paths[0])
	}
	if d.classes == nil {
		d.labels, d.classes = named(d.labels)
	}
	return nil
}

// named returns labels that count from 0 in the place of any numbers, and these as their names.
func named(labels []int) (compact []int, names []string) {
	values := slices.Clone(labels)
	slices.Sort(values)
	values = slices.Compact(values)
	for _, v := range values {
		names = append(names, strconv.Itoa(v))
	}
	for _, y := range labels {
		i, _ := slices.BinarySearch(values, y)
		compact = append(compact, i)
	}
	return compact, names
}

// readTriplets reads triplets of rows, and holds a share of them out.
func (d *Vectors) readTriplets(path string, holdout float64) (err error) {
	if d.triplets, err = data.ReadTriplets(path); err != nil {
		return fmt.Errorf("--triplets: %w", err)
	}
	d.paths = append(d.paths, path)
	for i, t := range d.triplets {
		if most := max(t[0], t[1], t[2]); most >= d.q.Len() {
			return fmt.Errorf("--triplets: %s: triplet %d names row %d, want less than %d, the rows of %s", path, i, most, d.q.Len(), d.paths[0])
		}
	}
	d.train, d.heldOut = split(len(d.triplets), holdout)
	return nil
}

// HoldOutAll leaves nothing to train on.
func (d *Vectors) HoldOutAll() { d.train, d.heldOut = nil, Evenly(d.q.Len(), d.q.Len()) }

func (d *Vectors) close() {
	for _, r := range []*data.Vectors{d.q, d.k} {
		if r != nil {
			r.Close() // it was only read
		}
	}
}

func (d *Vectors) Name() string { return filepath.Base(d.paths[0]) }

func (d *Vectors) Describe() string {
	where := fmt.Sprintf("%s, %d numbers each", d.paths[0], d.q.Dim())
	if d.kind == settings.Pairs {
		where = fmt.Sprintf("%s and %s, %d and %d numbers each", d.paths[0], d.paths[1], d.q.Dim(), d.k.Dim())
	}
	if n := d.documents(); d.kind == settings.Pairs && n < len(d.train) {
		where += fmt.Sprintf(", with %d different documents to train on", n)
	}
	if d.labels != nil {
		where += fmt.Sprintf(", %d classes", distinct(d.labels))
	}
	return fmt.Sprintf("%d %s to train on; %d held out; of %s", len(d.train), d.things(), len(d.heldOut), where)
}

// things is what there is a number of.
func (d *Vectors) things() string {
	return map[settings.Kind]string{settings.Vectors: "embeddings", settings.Pairs: "pairs", settings.Triplets: "triplets"}[d.kind]
}

func (d *Vectors) Facts() settings.Facts {
	f := settings.Facts{Samples: len(d.train), Documents: d.documents(), Labelled: d.labels != nil, Q: d.q.Dim(), K: d.q.Dim()}
	if d.kind == settings.Pairs {
		f.Pairs, f.K = true, d.k.Dim()
	}
	return f
}

// Digest returns a hash of the contents of the files.
func (d *Vectors) Digest() (string, error) {
	h := sha256.New()
	for _, path := range d.paths {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		n, err := io.Copy(h, f)
		f.Close()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%d", n) // where one ends and the next begins
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Batches returns pairs, triplets, or views of rows: some of each, or for a loss by labels
// one of each of several rows of a class.
func (d *Vectors) Batches(o Sampling) (dataset.Source, Arrangement, error) {
	if len(d.train) == 0 || len(d.heldOut) == 0 {
		return nil, nil, fmt.Errorf("--holdout: %d %s to train on and %d held out, want some of both", len(d.train), d.things(), len(d.heldOut))
	}
	var err error
	if d.augment, err = o.Augment.Vectors(); err != nil {
		return nil, nil, err
	}
	q := &part{rows: d.q, pick: d.train}
	switch d.kind {
	case settings.Pairs:
		p := &dataset.VectorPairs{Queries: q, Documents: &part{rows: d.k, pick: d.train}, Augment: d.augment, Seed: o.Seed, Workers: o.Workers}
		if d.same != nil { // a document is no negative of the other queries that it belongs to
			p.DocumentIDs, p.NoDuplicates = pickInts(d.same, d.train), o.Batch <= d.documents()
		}
		return p, nil, nil
	case settings.Triplets:
		var learned [][3]int
		for _, i := range d.train {
			learned = append(learned, d.triplets[i])
		}
		return &dataset.VectorTriplets{Rows: d.q, Triplets: learned, Augment: d.augment, Seed: o.Seed, Workers: o.Workers}, train.Triplets, nil
	}
	labels := d.labelsOf(d.train)
	if labels == nil || !o.ByLabel {
		if err := o.checkClasses(labels); err != nil {
			return nil, nil, err
		}
		return &dataset.VectorViews{
			Rows: q, Labels: labels, Augment: d.augment, Seed: o.Seed, Each: o.Views,
			Match: o.Supervised, NoDuplicates: o.Distinct, Workers: o.Workers,
		}, nil, nil
	}
	perClass, err := o.perClass(distinct(labels))
	if err != nil {
		return nil, nil, err
	}
	return &dataset.VectorClasses{Rows: q, Labels: labels, Augment: d.augment, Seed: o.Seed, PerClass: perClass, Workers: o.Workers}, train.Labelled, nil
}

// documents returns how many different documents there are to train on.
func (d *Vectors) documents() int {
	if d.same == nil {
		return len(d.train)
	}
	return distinct(pickInts(d.same, d.train))
}

// labelsOf returns the labels of rows, or nil where they are not known.
func (d *Vectors) labelsOf(rows []int) []int {
	if d.labels == nil {
		return nil
	}
	return pickInts(d.labels, rows)
}
