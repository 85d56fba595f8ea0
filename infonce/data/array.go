package data

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
	"github.com/contrast-go/contrast/infonce/data/internal/number"
	"github.com/contrast-go/contrast/simd"
)

// arrayChunk is roughly how many bytes of a file are read at a time.
const arrayChunk = 256 << 10

// An array is a table of numbers in a file, row after row. Before each row there are head bytes
// that do not belong to its numbers.
type array struct {
	file       io.ReaderAt
	start      int64 // offset of the first row, with its head
	head       int   // 4 if a row begins with its length, else 0
	rows, cols int
	of         number.Type
	order      binary.ByteOrder

	turned bool // its rows are the columns of the table, which errors are about

	buf []byte
}

// newArray returns the array of one or two dimensions that fills a file from start to size. It
// returns an error if the shape takes more or fewer bytes. The dimensions must fit int.
func newArray(file io.ReaderAt, start, size int64, shape []int64, of number.Type, order binary.ByteOrder) (*array, error) {
	bytes, ok := product(shape, of.Size)
	switch {
	case !ok:
		return nil, input.Malformed(start, "length of data", fmt.Sprintf("%d bytes", size-start), fmt.Sprintf("more than fits in a file, for shape %d of %s", shape, of.Name))
	case bytes != size-start:
		return nil, input.Malformed(start+min(bytes, size-start), "length of data", fmt.Sprintf("%d bytes", size-start), fmt.Sprintf("%d for shape %d of %s", bytes, shape, of.Name))
	}
	a := &array{file: file, start: start, rows: int(shape[0]), cols: 1, of: of, order: order}
	if len(shape) > 1 {
		a.cols = int(shape[1])
	}
	return a, nil
}

// product returns the bytes that a shape of numbers of the given size takes. It reports whether no
// dimension is negative and the product is below 1<<63, even that of the dimensions beside a 0.
func product(shape []int64, size int) (n int64, ok bool) {
	p, zero := uint64(size), false
	for _, d := range shape {
		if d == 0 {
			zero = true
			continue
		}
		hi, lo := bits.Mul64(p, uint64(d))
		if d < 0 || hi != 0 || lo > math.MaxInt64 {
			return 0, false
		}
		p = lo
	}
	if zero {
		return 0, true
	}
	return int64(p), true
}

// checkTable returns an error unless shape has two dimensions, both above 0.
func checkTable(offset int64, shape []int64) error {
	switch {
	case len(shape) != 2:
		return input.Malformed(offset, "number of dimensions", len(shape), "2, rows and columns")
	case shape[0] < 1 || shape[1] < 1:
		return input.Malformed(offset, "shape", fmt.Sprint(shape), "at least one row and one column")
	case shape[0] > math.MaxInt || shape[1] > math.MaxInt/8:
		return input.Malformed(offset, "shape", fmt.Sprint(shape), "dimensions that fit this machine")
	}
	return nil
}

// stride returns the bytes from one row to the next.
func (a *array) stride() int64 { return int64(a.head) + int64(a.cols)*int64(a.of.Size) }

// read stores dst.Rows rows, the first being row first, in dst.
func (a *array) read(dst simd.Matrix, first int) error {
	return a.each(first, dst.Rows, func(row, col int, b []byte, at int64) error {
		return a.convert(dst.Row(row - first)[col:][:len(b)/a.of.Size], row, col, b, at)
	})
}

// convert stores the numbers in b in dst. The first of them is at a row and a column, and its bytes
// at an offset.
func (a *array) convert(dst []float32, row, col int, b []byte, at int64) error {
	a.of.Floats(dst, b, a.order)
	i := number.NonFinite(dst)
	if i < 0 {
		return nil
	}
	col += i
	if a.turned {
		row, col = col, row
	}
	i *= a.of.Size
	return input.Malformed(at+int64(i), fmt.Sprintf("number of row %d, column %d", row, col), a.of.Float64(b[i:], a.order), "a finite float32")
}

