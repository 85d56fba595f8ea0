package parquet

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
)

const (
	// maxPageHeader is the most bytes of the header of a page. It has statistics, in which writers
	// cut long texts.
	maxPageHeader = 64 << 10

	// MaxTexts is the most texts of a dictionary, or of a page of DELTA_LENGTH_BYTE_ARRAY.
	MaxTexts = 1 << 17
)

// A chunk is the pages of a column in a group of rows.
type chunk struct {
	*File
	Column
	codec format.CompressionCodec
	at    int64 // of the next page
	stop  int64 // end of the last page
	left  int64 // values not yet read
	dict  values

	packed, plain []byte // of a page
}

// chunk returns the pages of a column in a group of rows.
func (p *File) chunk(l Column, group int) (*chunk, error) {
	c := &p.groups[group].Columns[l.index]
	m := &c.MetaData
	what := fmt.Sprintf("column %s of group %d", input.Quoted(l.Name), group)
	start := m.DataPageOffset
	if d := m.DictionaryPageOffset; d > 0 && d < start {
		start = d
	}
	rows := p.groups[group].NumRows
	switch {
	case c.FilePath != "":
		return nil, input.Malformed(p.End, what, "another file "+input.Quoted(c.FilePath), "none")
	case m.Type != l.kind:
		return nil, input.Malformed(p.End, "type of "+what, m.Type, l.kind)
	case start < 4 || start > p.End:
		return nil, input.Malformed(p.End, "offset of "+what, start, fmt.Sprintf("from 4 to %d", p.End))
	case m.TotalCompressedSize < 0 || m.TotalCompressedSize > p.End-start:
		return nil, input.Malformed(p.End, "size of "+what, m.TotalCompressedSize, fmt.Sprintf("at most the %d bytes to the footer", p.End-start))
	case m.NumValues < rows || l.maxRep == 0 && m.NumValues != rows:
		return nil, input.Malformed(p.End, "number of values of "+what, m.NumValues, fmt.Sprintf("as many as its %d rows", rows))
	case m.NumValues > p.maxValues:
		return nil, input.Malformed(p.End, "number of values of "+what, m.NumValues, fmt.Sprintf("at most %d", p.maxValues))
	}
	switch m.Codec {
	case format.Uncompressed, format.Snappy, format.Gzip, format.Zstd, format.Brotli, format.Lz4Raw:
	default:
		return nil, input.Malformed(p.End, "compression of "+what, m.Codec, "none, snappy, gzip, zstd, brotli or LZ4_RAW")
	}
	return &chunk{File: p, Column: l, codec: m.Codec, at: start, stop: start + m.TotalCompressedSize, left: m.NumValues}, nil
}

// A page is a part of a chunk.
type page struct {
	at       int64 // offset
	n        int
	rep, def hybrid // levels
	values   values
}

// values are the values of a page or of a dictionary.
type values struct {
	b      []byte
	size   int      // bytes of each, 0 for text
	text   [][]byte // of a dictionary, or of DELTA_LENGTH_BYTE_ARRAY
	n      int      // of a dictionary
	lookup *hybrid  // indices into a dictionary, nil if b or text has the values themselves
	from   *values  // that dictionary
}

// next returns the next page with values, nil at the end.
func (c *chunk) next() (*page, error) {
	for {
		if c.left == 0 {
			return nil, nil
		}
		at := c.at
		head := make([]byte, min(maxPageHeader, c.stop-at, 1<<10))
		var h format.PageHeader
		n, err := c.header(head, at, &h)
		if err != nil && int64(len(head)) < min(maxPageHeader, c.stop-at) {
			n, err = c.header(make([]byte, min(maxPageHeader, c.stop-at)), at, &h)
		}
		if err != nil {
			return nil, err
		}
		c.at += int64(n)
		packed, plain := int64(h.CompressedPageSize), int64(h.UncompressedPageSize)
		switch {
		case packed < 0 || packed > c.stop-c.at:
			return nil, input.Malformed(at, "compressed size of page", packed, fmt.Sprintf("at most the %d bytes to the end of the column", c.stop-c.at))
		case plain < 0 || plain > c.limit:
			return nil, input.Malformed(at, "size of page", plain, fmt.Sprintf("at most %d", c.limit))
		}
		if int64(cap(c.packed)) < packed {
			c.packed = make([]byte, packed)
		}
		b := c.packed[:packed]
		if err := input.ReadAt(c, b, c.at); err != nil {
			return nil, err
		}
		c.at += packed
		if h.CRC != 0 && crc32.ChecksumIEEE(b) != uint32(h.CRC) {
			return nil, input.Malformed(at, "checksum of page", fmt.Sprintf("%#08x", crc32.ChecksumIEEE(b)), fmt.Sprintf("%#08x", uint32(h.CRC)))
		}
		var p *page
		switch {
		case h.Type == format.DictionaryPage && h.DictionaryPageHeader.Valid:
			if err := c.dictionary(at, b, int(plain), &h.DictionaryPageHeader.V); err != nil {
				return nil, err
			}
			continue
		case h.Type == format.DataPage && h.DataPageHeader.Valid:
			p, err = c.pageV1(at, b, int(plain), &h.DataPageHeader.V)
		case h.Type == format.DataPageV2 && h.DataPageHeaderV2.Valid:
			p, err = c.pageV2(at, b, int(plain), &h.DataPageHeaderV2.V)
		case h.Type == format.IndexPage:
			continue
		default:
			return nil, input.Malformed(at, "type of page", int32(h.Type), "a header for it")
		}
		if err != nil {
			return nil, err
		}
		c.left -= int64(p.n)
		if p.n > 0 {
			return p, nil
		}
	}
}

