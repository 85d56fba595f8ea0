package main

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

	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/train"
)

// A rowCorpus is embeddings of files: of one, with or without classes or triplets, or the pairs of two. Of them a
// share is held out. The files are read when rows are asked for.
type rowCorpus struct {
	kind     sourceKind
	paths    []string // of all files
	q, k     *data.Rows
	labels   []int // of q; nil where they are not known
	classes  []string
	triplets [][3]int
	same     []int // of k, equal where rows are; nil where all differ

	learned, kept []int // rows; of triplets their numbers
	augment       augment.Vector
}

// openRows opens what the flags name.
func (s *settings) openRows() (*rowCorpus, error) {
	d := &rowCorpus{kind: s.sourceKind()}
	if err := d.open(s); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *rowCorpus) open(s *settings) (err error) {
	if d.augment, err = s.Augment.vectors(); err != nil {
		return err
	}
	if d.kind == pairSource {
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
	if d.kind == tripletSource {
		return d.readTriplets(s.Triplets, s.Holdout)
	}
	if d.learned, d.kept = split(d.q.Len(), s.Holdout); s.Split == "classes" && d.kind == rowSource {
		return d.splitClasses(s.Holdout)
	}
	return nil
}

// splitClasses holds a share of the classes out, with all of their rows.
func (d *rowCorpus) splitClasses(holdout float64) error {
	if d.labels == nil {
		return fmt.Errorf("--split classes: %s has no classes: --labels FILE", d.paths[0])
	}
	_, out := split(distinct(d.labels), holdout)
	d.learned, d.kept = d.learned[:0], nil
	for i, y := range d.labels {
		if _, found := slices.BinarySearch(out, y); found {
			d.kept = append(d.kept, i)
		} else {
			d.learned = append(d.learned, i)
		}
	}
	return nil
}

// openFile opens a file that a flag names.
func openFile(flag, path string) (*data.Rows, error) {
	if _, err := os.Stat(path); flag == "--data" && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--data is %q, want glyphs, a folder of images, or a file of embeddings", path)
	}
	r, err := data.OpenRows(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return r, nil
}

// readLabels takes the classes of rows from a file of their own, or from that of the rows.
func (d *rowCorpus) readLabels(path string) (err error) {
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

// readTriplets reads triplets of rows, and holds a share of them out: those of them are left whose rows
// are in none to train on.
func (d *rowCorpus) readTriplets(path string, holdout float64) (err error) {
	if d.triplets, err = data.ReadTriplets(path); err != nil {
		return fmt.Errorf("--triplets: %w", err)
	}
	d.paths = append(d.paths, path)
	for i, t := range d.triplets {
		if most := max(t[0], t[1], t[2]); most >= d.q.Len() {
			return fmt.Errorf("--triplets: %s: triplet %d names row %d, want less than %d, the rows of %s", path, i, most, d.q.Len(), d.paths[0])
		}
	}
	d.learned, d.kept = split(len(d.triplets), holdout)
	return nil
}

// keepAll holds all rows out, for none was trained on.
func (d *rowCorpus) keepAll() { d.learned, d.kept = nil, evenly(d.q.Len(), d.q.Len()) }

func (d *rowCorpus) close() {
	for _, r := range []*data.Rows{d.q, d.k} {
		if r != nil {
			r.Close() // it was only read
		}
	}
}

func (d *rowCorpus) name() string { return filepath.Base(d.paths[0]) }

func (d *rowCorpus) describe() string {
	where := fmt.Sprintf("%s, %d numbers each", d.paths[0], d.q.Dim())
	if d.kind == pairSource {
		where = fmt.Sprintf("%s and %s, %d and %d numbers each", d.paths[0], d.paths[1], d.q.Dim(), d.k.Dim())
	}
	if n := d.documents(); d.kind == pairSource && n < len(d.learned) {
		where += fmt.Sprintf(", with %d different documents to train on", n)
	}
	if d.labels != nil {
		where += fmt.Sprintf(", %d classes", distinct(d.labels))
	}
	return fmt.Sprintf("%d %s to train on; %d held out; of %s", len(d.learned), d.things(), len(d.kept), where)
}

// things is what there is a number of.
func (d *rowCorpus) things() string {
	return map[sourceKind]string{rowSource: "embeddings", pairSource: "pairs", tripletSource: "triplets"}[d.kind]
}

func (d *rowCorpus) samples() int { return len(d.learned) }

func (d *rowCorpus) dims() (q, k int) {
	if d.kind == pairSource {
		return d.q.Dim(), d.k.Dim()
	}
	return d.q.Dim(), d.q.Dim()
}

// digest returns a hash of the contents of the files.
func (d *rowCorpus) digest() (string, error) {
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

// source gives the rows of a step as its loss wants them.
func (d *rowCorpus) source(s *settings, workers int) (dataset.Source, arrangement, error) {
	if len(d.learned) == 0 || len(d.kept) == 0 {
		return nil, nil, fmt.Errorf("--holdout: %d %s to train on and %d held out, want some of both", len(d.learned), d.things(), len(d.kept))
	}
	var err error
	if d.augment, err = s.Augment.vectors(); err != nil {
		return nil, nil, err
	}
	q := &part{rows: d.q, pick: d.learned}
	switch d.kind {
	case pairSource:
		if s.Supervised || s.Distinct {
			return nil, nil, errors.New("--supervised and --distinct need classes, which pairs have not")
		}
		p := &dataset.VectorPairs{Queries: q, Documents: &part{rows: d.k, pick: d.learned}, Augment: d.augment, Seed: s.Seed, Workers: workers}
		if d.same != nil { // a document is no negative of the other queries that it belongs to
			p.DocumentIDs, p.NoDuplicates = pickInts(d.same, d.learned), s.Batch <= d.documents()
		}
		return p, nil, nil
	case tripletSource:
		var learned [][3]int
		for _, i := range d.learned {
			learned = append(learned, d.triplets[i])
		}
		return &dataset.VectorTriplets{Rows: d.q, Triplets: learned, Augment: d.augment, Seed: s.Seed, Workers: workers}, train.Triplets, nil
	}
	labels := d.labelsOf(d.learned)
	if labels == nil && (s.byLabel() || s.Supervised || s.Distinct) {
		return nil, nil, fmt.Errorf("%s has no classes, which --loss %s, --supervised or --distinct need: --labels FILE, or one of --loss %s", d.paths[0], s.Loss, lossNames(false))
	}
	if labels == nil || !s.byLabel() {
		if err := s.checkDistinct(labels); err != nil {
			return nil, nil, err
		}
		return &dataset.VectorViews{Rows: q, Labels: labels, Augment: d.augment, Seed: s.Seed, Each: s.Views, Match: s.Supervised, NoDuplicates: s.Distinct, Workers: workers}, nil, nil
	}
	perClass, err := s.perClass(distinct(labels))
	if err != nil {
		return nil, nil, err
	}
	return &dataset.VectorClasses{Rows: q, Labels: labels, Augment: d.augment, Seed: s.Seed, PerClass: perClass, Workers: workers}, train.Labelled, nil
}

// documents returns how many different documents there are to train on.
func (d *rowCorpus) documents() int {
	if d.same == nil {
		return len(d.learned)
	}
	return distinct(pickInts(d.same, d.learned))
}

// labelsOf returns the labels of rows, or nil where they are not known.
func (d *rowCorpus) labelsOf(rows []int) []int {
	if d.labels == nil {
		return nil
	}
	return pickInts(d.labels, rows)
}
