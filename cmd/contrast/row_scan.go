package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/simd"
)

// scanned is the most bytes of a file that is read before all else, so that what is wrong with it is told then. Of larger
// files that is told when it is met.
const scanned = 1 << 30

// scan reads all rows, for what is no number in them and for documents that are the same.
func (d *rowCorpus) scan() error {
	nothing := func(int, []float32) {}
	if err := eachRow(d.q, nothing); err != nil || d.k == nil {
		return err
	}
	type document struct {
		hash uint64
		row  int
	}
	var documents []document
	if isScanned(d.k) {
		documents = make([]document, 0, d.k.Len())
	}
	b := make([]byte, 4*d.k.Dim())
	err := eachRow(d.k, func(row int, x []float32) {
		for i, v := range x {
			binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
		}
		h := sha256.Sum256(b)
		documents = append(documents, document{binary.LittleEndian.Uint64(h[:]), row})
	})
	if err != nil {
		return err
	}
	slices.SortFunc(documents, func(a, b document) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.row, b.row)) })
	for i := 1; i < len(documents); i++ {
		if documents[i].hash != documents[i-1].hash {
			continue
		}
		if d.same == nil {
			d.same = evenly(d.k.Len(), d.k.Len())
		}
		d.same[documents[i].row] = d.same[documents[i-1].row]
	}
	return nil
}

func isScanned(r *data.Rows) bool { return int64(r.Len()) <= scanned/4/int64(r.Dim()) }

// eachRow calls f with each row of a file that is not too large.
func eachRow(r *data.Rows, f func(row int, x []float32)) error {
	if !isScanned(r) {
		return nil
	}
	x := simd.NewMatrix(min(r.Len(), examRows), r.Dim())
	for first := 0; first < r.Len(); first += examRows {
		some := x.Slice(0, min(examRows, r.Len()-first))
		if err := r.Read(some, first); err != nil {
			return err
		}
		for i := range some.Rows {
			f(first+i, some.Row(i))
		}
	}
	return nil
}

// A part is some of the rows of a file, in the order of pick.
type part struct {
	rows *data.Rows
	pick []int
	at   []int
}

func (p *part) Len() int { return len(p.pick) }
func (p *part) Dim() int { return p.rows.Dim() }

// Gather stores rows in those of dst.
func (p *part) Gather(dst simd.Matrix, indices []int) error {
	p.at = p.at[:0]
	for _, i := range indices {
		p.at = append(p.at, p.pick[i])
	}
	return p.rows.Gather(dst, p.at)
}

// load returns the given rows.
func load(r *data.Rows, rows []int) (simd.Matrix, error) {
	x := simd.NewMatrix(len(rows), r.Dim())
	return x, r.Gather(x, rows)
}

func pickInts(x, at []int) []int {
	y := make([]int, len(at))
	for i, a := range at {
		y[i] = x[a]
	}
	return y
}
