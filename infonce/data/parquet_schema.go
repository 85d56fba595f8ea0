package data

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

const (
	parquetMagic = "PAR1"

	// maxFooter is the most bytes of the footer of a .parquet, which tells of its columns. 10,000
	// columns of numbers have 3 MiB, with what pandas and Arrow add.
	maxFooter = 8 << 20
)

// A leaf is a column of a .parquet.
type leaf struct {
	name           string // of the field that it is, or is in
	index          int    // among the columns of each group of rows
	depth          int    // 1 for a field of the table
	maxRep, maxDef int    // levels: how many of the fields that it is in are repeated, or not required
	kind           format.Type
	of             number // size 0 if it is no number
	text           bool
}

// A parquetFile is what the footer of a .parquet tells.
type parquetFile struct {
	io.ReaderAt
	end    int64 // of the data, where the footer starts
	rows   int64
	leaves []leaf
	groups []format.RowGroup
	zstd   *zstd.Decoder // nil before it is needed
}

// readFooter reads the footer at the end of a file.
func readFooter(f io.ReaderAt, size int64) (*parquetFile, error) {
	if size < 12 {
		return nil, short(io.ErrUnexpectedEOF, size, 12)
	}
	head, tail := make([]byte, 4), make([]byte, 8)
	if err := readAt(f, head, 0); err != nil {
		return nil, err
	}
	if err := readAt(f, tail, size-8); err != nil {
		return nil, err
	}
	for _, m := range []struct {
		at    int64
		magic string
	}{{0, string(head)}, {size - 4, string(tail[4:])}} {
		if m.magic != parquetMagic {
			return nil, malformed(m.at, "magic", quoted(m.magic), quoted(parquetMagic))
		}
	}
	length := int64(binary.LittleEndian.Uint32(tail))
	if limit := min(maxFooter, size-12); length > limit {
		return nil, malformed(size-8, "length of footer", length, fmt.Sprintf("at most %d", limit))
	}
	p := &parquetFile{ReaderAt: f, end: size - 8 - length}
	text := make([]byte, length)
	if err := readAt(f, text, p.end); err != nil {
		return nil, err
	}
	var m format.FileMetaData
	n, err := decodeThrift(text, p.end, "footer", &m)
	if err != nil {
		return nil, err
	}
	if int64(n) != length {
		return nil, malformed(p.end+int64(n), "footer", fmt.Sprintf("%d bytes", n), fmt.Sprintf("%d as its length says", length))
	}
	if p.leaves, err = p.columns(m.Schema); err != nil {
		return nil, err
	}
	p.rows, p.groups = m.NumRows, m.RowGroups
	left := p.rows
	for i, g := range p.groups {
		if len(g.Columns) != len(p.leaves) {
			return nil, malformed(p.end, fmt.Sprintf("columns of group %d of rows", i), len(g.Columns), fmt.Sprintf("the %d of the schema", len(p.leaves)))
		}
		if g.NumRows < 0 || g.NumRows > left {
			return nil, malformed(p.end, fmt.Sprintf("rows of group %d", i), g.NumRows, fmt.Sprintf("at most the %d that are left", left))
		}
		left -= g.NumRows
	}
	switch {
	case p.rows < 1:
		return nil, malformed(p.end, "number of rows", p.rows, "at least 1")
	case left > 0:
		return nil, malformed(p.end, "number of rows", p.rows, fmt.Sprintf("the %d of all groups", p.rows-left))
	}
	return p, nil
}

