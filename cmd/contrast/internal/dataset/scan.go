package dataset

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/simd"
)

const (
	// Files of up to so many bytes are read whole before a run begins, so that what is wrong
	// with them is told then. In larger files it is told when it is met.
	maxScanned = 1 << 30

	readRows = 256 // at a time
)

// scan reads all rows to find numbers that are not finite, and documents that are the same.
func (d *Vectors) scan() error {
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
			d.same = Evenly(d.k.Len(), d.k.Len())
		}
		d.same[documents[i].row] = d.same[documents[i-1].row]
	}
	return nil
}

func isScanned(r *data.Vectors) bool { return int64(r.Len()) <= maxScanned/4/int64(r.Dim()) }

// eachRow calls f with each row of a file, unless it is too large to be scanned.
func eachRow(r *data.Vectors, f func(row int, x []float32)) error {
	if !isScanned(r) {
		return nil
	}
	x := simd.NewMatrix(min(r.Len(), readRows), r.Dim())
	for first := 0; first < r.Len(); first += readRows {
		some := x.Slice(0, min(readRows, r.Len()-first))
		if err := r.Read(some, first); err != nil {
			return err
		}
		for i := range some.Rows {
			f(first+i, some.Row(i))
		}
	}
	return nil
}

// A part is the rows of a file that pick lists, in its order.
type part struct {
	rows *data.Vectors
	pick []int
	at   []int
}

func (p *part) Len() int { return len(p.pick) }
func (p *part) Dim() int { return p.rows.Dim() }

// Gather stores rows of the part in those of dst.
func (p *part) Gather(dst simd.Matrix, indices []int) error {
	p.at = p.at[:0]
	for _, i := range indices {
		p.at = append(p.at, p.pick[i])
	}
	return p.rows.Gather(dst, p.at)
}

// load returns the given rows.
func load(r *data.Vectors, rows []int) (simd.Matrix, error) {
	x := simd.NewMatrix(len(rows), r.Dim())
	return x, r.Gather(x, rows)
}
