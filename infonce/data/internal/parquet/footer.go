// Package parquet reads columns of numbers, of lists of numbers and of text from Parquet files
// (github.com/apache/parquet-format).
//
// The metadata are decoded by parquet-go, after the lengths of their lists have been checked. The
// pages are decoded here, because the library takes as much memory as they ask for: 8 GiB for a run
// of six bytes.
package parquet

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
	"github.com/contrast-go/contrast/infonce/data/internal/number"
)

const (
	magic = "PAR1"

	// maxFooter is the most bytes of the footer, which describes the columns. 10,000 columns of
	// numbers take 3 MiB, with what pandas and Arrow add.
	maxFooter = 8 << 20
)

// A Column is a leaf of the schema.
type Column struct {
	Name   string      // of the field of the table that it is, or lies in
	Number number.Type // of its values; the zero Type if they are no numbers
	Text   bool        // its values are text

	index          int // among the columns of each group of rows
	depth          int // 1 for a field of the table
	maxRep, maxDef int // levels: how many of the fields around it are repeated, or not required
	kind           format.Type
}

// Plain reports whether the column has one value a row.
func (c Column) Plain() bool { return c.depth == 1 && c.maxRep == 0 }

// List reports whether the column has a list of numbers a row.
func (c Column) List() bool { return c.maxRep == 1 && c.depth <= 3 && c.Number.Size > 0 }

// Type returns the physical type of the values, for errors.
func (c Column) Type() string { return c.kind.String() }

// A File is a file whose footer has been read.
type File struct {
	Columns []Column
	Rows    int64
	End     int64 // offset of the end of the data, where the footer starts

	io.ReaderAt
	limit     int64 // the most bytes of all numbers, or of a page
	maxValues int64 // the most numbers
	groups    []rowGroup
	zstd      *zstd.Decoder // nil before it is needed
}

// The metadata of a file: the fields that are used of those that the format has. The structs of the
// library want some that writers leave out.
type (
	metadata struct {
		Schema    []format.SchemaElement `thrift:"2,required"`
		NumRows   int64                  `thrift:"3,required"`
		RowGroups []rowGroup             `thrift:"4,required"`
	}
	rowGroup struct {
		Columns []columnChunk `thrift:"1,required"`
		NumRows int64         `thrift:"3,required"`
	}
	columnChunk struct {
		FilePath string         `thrift:"1,optional"`
		MetaData columnMetaData `thrift:"3,required"`
	}
	columnMetaData struct {
		Type                 format.Type             `thrift:"1,required"`
		Codec                format.CompressionCodec `thrift:"4,required"`
		NumValues            int64                   `thrift:"5,required"`
		TotalCompressedSize  int64                   `thrift:"7,required"`
		DataPageOffset       int64                   `thrift:"9,required"`
		DictionaryPageOffset int64                   `thrift:"11,optional"`
	}
)

// Open reads the footer at the end of a file.
func Open(f io.ReaderAt, size int64) (*File, error) {
	if size < 12 {
		return nil, input.Short(io.ErrUnexpectedEOF, size, 12)
	}
	head, tail := make([]byte, 4), make([]byte, 8)
	if err := input.ReadAt(f, head, 0); err != nil {
		return nil, err
	}
	if err := input.ReadAt(f, tail, size-8); err != nil {
		return nil, err
	}
	for _, m := range []struct {
		at  int64
		got string
	}{{0, string(head)}, {size - 4, string(tail[4:])}} {
		if m.got != magic {
			return nil, input.Malformed(m.at, "magic", input.Quoted(m.got), input.Quoted(magic))
		}
	}
	length := int64(binary.LittleEndian.Uint32(tail))
	if limit := min(maxFooter, size-12); length > limit {
		return nil, input.Malformed(size-8, "length of footer", length, fmt.Sprintf("at most %d", limit))
	}
	p := &File{ReaderAt: f, limit: min(input.Limit(size), math.MaxInt), End: size - 8 - length}
	p.maxValues = p.limit / 4
	text := make([]byte, length)
	if err := input.ReadAt(f, text, p.End); err != nil {
		return nil, err
	}
	var m metadata
	n, err := decodeThrift(text, p.End, "footer", &m)
	if err != nil {
		return nil, err
	}
	if int64(n) != length {
		return nil, input.Malformed(p.End+int64(n), "footer", fmt.Sprintf("%d bytes", n), fmt.Sprintf("%d as its length says", length))
	}
	if p.Columns, err = p.columns(m.Schema); err != nil {
		return nil, err
	}
	p.Rows, p.groups = m.NumRows, m.RowGroups
	left := p.Rows
	for i, g := range p.groups {
		if len(g.Columns) != len(p.Columns) {
			return nil, input.Malformed(p.End, fmt.Sprintf("columns of group %d of rows", i), len(g.Columns), fmt.Sprintf("the %d of the schema", len(p.Columns)))
		}
		if g.NumRows < 0 || g.NumRows > left {
			return nil, input.Malformed(p.End, fmt.Sprintf("rows of group %d", i), g.NumRows, fmt.Sprintf("at most the %d that are left", left))
		}
		left -= g.NumRows
	}
	switch {
	case p.Rows < 1:
		return nil, input.Malformed(p.End, "number of rows", p.Rows, "at least 1")
	case left > 0:
		return nil, input.Malformed(p.End, "number of rows", p.Rows, fmt.Sprintf("the %d of all groups", p.Rows-left))
	}
	return p, nil
}