// columns returns the leaves of a schema, which is a tree depth first.
func (p *parquetFile) columns(schema []format.SchemaElement) (leaves []leaf, err error) {
	const deepest = 32
	next := 0
	var visit func(in leaf) error
	visit = func(in leaf) error {
		if next == len(schema) {
			return malformed(p.end, "schema", fmt.Sprintf("%d elements", len(schema)), "as many as it has children")
		}
		e := &schema[next]
		next++
		if in.depth > deepest {
			return malformed(p.end, "schema", "more", fmt.Sprintf("at most %d groups in each other", deepest))
		}
		if in.depth == 1 {
			in.name = e.Name
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
				return malformed(p.end, "repetition of "+quoted(e.Name), int32(e.RepetitionType.V), "from 0 to 2")
			}
		}
		in.depth++
		children := e.NumChildren.V
		if e.Type.Valid {
			if children != 0 || in.depth == 1 {
				return malformed(p.end, "schema", "a type of the group "+quoted(e.Name), "none")
			}
			in.depth--
			in.index, in.kind = len(leaves), e.Type.V
			in.of, in.text = leafType(e)
			leaves = append(leaves, in)
			return nil
		}
		if children < 1 {
			return malformed(p.end, "children of "+quoted(e.Name), children, "at least 1")
		}
		for range children {
			if err := visit(in); err != nil {
				return err
			}
		}
		return nil
	}
	if err := visit(leaf{}); err != nil {
		return nil, err
	}
	if next != len(schema) {
		return nil, malformed(p.end, "schema", fmt.Sprintf("%d elements", len(schema)), fmt.Sprintf("%d as it has children", next))
	}
	return leaves, nil
}

// leafType returns the type of the numbers of a column, or whether it is text.
func leafType(e *format.SchemaElement) (of number, text bool) {
	integer := e.LogicalType.Value == nil
	unsigned := false
	switch t := e.LogicalType.Value.(type) {
	case *format.IntType:
		integer, unsigned = true, !t.IsSigned
	case *format.Float16Type:
		if e.Type.V == format.FixedLenByteArray && e.TypeLength.V == 2 {
			return float16Number, false
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
		default: // a date, or a number with a point somewhere
			integer = false
		}
	}
	switch {
	case e.Type.V == format.Float:
		of = float32Number
	case e.Type.V == format.Double:
		of = float64Number
	case !integer:
	case e.Type.V == format.Int32 && unsigned:
		of = uint32Number
	case e.Type.V == format.Int32:
		of = int32Number
	case e.Type.V == format.Int64 && unsigned:
		of = uint64Number
	case e.Type.V == format.Int64:
		of = int64Number
	}
	return of, text
}

// choose returns the columns that are rows, one of lists or else all of numbers, and that of
// labels, nil if there is none.
func (p *parquetFile) choose() (rows []leaf, labels *leaf, err error) {
	var lists, numbers []leaf
	for i, l := range p.leaves {
		list := l.maxRep == 1 && l.depth <= 3 && l.of.size > 0
		switch {
		case isLabels(l.name) && !list:
			if labels != nil {
				return nil, nil, malformed(p.end, "columns of labels", quoted(labels.name)+" and "+quoted(l.name), "one")
			}
			if l.depth > 1 || l.maxRep > 0 || !l.text && !l.of.isInteger() || l.of.size == 0 && !l.text {
				return nil, nil, malformed(p.end, "column "+quoted(l.name), l.kind, "integers or strings, one a row")
			}
			labels = &p.leaves[i]
		case list:
			lists = append(lists, l)
		case l.depth == 1 && l.maxRep == 0 && l.of.size > 0 && !strings.EqualFold(l.name, "id") && !strings.HasPrefix(l.name, "__index_level_"):
			numbers = append(numbers, l)
		}
	}
	for _, l := range lists {
		if len(lists) == 1 || l.name == rowsName || l.name == "embedding" {
			return []leaf{l}, labels, nil
		}
	}
	switch {
	case len(lists) > 0:
		return nil, nil, malformed(p.end, "columns of lists", len(lists), fmt.Sprintf(`one, or one named "embedding" or %q`, rowsName))
	case len(numbers) == 0:
		return nil, nil, malformed(p.end, "columns of numbers", "none", "a list of numbers, or at least one column")
	}
	return numbers, labels, nil
}