// header reads the header of a page into h, and returns its length.
func (c *chunk) header(b []byte, at int64, h *format.PageHeader) (int, error) {
	if err := input.ReadAt(c, b, at); err != nil {
		return 0, err
	}
	*h = format.PageHeader{}
	return decodeThrift(b, at, "header of page", h)
}

// unpack decompresses b to size bytes, in memory that c keeps.
func (c *chunk) unpack(at int64, b []byte, size int) ([]byte, error) {
	if c.codec == format.Uncompressed {
		if len(b) != size {
			return nil, input.Malformed(at, "size of page", fmt.Sprintf("%d bytes", len(b)), size)
		}
		return b, nil
	}
	if cap(c.plain) < size {
		c.plain = make([]byte, size)
	}
	plain := c.plain[:size]
	var n int
	var err error
	switch c.codec {
	case format.Snappy:
		if n, err = snappy.DecodedLen(b); err == nil && n == size {
			_, err = snappy.Decode(plain, b)
		}
	case format.Gzip:
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(b)); err == nil {
			n, err = inflate(plain, z)
		}
	case format.Brotli:
		n, err = inflate(plain, brotli.NewReader(bytes.NewReader(b)))
	case format.Lz4Raw:
		n, err = lz4.UncompressBlock(b, plain)
	case format.Zstd:
		if c.zstd == nil {
			if c.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(uint64(c.limit))); err != nil {
				return nil, err
			}
		}
		var all []byte
		if all, err = c.zstd.DecodeAll(b, plain[:0]); err == nil {
			n, plain = len(all), all
		}
	}
	if err != nil {
		return nil, fmt.Errorf("offset %d: page: %w", at, err)
	}
	if n != size {
		return nil, input.Malformed(at, "size of page", fmt.Sprintf("%d bytes", n), size)
	}
	return plain, nil
}

// inflate decompresses b by gzip into dst, and returns how many bytes there are, counting at most
// one more than fits.
func inflate(dst []byte, z io.Reader) (int, error) {
	n, err := io.ReadFull(z, dst)
	if err == io.EOF || err == io.ErrUnexpectedEOF && n > 0 {
		return n, nil
	}
	if err != nil {
		return 0, err
	}
	k, err := io.ReadFull(z, make([]byte, 1)) // compares the checksum
	if err == io.EOF {
		err = nil
	}
	return n + k, err
}

// dictionary reads the page with the values that indices in other pages refer to.
func (c *chunk) dictionary(at int64, b []byte, size int, h *format.DictionaryPageHeader) error {
	b, err := c.unpack(at, b, size)
	switch {
	case err != nil:
		return err
	case c.dict.n > 0:
		return input.Malformed(at, "dictionary", "two", "one of the column")
	case h.Encoding != format.Plain && h.Encoding != format.PlainDictionary:
		return input.Malformed(at, "encoding of dictionary", h.Encoding, format.Plain)
	}
	v := values{b: bytes.Clone(b), n: int(h.NumValues), size: c.Number.Size}
	if v.n < 1 || int64(v.n) > int64(len(b)) {
		return input.Malformed(at, "length of dictionary", v.n, fmt.Sprintf("from 1 to its %d bytes", len(b)))
	}
	if c.Text {
		if limit := min(len(b)/4, MaxTexts); v.n > limit {
			return input.Malformed(at, "length of dictionary", v.n, fmt.Sprintf("at most %d names in %d bytes", limit, len(b)))
		}
		rest := values{b: v.b}
		for range v.n {
			name, err := rest.next()
			if err != nil {
				return fmt.Errorf("offset %d: dictionary: %w", at, err)
			}
			v.text = append(v.text, name)
		}
	} else if v.n*v.size != len(b) {
		return input.Malformed(at, "length of dictionary", fmt.Sprintf("%d bytes", len(b)), fmt.Sprintf("%d values of %s", v.n, c.Number.Name))
	}
	c.dict = v
	return nil
}