// integers calls found with each number of the array, row after row. All must be integers from 0 to
// 1<<31 − 1. Errors call them by name.
func (a *array) integers(name string, found func(v int)) error {
	return a.each(0, a.rows, func(row, col int, b []byte, at int64) error {
		for i := 0; i < len(b); i += a.of.Size {
			v, ok := a.of.Integer(b[i:], a.order)
			if !ok {
				var got any = v
				if a.of.Kind == number.Unsigned {
					got = a.of.Bits(b[i:], a.order)
				}
				return input.Malformed(at+int64(i), fmt.Sprintf("%s of row %d", name, row), got, fmt.Sprintf("an integer from 0 to %d", math.MaxInt32))
			}
			found(int(v))
		}
		return nil
	})
}

// each reads n rows, the first being row first, and calls use with the bytes of numbers of a row
// that start at column col, and their offset. A long row comes in several parts.
func (a *array) each(first, n int, use func(row, col int, b []byte, at int64) error) error {
	stride := a.stride()
	if a.buf == nil {
		a.buf = make([]byte, min(int64(a.rows)*stride, arrayChunk))
	}
	for row := first; row < first+n; {
		at := a.start + int64(row)*stride
		if stride > int64(len(a.buf)) {
			if err := a.wide(row, at, use); err != nil {
				return err
			}
			row++
			continue
		}
		k := min(int(int64(len(a.buf))/stride), first+n-row)
		b := a.buf[:int64(k)*stride]
		if err := input.ReadAt(a.file, b, at); err != nil {
			return err
		}
		for ; k > 0; k-- {
			if err := a.checkHead(row, b, at); err != nil {
				return err
			}
			if err := use(row, 0, b[a.head:stride], at+int64(a.head)); err != nil {
				return err
			}
			row, b, at = row+1, b[stride:], at+stride
		}
	}
	return nil
}

// wide is each for one row that is longer than the buffer. Its head is at an offset.
func (a *array) wide(row int, at int64, use func(row, col int, b []byte, at int64) error) error {
	head := a.buf[:a.head]
	if err := input.ReadAt(a.file, head, at); err != nil {
		return err
	}
	if err := a.checkHead(row, head, at); err != nil {
		return err
	}
	at += int64(a.head)
	for col := 0; col < a.cols; {
		k := min(len(a.buf)/a.of.Size, a.cols-col)
		b := a.buf[:k*a.of.Size]
		if err := input.ReadAt(a.file, b, at); err != nil {
			return err
		}
		if err := use(row, col, b, at); err != nil {
			return err
		}
		col, at = col+k, at+int64(len(b))
	}
	return nil
}

// checkHead returns an error if the row in b should begin with its length and does not.
func (a *array) checkHead(row int, b []byte, at int64) error {
	if a.head == 0 {
		return nil
	}
	if d := int32(binary.LittleEndian.Uint32(b)); int(d) != a.cols {
		return input.Malformed(at, fmt.Sprintf("dimension of row %d", row), d, fmt.Sprintf("%d as in row 0", a.cols))
	}
	return nil
}

// check reads all numbers of the array, which must be finite, and keeps none.
func (a *array) check() error {
	var scratch []float32
	return a.each(0, a.rows, func(row, col int, b []byte, at int64) error {
		n := len(b) / a.of.Size
		scratch = slices.Grow(scratch[:0], n)
		return a.convert(scratch[:n], row, col, b, at)
	})
}

// load reads the whole array.
func (a *array) load() (simd.Matrix, error) {
	if a.rows > math.MaxInt/8/a.cols {
		return simd.Matrix{}, fmt.Errorf("%d rows of %d columns do not fit in memory", a.rows, a.cols)
	}
	m := simd.NewMatrix(a.rows, a.cols)
	if err := a.read(m, 0); err != nil {
		return simd.Matrix{}, err
	}
	return m, nil
}