// columns returns the leaves of a schema, which is a tree in depth-first order.
func (p *File) columns(schema []format.SchemaElement) (leaves []Column, err error) {
	const deepest = 32
	next := 0
	var visit func(in Column) error
	visit = func(in Column) error {
		if next == len(schema) {
			return input.Malformed(p.End, "schema", fmt.Sprintf("%d elements", len(schema)), "as many as it has children")
		}
		e := &schema[next]
		next++
		if in.depth > deepest {
			return input.Malformed(p.End, "schema", "more", fmt.Sprintf("at most %d groups in each other", deepest))
		}
		if in.depth == 1 {
			in.Name = e.Name
		}
		if in.depth > 0 {
			switch e.RepetitionType.V {
			case format.Required:
			case format.Repeated:
				in.maxRep++
				in.maxDef++
			case format.Optional:
				in.maxDef++
			default:
				return input.Malformed(p.End, "repetition of "+input.Quoted(e.Name), int32(e.RepetitionType.V), "from 0 to 2")
			}
		}
		in.depth++
		children := e.NumChildren.V
		if e.Type.Valid {
			if children != 0 || in.depth == 1 {
				return input.Malformed(p.End, "schema", "a type of the group "+input.Quoted(e.Name), "none")
			}
			in.depth--
			in.index, in.kind = len(leaves), e.Type.V
			in.Number, in.Text = leafType(e)
			leaves = append(leaves, in)
			return nil
		}
		if children < 1 {
			return input.Malformed(p.End, "children of "+input.Quoted(e.Name), children, "at least 1")
		}
		for range children {
			if err := visit(in); err != nil {
				return err
			}
		}
		return nil
	}
	if err := visit(Column{}); err != nil {
		return nil, err
	}
	if next != len(schema) {
		return nil, input.Malformed(p.End, "schema", fmt.Sprintf("%d elements", len(schema)), fmt.Sprintf("%d as it has children", next))
	}
	return leaves, nil
}

// leafType returns the type of the numbers of a column, or whether it is text.
func leafType(e *format.SchemaElement) (of number.Type, text bool) {
	integer := e.LogicalType.Value == nil
	unsigned := false
	switch t := e.LogicalType.Value.(type) {
	case *format.IntType:
		integer, unsigned = true, !t.IsSigned
	case *format.Float16Type:
		if e.Type.V == format.FixedLenByteArray && e.TypeLength.V == 2 {
			return number.Float16, false
		}
	case *format.StringType, *format.EnumType:
		text = e.Type.V == format.ByteArray
	}
	if c := e.ConvertedType; c.Valid {
		switch c.V {
		case deprecated.UTF8, deprecated.Enum:
			text = e.Type.V == format.ByteArray
		case deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64:
			unsigned = true
		case deprecated.Int8, deprecated.Int16, deprecated.Int32, deprecated.Int64:
		default: // a date, or a fixed-point number
			integer = false
		}
	}
	switch {
	case e.Type.V == format.Float:
		of = number.Float32
	case e.Type.V == format.Double:
		of = number.Float64
	case !integer:
	case e.Type.V == format.Int32 && unsigned:
		of = number.Uint32
	case e.Type.V == format.Int32:
		of = number.Int32
	case e.Type.V == format.Int64 && unsigned:
		of = number.Uint64
	case e.Type.V == format.Int64:
		of = number.Int64
	}
	return of, text
}