// pageV1 reads a page whose levels are compressed with its values.
func (c *chunk) pageV1(at int64, b []byte, size int, h *format.DataPageHeader) (*page, error) {
	b, err := c.unpack(at, b, size)
	if err != nil {
		return nil, err
	}
	p := &page{at: at}
	for _, level := range []struct {
		levels   *hybrid
		high     int
		encoding format.Encoding
	}{{&p.rep, c.maxRep, h.RepetitionLevelEncoding}, {&p.def, c.maxDef, h.DefinitionLevelEncoding}} {
		if level.high == 0 {
			continue
		}
		if level.encoding != format.RLE {
			return nil, input.Malformed(at, "encoding of levels", level.encoding, format.RLE)
		}
		if len(b) < 4 || int64(binary.LittleEndian.Uint32(b)) > int64(len(b)-4) {
			return nil, input.Malformed(at, "length of levels", "more", fmt.Sprintf("at most the %d bytes of the page", len(b)))
		}
		n := int(binary.LittleEndian.Uint32(b))
		*level.levels = hybrid{b: b[4 : 4+n], width: bitWidth(level.high)}
		b = b[4+n:]
	}
	return p, c.finish(p, b, h.NumValues, h.Encoding)
}

// pageV2 reads a page whose levels are not compressed.
func (c *chunk) pageV2(at int64, b []byte, size int, h *format.DataPageHeaderV2) (*page, error) {
	rep, def := int64(h.RepetitionLevelsByteLength), int64(h.DefinitionLevelsByteLength)
	if rep < 0 || def < 0 || rep+def > int64(len(b)) || rep+def > int64(size) {
		return nil, input.Malformed(at, "length of levels", fmt.Sprintf("%d and %d", rep, def), fmt.Sprintf("at most the %d bytes of the page", len(b)))
	}
	if h.NumNulls != 0 {
		return nil, input.Malformed(at, "number of nulls", h.NumNulls, "none")
	}
	p := &page{at: at}
	p.rep = hybrid{b: b[:rep], width: bitWidth(c.maxRep)}
	p.def = hybrid{b: b[rep : rep+def], width: bitWidth(c.maxDef)}
	b = b[rep+def:]
	if h.IsCompressed.Valid && !h.IsCompressed.V {
		if int64(len(b)) != int64(size)-rep-def {
			return nil, input.Malformed(at, "size of page", fmt.Sprintf("%d bytes", len(b)), int64(size)-rep-def)
		}
	} else {
		var err error
		if b, err = c.unpack(at, b, size-int(rep+def)); err != nil {
			return nil, err
		}
	}
	return p, c.finish(p, b, h.NumValues, h.Encoding)
}

// finish sets the n values of a page, which b holds.
func (c *chunk) finish(p *page, b []byte, n int32, encoding format.Encoding) error {
	if n < 0 || int64(n) > c.left {
		return input.Malformed(p.at, "number of values of page", n, fmt.Sprintf("at most the %d that are left of the column", c.left))
	}
	p.n = int(n)
	if err := p.defined(c); err != nil {
		return err
	}
	p.values = values{b: b, size: c.Number.Size}
	switch encoding {
	case format.Plain:
		if !c.Text && len(b) != p.n*c.Number.Size {
			return input.Malformed(p.at, "size of values", fmt.Sprintf("%d bytes", len(b)), fmt.Sprintf("%d values of %s", p.n, c.Number.Name))
		}
		return nil
	case format.PlainDictionary, format.RLEDictionary:
		switch {
		case c.dict.n == 0:
			return input.Malformed(p.at, "dictionary", "none", "one before this page")
		case len(b) < 1 || b[0] > 32:
			return input.Malformed(p.at, "bits of an index", input.Quoted(string(b[:min(1, len(b))])), "at most 32")
		}
		p.values = values{lookup: &hybrid{b: b[1:], width: int(b[0])}, from: &c.dict}
		return nil
	case format.ByteStreamSplit:
		if c.Number.Size == 0 || len(b) != p.n*c.Number.Size {
			return input.Malformed(p.at, "size of values", fmt.Sprintf("%d bytes", len(b)), fmt.Sprintf("%d numbers", p.n))
		}
		whole := make([]byte, len(b))
		for i := range whole {
			whole[i] = b[i%c.Number.Size*p.n+i/c.Number.Size]
		}
		p.values.b = whole
		return nil
	case format.DeltaBinaryPacked:
		if c.kind != format.Int32 && c.kind != format.Int64 {
			break
		}
		whole := make([]byte, 0, p.n*c.Number.Size)
		_, err := deltas(b, p.n, func(v int64) error {
			if c.Number.Size == 4 {
				whole = binary.LittleEndian.AppendUint32(whole, uint32(v))
			} else {
				whole = binary.LittleEndian.AppendUint64(whole, uint64(v))
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("offset %d: page: %w", p.at, err)
		}
		p.values.b = whole
		return nil
	case format.DeltaByteArray:
		if !c.Text {
			break
		}
		return c.prefixed(p, b)
	case format.DeltaLengthByteArray:
		if !c.Text {
			break
		}
		return p.texts(b)
	}
	return input.Malformed(p.at, "encoding", encoding, "PLAIN, RLE_DICTIONARY, BYTE_STREAM_SPLIT, or DELTA_BINARY_PACKED of integers")
}

// texts sets the values of a page of DELTA_LENGTH_BYTE_ARRAY: all lengths and then all texts.
func (p *page) texts(b []byte) error {
	if p.n > MaxTexts {
		return input.Malformed(p.at, "number of names of page", p.n, fmt.Sprintf("at most %d", MaxTexts))
	}
	var lengths []int
	total := 0
	rest, err := deltas(b, p.n, func(v int64) error {
		if v < 0 || v > int64(len(b)-total) {
			return fmt.Errorf("length of text: got %d, want at most the %d bytes of the page", v, len(b)-total)
		}
		total += int(v)
		lengths = append(lengths, int(v))
		return nil
	})
	if err == nil && total > len(rest) {
		err = fmt.Errorf("length of text: got %d bytes, want at most %d", total, len(rest))
	}
	if err != nil {
		return fmt.Errorf("offset %d: page: %w", p.at, err)
	}
	p.values.text = make([][]byte, p.n)
	for i, n := range lengths {
		p.values.text[i], rest = rest[:n], rest[n:]
	}
	return nil
}

// prefixed sets the values of a page of DELTA_BYTE_ARRAY: how much of the text before each one
// begins with, and the rest of it.
func (c *chunk) prefixed(p *page, b []byte) error {
	var prefixes []int64
	b, err := deltas(b, min(p.n, MaxTexts+1), func(v int64) error {
		prefixes = append(prefixes, v)
		return nil
	})
	if err != nil {
		return fmt.Errorf("offset %d: page: %w", p.at, err)
	}
	if err := p.texts(b); err != nil {
		return err
	}
	var before []byte
	room := c.limit
	for i, rest := range p.values.text {
		n := prefixes[i]
		if n < 0 || n > int64(len(before)) {
			return input.Malformed(p.at, fmt.Sprintf("prefix of text %d", i), n, fmt.Sprintf("at most the %d bytes of the one before", len(before)))
		}
		if room -= n; room < 0 {
			return input.Malformed(p.at, "length of texts", "more", fmt.Sprintf("at most %d", c.limit))
		}
		if n > 0 {
			rest = append(append(make([]byte, 0, int(n)+len(rest)), before[:n]...), rest...)
		}
		p.values.text[i], before = rest, rest
	}
	return nil
}

// defined returns an error if there is a null in a page.
func (p *page) defined(c *chunk) error {
	if c.maxDef == 0 {
		return nil
	}
	for i := range p.n {
		d, err := p.def.next()
		if err != nil {
			return fmt.Errorf("offset %d: levels: %w", p.at, err)
		}
		if int(d) != c.maxDef {
			return input.Malformed(p.at, fmt.Sprintf("value %d of page of %s", i, input.Quoted(c.Name)), "null, or an empty list", "a number or a name")
		}
	}
	return nil
}

// next returns the bytes of the next value.
func (v *values) next() ([]byte, error) {
	switch {
	case v.lookup != nil:
		i, err := v.lookup.next()
		switch {
		case err != nil:
			return nil, err
		case int64(i) >= int64(v.from.n):
			return nil, fmt.Errorf("index of dictionary: got %d, want below %d", i, v.from.n)
		case v.from.size == 0:
			return v.from.text[i], nil
		}
		return v.from.b[int(i)*v.from.size:][:v.from.size], nil
	case v.text != nil:
		text := v.text[0]
		v.text = v.text[1:]
		return text, nil
	}
	n := int64(v.size)
	if n == 0 {
		if len(v.b) < 4 {
			return nil, fmt.Errorf("length of text: got end of page, want 4 bytes")
		}
		n = int64(binary.LittleEndian.Uint32(v.b))
		v.b = v.b[4:]
	}
	if n > math.MaxInt || n > int64(len(v.b)) {
		return nil, fmt.Errorf("value: got %d bytes, want at most the %d of the page", n, len(v.b))
	}
	b := v.b[:n]
	v.b = v.b[n:]
	return b, nil
}
