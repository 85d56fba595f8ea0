package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
	"github.com/contrast-go/contrast/simd"
)

// parquetBytes returns a file of those rows, as the library writes it.
func parquetBytes[T any](rows []T, options ...parquet.WriterOption) []byte {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, options...)
	if _, err := w.Write(rows); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// A listRow is a row of a list, with a name.
type listRow struct {
	ID    int64     `parquet:"id"`
	Label string    `parquet:"label"`
	Text  string    `parquet:"text"`
	X     []float32 `parquet:"embedding,list"`
	Other []int32   `parquet:"tokens,list"`
}

// listRows returns rows of dim numbers, and what is to be read of them.
func listRows(n, dim int) (rows []listRow, want simd.Matrix, labels []int, classes []string) {
	rng := rand.New(rand.NewPCG(1, 2))
	want = simd.NewMatrix(n, dim)
	classes = []string{"a, b", "cat", "dog"}
	for i := range n {
		for j := range dim {
			want.Row(i)[j] = float32(rng.IntN(1000)) / 8
		}
		labels = append(labels, rng.IntN(3))
		rows = append(rows, listRow{int64(i), classes[labels[i]], fmt.Sprint(i), want.Row(i), make([]int32, i%4)})
	}
	return rows, want, labels, classes
}

// checkParquet requires a file to hold those rows and labels.
func checkParquet(t *testing.T, file []byte, want simd.Matrix, labels []int, classes []string) {
	t.Helper()
	path := saveFile(t, "a.parquet", file)
	checkVectors(t, path, want)
	r, err := OpenVectors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if !reflect.DeepEqual(r.Labels(), labels) || !reflect.DeepEqual(r.Classes(), classes) {
		t.Errorf("labels %v of %q, want %v of %q", r.Labels(), r.Classes(), labels, classes)
	}
}

func TestParquetLists(t *testing.T) {
	codecs := map[string]compress.Codec{"none": &parquet.Uncompressed, "snappy": &parquet.Snappy, "gzip": &parquet.Gzip, "zstd": &parquet.Zstd, "brotli": &parquet.Brotli, "lz4": &parquet.Lz4Raw}
	for name, codec := range codecs {
		for _, version := range []int{1, 2} {
			for _, pages := range []int{100, 1 << 20} {
				for _, group := range []int64{7, 1000} {
					t.Run(fmt.Sprint(name, version, pages, group), func(t *testing.T) {
						rows, want, labels, classes := listRows(100, 13)
						checkParquet(t, parquetBytes(rows, parquet.Compression(codec), parquet.DataPageVersion(version),
							parquet.PageBufferSize(pages), parquet.MaxRowsPerRowGroup(group)), want, labels, classes)
					})
				}
			}
		}
	}
}

func TestParquetTypes(t *testing.T) {
	want := matrix(3, 2, 1, 2, 3, 4, 5, 6)
	three, pets := []int{7, 0, 7}, []string{"cat", "dog"}
	type columns struct {
		A     float32 `parquet:"a"`
		Label int64   `parquet:"Label"`
		B     float64 `parquet:"b"`
		Text  string  `parquet:"text"`
		ID    int32   `parquet:"ID"`
		Index int64   `parquet:"__index_level_0__"`
	}
	type integers struct {
		A int32  `parquet:"a,delta"`
		B uint64 `parquet:"b,dict"`
		C int64  `parquet:"class,delta"`
	}
	type repeated struct {
		X []float64 `parquet:"x"`
		L string    `parquet:"labels,dict"`
	}
	type split struct {
		A float64 `parquet:"a,split"`
		B float32 `parquet:"b,split"`
	}
	type dictionary struct {
		X []float32 `parquet:"x,dict"`
		L *uint32   `parquet:"label"`
	}
	type optional struct {
		A *float32 `parquet:"a,optional"`
		B *int32   `parquet:"b,optional,dict"`
		L *string  `parquet:"label,optional"`
	}
	type several struct {
		X []float32 `parquet:"embeddings"`
		Y []float32 `parquet:"y"`
	}
	type bytes8 struct {
		X []int8 `parquet:"x,list"`
		L string `parquet:"label,plain"`
	}
	f := func(v float32) *float32 { return &v }
	n := func(v int32) *int32 { return &v }
	u := func(v uint32) *uint32 { return &v }
	s := func(v string) *string { return &v }
	for _, test := range []struct {
		name    string
		file    []byte
		labels  []int
		classes []string
	}{
		{"columns", parquetBytes([]columns{{1, 7, 2, "x", 9, 9}, {3, 0, 4, "y", 9, 9}, {5, 7, 6, "z", 9, 9}}), three, nil},
		{"integers", parquetBytes([]integers{{1, 2, 7}, {3, 4, 0}, {5, 6, 7}}), three, nil},
		{"repeated", parquetBytes([]repeated{{[]float64{1, 2}, "dog"}, {[]float64{3, 4}, "cat"}, {[]float64{5, 6}, "dog"}}), []int{1, 0, 1}, pets},
		{"split", parquetBytes([]split{{1, 2}, {3, 4}, {5, 6}}), nil, nil},
		{"dictionary", parquetBytes([]dictionary{{[]float32{1, 2}, u(7)}, {[]float32{3, 4}, u(0)}, {[]float32{5, 6}, u(7)}}), three, nil},
		{"optional", parquetBytes([]optional{{f(1), n(2), s("7")}, {f(3), n(4), s("0")}, {f(5), n(6), s("7")}}), three, nil},
		{"several lists", parquetBytes([]several{{[]float32{1, 2}, nil}, {[]float32{3, 4}, nil}, {[]float32{5, 6}, nil}}), nil, nil},
		{"bytes", parquetBytes([]bytes8{{[]int8{1, 2}, "dog"}, {[]int8{3, 4}, "cat"}, {[]int8{5, 6}, "dog"}}), []int{1, 0, 1}, pets},
	} {
		t.Run(test.name, func(t *testing.T) { checkParquet(t, test.file, want, test.labels, test.classes) })
	}
	labels, classes, err := ReadLabels(saveFile(t, "a.parquet", parquetBytes([]repeated{{[]float64{1}, "dog"}, {[]float64{3}, "cat"}})))
	if err != nil || !slices.Equal(labels, []int{1, 0}) || !slices.Equal(classes, pets) {
		t.Errorf("labels %v of %q, error %v", labels, classes, err)
	}
}

// TestParquetDeltas has integers in many blocks, whose differences need up to 64 bits.
func TestParquetDeltas(t *testing.T) {
	type row struct {
		X int64 `parquet:"x,delta"`
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 2, 128, 129, 1000} {
		for _, width := range []int{1, 5, 33, 62} {
			rows := make([]row, n)
			want := simd.NewMatrix(n, 1)
			for i := range rows {
				rows[i].X = rng.Int64N(1<<width) - rng.Int64N(1<<width)
				want.Data[i] = float32(float64(rows[i].X))
			}
			checkParquet(t, parquetBytes(rows), want, nil, nil)
		}
	}
}

// refooted returns a file of the library with another footer.
func refooted(file []byte, change func(m *format.FileMetaData)) []byte {
	end := len(file) - 8 - int(binary.LittleEndian.Uint32(file[len(file)-8:]))
	var m format.FileMetaData
	if err := thrift.Unmarshal(new(thrift.CompactProtocol), file[end:len(file)-8], &m); err != nil {
		panic(err)
	}
	change(&m)
	return footed(file[:end], marshalled(&m))
}

func marshalled(v any) []byte {
	b, err := thrift.Marshal(new(thrift.CompactProtocol), v)
	if err != nil {
		panic(err)
	}
	return b
}

// footed returns data with a footer.
func footed(data, footer []byte) []byte {
	return filetest.Join(data, footer, binary.LittleEndian.AppendUint32(nil, uint32(len(footer))), []byte("PAR1"))
}

// pageFile returns a file of one column of rows numbers, required if its levels are none, of
// the given page.
func pageFile(rows int, kind format.Type, codec format.CompressionCodec, h format.PageHeader, page []byte) []byte {
	repetition := format.Required
	column := format.SchemaElement{Type: thrift.New(kind), RepetitionType: thrift.New(repetition), Name: "x"}
	data := filetest.Join([]byte("PAR1"), marshalled(&h), page)
	return footed(data, marshalled(&format.FileMetaData{
		Version: 1, NumRows: int64(rows),
		Schema: []format.SchemaElement{{Name: "root", NumChildren: thrift.New(int32(1))}, column},
		RowGroups: []format.RowGroup{{NumRows: int64(rows), Columns: []format.ColumnChunk{{MetaData: format.ColumnMetaData{
			Type: kind, Codec: codec, NumValues: int64(rows), DataPageOffset: 4, TotalCompressedSize: int64(len(data) - 4),
			PathInSchema: []string{"x"}, Encoding: []format.Encoding{format.Plain},
		}}}}},
	}))
}

// dataPage returns the header of a page.
func dataPage(n, packed, plain int, encoding format.Encoding) format.PageHeader {
	return format.PageHeader{Type: format.DataPage, CompressedPageSize: int32(packed), UncompressedPageSize: int32(plain),
		DataPageHeader: thrift.New(format.DataPageHeader{NumValues: int32(n), Encoding: encoding, DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE})}
}

func TestParquetPage(t *testing.T) {
	checkParquet(t, pageFile(2, format.Float, format.Uncompressed, dataPage(2, 8, 8, format.Plain), encode("<f4", 1, 2)), matrix(2, 1, 1, 2), nil, nil)
}

// TestParquetMetadataCost claims what the bound of memory for lists in a footer counts with.
func TestParquetMetadataCost(t *testing.T) {
	for _, size := range []uintptr{unsafe.Sizeof(format.ColumnChunk{}), unsafe.Sizeof(format.RowGroup{}), unsafe.Sizeof(format.SchemaElement{}), unsafe.Sizeof(format.KeyValue{})} {
		if size > 1<<10 {
			t.Errorf("an element of a list has %d bytes", size)
		}
	}
}

// badParquet returns files that break a rule.
func badParquet() []badFile {
	rows, _, _, _ := listRows(9, 3)
	good := parquetBytes(rows, parquet.Compression(&parquet.Snappy))
	end := len(good) - 8 - int(binary.LittleEndian.Uint32(good[len(good)-8:]))
	foot := func(footer ...byte) []byte { return footed(good[:end], footer) }
	meta := func(change func(m *format.FileMetaData)) []byte { return refooted(good, change) }
	chunk := func(change func(c *format.ColumnMetaData)) []byte {
		return meta(func(m *format.FileMetaData) { change(&m.RowGroups[0].Columns[3].MetaData) }) // of the lists
	}
	float := func(h format.PageHeader, page []byte) []byte {
		return pageFile(2, format.Float, format.Uncompressed, h, page)
	}
	two := encode("<f4", 1, 2)
	type text struct {
		A string `parquet:"a"`
	}
	type lists struct {
		A, B []float32
	}
	type nulls struct {
		A *float32 `parquet:"a,optional"`
	}
	type labels struct {
		X     float32 `parquet:"x"`
		Label int32   `parquet:"label"`
	}
	type names struct {
		X     float32 `parquet:"x"`
		Label string  `parquet:"label"`
	}
	type floats struct {
		X     float32 `parquet:"x"`
		Label float32 `parquet:"label"`
	}
	type both struct {
		X     float32 `parquet:"x"`
		Label int32   `parquet:"label"`
		Class int32   `parquet:"class"`
	}
	one := float32(1)
	type list struct {
		X []float32 `parquet:"x,list"`
	}
	return []badFile{
		{"empty", nil, "offset 0: length of data: got end of file, want 12 more bytes"},
		{"magic only", []byte("PAR1PAR1"), "offset 8: length of data: got end of file, want 4 more bytes"},
		{"another magic", filetest.Patch(good, 0, 'Q'), `offset 0: magic: got "QAR1", want "PAR1"`},
		{"another magic at the end", filetest.Patch(good, -1, '2'), `magic: got "PAR2", want "PAR1"`},
		{"encrypted", filetest.Join([]byte("PARE"), good[4:]), `offset 0: magic: got "PARE"`},
		{"cut", good[:len(good)-1], "magic: got"},
		{"only the end", good[end:], "offset 0: magic: got"},
		{"footer of 4 GiB", filetest.Join(good[:len(good)-8], []byte("\xff\xff\xff\xff"+"PAR1")), "length of footer: got 4294967295, want at most"},
		{"footer over the file", filetest.Join(good[:len(good)-8], binary.LittleEndian.AppendUint32(nil, uint32(len(good)-11)), []byte("PAR1")), "length of footer: got"},
		{"no footer", filetest.Join([]byte("PAR1"), make([]byte, 4), []byte("PAR1")), "offset 4: footer: got 0 bytes, want 1 more"},
		{"footer of zeros", foot(make([]byte, 100)...), "footer: "},
		{"footer longer than it is", foot(append(bytes.Clone(good[end:len(good)-8]), 0)...), "as its length says"},
		{"footer cut", foot(good[end : len(good)-20]...), "footer: got"},
		{"list of 2 Gi columns", foot(0x15, 2, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07), "footer: got a list of 2147483647, want at most as many as the 0 bytes that follow"},
		{"list of a million columns", foot(append([]byte{0x15, 2, 0x19, 0xfc, 0x80, 0x80, 0x40}, make([]byte, 1<<20)...)...), "footer: got more, want at most about 8192 columns in groups"},
		{"structs in structs", foot(bytes.Repeat([]byte{0x1c}, 1000)...), "footer: got more, want at most 16 structs in each other"},
		{"text over the footer", foot(0x15, 2, 0x68, 0xff, 0xff, 0xff, 0xff, 0x0f, 'x'), "footer: got 1 bytes, want 4294967295 more"},
		{"text of 64 bits", foot(0x15, 2, 0x68, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 'x'), "footer: got 1 bytes, want 18446744073709551615 more"},
		{"integer without end", foot(0x15, 0xff, 0xff), "footer: got no end of an integer"},
		{"type 11", foot(0x1b, 0), "footer: got type 11, want one of the format"},

		{"no schema", meta(func(m *format.FileMetaData) { m.Schema = []format.SchemaElement{} }), "schema: got 0 elements"},
		{"schema too short", meta(func(m *format.FileMetaData) { m.Schema = m.Schema[:2] }), "schema: got 2 elements, want as many as it has children"},
		{"schema too long", meta(func(m *format.FileMetaData) { m.Schema = append(m.Schema, m.Schema[1]) }), "elements, want"},
		{"children negative", meta(func(m *format.FileMetaData) { m.Schema[0].NumChildren = thrift.New(int32(-1)) }), `children of "listRow": got -1, want at least 1`},
		{"children over 31 bits", meta(func(m *format.FileMetaData) { m.Schema[0].NumChildren = thrift.New(int32(math.MaxInt32)) }), "schema: got"},
		{"groups in groups", meta(func(m *format.FileMetaData) {
			m.Schema = slices.Repeat([]format.SchemaElement{{Name: "x", NumChildren: thrift.New(int32(1))}}, 100)
		}), "schema: got more, want at most 32 groups in each other"},
		{"repetition 7", meta(func(m *format.FileMetaData) { m.Schema[1].RepetitionType = thrift.New(format.FieldRepetitionType(7)) }), `repetition of "id": got 7, want from 0 to 2`},
		{"rows negative", meta(func(m *format.FileMetaData) { m.NumRows = -1 }), "rows of group 0: got 9, want at most the -1"},
		{"no rows", parquetBytes([]labels{}), "number of rows: got 0, want at least 1"},
		{"more rows than groups have", meta(func(m *format.FileMetaData) { m.NumRows = 10 }), "number of rows: got 10, want the 9 of all groups"},
		{"2⁶² rows", meta(func(m *format.FileMetaData) { m.NumRows, m.RowGroups[0].NumRows = 1<<62, 1<<62 }), "number of rows: got 4611686018427387904, want at most"},
		{"rows of a group negative", meta(func(m *format.FileMetaData) { m.RowGroups[0].NumRows = -9 }), "rows of group 0: got -9"},
		{"columns of a group", meta(func(m *format.FileMetaData) { m.RowGroups[0].Columns = m.RowGroups[0].Columns[:2] }), "columns of group 0 of rows: got 2, want the 5 of the schema"},

		{"column of another type", chunk(func(c *format.ColumnMetaData) { c.Type = format.Double }), `type of column "embedding" of group 0: got DOUBLE, want FLOAT`},
		{"column before the file", chunk(func(c *format.ColumnMetaData) { c.DataPageOffset = -5 }), `offset of column "embedding" of group 0: got -5, want from 4`},
		{"column past the file", chunk(func(c *format.ColumnMetaData) { c.DataPageOffset = 1 << 40 }), `offset of column "embedding" of group 0: got 1099511627776`},
		{"column over the footer", chunk(func(c *format.ColumnMetaData) { c.TotalCompressedSize = math.MaxInt64 }), `size of column "embedding" of group 0: got 9223372036854775807, want at most`},
		{"size negative", chunk(func(c *format.ColumnMetaData) { c.TotalCompressedSize = -1 }), "size of column"},
		{"values negative", chunk(func(c *format.ColumnMetaData) { c.NumValues = -1 }), `number of values of column "embedding" of group 0: got -1, want as many as its 9 rows`},
		{"2⁶² values", chunk(func(c *format.ColumnMetaData) { c.NumValues = 1 << 62 }), `number of values of column "embedding": got 4611686018427387904, want at most`},
		{"more values than there are", chunk(func(c *format.ColumnMetaData) { c.NumValues = 1000 }), "header of page: got 0 bytes, want 1 more"},
		{"fewer values than there are", chunk(func(c *format.ColumnMetaData) { c.NumValues = 20 }), "number of values of page: got 27, want at most the 20 that are left"},
		{"LZO", chunk(func(c *format.ColumnMetaData) { c.Codec = format.LZO }), `compression of column "embedding" of group 0: got LZO, want none, snappy, gzip, zstd, brotli or LZ4_RAW`},
		{"brotli that is zstd", chunk(func(c *format.ColumnMetaData) { c.Codec = format.Brotli }), "page: brotli: "},
		{"LZ4 that is zstd", chunk(func(c *format.ColumnMetaData) { c.Codec = format.Lz4Raw }), "offset "},
		{"gzip that is none", chunk(func(c *format.ColumnMetaData) { c.Codec = format.Gzip }), "page: gzip: invalid header"},
		{"zstd that is none", chunk(func(c *format.ColumnMetaData) { c.Codec = format.Zstd }), "page: "},
		{"not compressed", chunk(func(c *format.ColumnMetaData) { c.Codec = format.Uncompressed }), "offset"},
		{"another file", meta(func(m *format.FileMetaData) { m.RowGroups[0].Columns[3].FilePath = "/etc/passwd" }), `another file "/etc/passwd", want none`},
		{"pages zeroed", filetest.Join(good[:4], make([]byte, end-4), good[end:]), "header of page: "},

		{"no number", parquetBytes([]text{{"x"}}), "columns of numbers: got none"},
		{"two lists", parquetBytes([]lists{{[]float32{1}, []float32{2}}}), `columns of lists: got 2, want one, or one named "embedding" or "embeddings"`},
		{"labels twice", parquetBytes([]both{{1, 1, 1}}), `columns of labels: got "label" and "class", want one`},
		{"labels of floats", parquetBytes([]floats{{1, 1}}), `column "label": got FLOAT, want integers or strings, one a row`},
		{"label negative", parquetBytes([]labels{{1, 1}, {1, -1}}), "label of row 1: got -1, want an integer from 0 to 2147483647"},
		{"label not UTF-8", parquetBytes([]names{{1, "a"}, {1, "\xff"}}), `label of row 1: got "\xff", want a name in UTF-8`},
		{"label without text", parquetBytes([]names{{1, "a"}, {1, ""}}), `label of row 1: got "", want a name`},
		{"label as negative text", parquetBytes([]names{{1, "1"}, {1, "-1"}}), `label of row 1: got "-1", want an integer from 0`},
		{"null", parquetBytes([]nulls{{&one}, {nil}}, parquet.DataPageVersion(1)), `value 1 of page of "a": got null, or an empty list, want a number`},
		{"null of version 2", parquetBytes([]nulls{{&one}, {nil}}), "number of nulls: got 1, want none"},
		{"list of none", parquetBytes([]list{{[]float32{1}}, {nil}}, parquet.DataPageVersion(1)), `value 1 of page of "x": got null, or an empty list`},
		{"longer list", parquetBytes([]list{{[]float32{1}}, {[]float32{1, 2}}, {[]float32{1}}}), "length of row 1: got 2, want 1 as of row 0"},
		{"shorter list at the end", parquetBytes([]list{{[]float32{1, 2}}, {[]float32{1}}}), "length of row 1: got 1, want 2 as of row 0"},
		{"NaN", parquetBytes([]list{{[]float32{1, 2}}, {[]float32{1, float32(math.NaN())}}}), "number of row 1, column 1: got NaN, want a finite float32"},
		{"NaN of a column", parquetBytes([]labels{{float32(math.Inf(-1)), 1}}), "number of row 0, column 0: got -Inf"},

		{"page over the column", float(dataPage(2, 1<<30, 8, format.Plain), two), "offset 4: compressed size of page: got 1073741824, want at most the 8 bytes"},
		{"page of negative size", float(dataPage(2, -1, 8, format.Plain), two), "offset 4: compressed size of page: got -1"},
		{"page of 2 GiB", float(dataPage(2, 8, math.MaxInt32, format.Plain), two), "offset 4: size of page: got 2147483647, want at most"},
		{"page of another size", float(dataPage(2, 8, 9, format.Plain), two), "offset 4: size of page: got 8 bytes, want 9"},
		{"page of 2 Gi values", float(dataPage(math.MaxInt32, 8, 8, format.Plain), two), "offset 4: number of values of page: got 2147483647, want at most the 2"},
		{"page of negative values", float(dataPage(-1, 8, 8, format.Plain), two), "number of values of page: got -1"},
		{"page of fewer values", float(dataPage(2, 4, 4, format.Plain), two[:4]), "size of values: got 4 bytes, want 2 values of float32"},
		{"page of no type", float(format.PageHeader{Type: 9, CompressedPageSize: 8, UncompressedPageSize: 8}, two), "type of page: got 9, want a header for it"},
		{"page without a header", float(format.PageHeader{Type: format.DataPage, CompressedPageSize: 8, UncompressedPageSize: 8}, two), "type of page: got 0, want a header for it"},
		{"encoding 99", float(dataPage(2, 8, 8, 99), two), "encoding: got"},
		{"no dictionary", float(dataPage(2, 8, 8, format.RLEDictionary), two), "dictionary: got none, want one before this page"},
		{"deltas of floats", float(dataPage(2, 8, 8, format.DeltaBinaryPacked), two), "encoding: got DELTA_BINARY_PACKED"},
		{"deltas of blocks of 0", pageFile(2, format.Int32, format.Uncompressed, dataPage(2, 8, 8, format.DeltaBinaryPacked), make([]byte, 8)), "deltas: got blocks of 0"},
		{"deltas of 2 Gi", pageFile(2, format.Int32, format.Uncompressed, dataPage(2, 9, 9, format.DeltaBinaryPacked), []byte("\x80\x01\x04\xff\xff\xff\xff\x07\x00")), "deltas: got 2147483647 values, want the 2"},
		{"deltas cut", pageFile(2, format.Int32, format.Uncompressed, dataPage(2, 5, 5, format.DeltaBinaryPacked), []byte("\x80\x01\x04\x02\x00")), "deltas: got fewer bytes"},
		{"checksum", func() []byte { h := dataPage(2, 8, 8, format.Plain); h.CRC = 1; return float(h, two) }(), "checksum of page: got"},
		{"snappy of 1 GiB", pageFile(2, format.Float, format.Snappy, dataPage(2, 8, 8, format.Plain), []byte("\x80\x80\x80\x80\x04\x00\x00\x00")), "offset 4: size of page: got 1073741824 bytes, want 8"},
		{"zstd of 1 TiB", pageFile(2, format.Float, format.Zstd, dataPage(2, 15, 8, format.Plain), []byte("\x28\xb5\x2f\xfd\xe0\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00")), "offset 4: page: "},
		{"gzip bomb", func() []byte {
			bomb := filetest.Gzipped(make([]byte, 1<<24))
			return pageFile(2, format.Float, format.Gzip, dataPage(2, len(bomb), 8, format.Plain), bomb)
		}(), "offset 4: size of page: got 9 bytes, want 8"},
	}
}

// TestParquetPrefixes has labels of which each begins as the one before.
func TestParquetPrefixes(t *testing.T) {
	rows, want, labels, classes := listRows(300, 2)
	for i, c := range []string{"category", "catalogue", "cat"} {
		classes[i] = c
	}
	for i := range rows {
		rows[i].Label = classes[labels[i]]
		labels[i] = 2 - labels[i] // sorted: cat, catalogue, category
	}
	for _, pages := range []int{200, 1 << 20} {
		checkParquet(t, parquetBytes(rows, parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.DeltaByteArray), parquet.PageBufferSize(pages)),
			want, labels, []string{"cat", "catalogue", "category"})
	}
}

// TestParquetEmptyGroups has groups without rows, whose columns say nothing, before, between and
// behind the others.
func TestParquetEmptyGroups(t *testing.T) {
	rows, want, labels, classes := listRows(9, 4)
	file := parquetBytes(rows, parquet.MaxRowsPerRowGroup(4))
	for at := range 4 {
		checkParquet(t, refooted(file, func(m *format.FileMetaData) {
			empty := m.RowGroups[0]
			empty.NumRows = 0
			empty.Columns = slices.Clone(empty.Columns)
			for i := range empty.Columns {
				c := &empty.Columns[i].MetaData
				c.NumValues, c.DataPageOffset, c.TotalCompressedSize, c.TotalUncompressedSize = 0, 0, 0, 0
			}
			m.RowGroups = slices.Insert(m.RowGroups, at, empty, empty)
		}), want, labels, classes)
	}
}

func FuzzParquet(f *testing.F) {
	rows, _, _, _ := listRows(5, 3)
	filetest.Fuzz(f, badCorpora, "bad.parquet", checkFuzzedVectors, parquetBytes(rows), parquetBytes(rows, parquet.Compression(&parquet.Zstd), parquet.DataPageVersion(1), parquet.MaxRowsPerRowGroup(2)),
		pageFile(2, format.Int32, format.Uncompressed, dataPage(2, 5, 5, format.DeltaBinaryPacked), []byte("\x80\x01\x04\x02\x00")),
		pageFile(2, format.Float, format.Uncompressed, dataPage(2, 8, 8, format.ByteStreamSplit), encode("<f4", 1, 2)))
}

// FuzzParquetPage reads a page of a column in all its encodings, which mutations of a whole file do
// not find.
func FuzzParquetPage(f *testing.F) {
	filetest.LowerLimit(f, 8<<20)
	for encoding := range 10 {
		f.Add(uint8(format.Int32), uint8(format.Uncompressed), uint8(encoding), uint8(2), uint16(8), encode("<i4", 1, 2))
		f.Add(uint8(format.Float), uint8(format.Snappy), uint8(encoding), uint8(2), uint16(8), []byte("\x08\x1c\x00\x00\x80\x3f\x00\x00\x80\x3f"))
	}
	f.Add(uint8(format.Int64), uint8(format.Zstd), uint8(format.DeltaBinaryPacked), uint8(2), uint16(5), []byte("\x80\x01\x04\x02\x00"))
	path := filepath.Join(f.TempDir(), "page.parquet")
	f.Fuzz(func(t *testing.T, kind, codec, encoding, n uint8, size uint16, b []byte) {
		file := pageFile(int(n), format.Type(kind%8), format.CompressionCodec(codec%8), dataPage(int(n), len(b), int(size), format.Encoding(encoding%10)), b)
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		checkFuzzedVectors(t, path, file)
	})
}

// TestParquetMutations changes each byte of a small file.
func TestParquetMutations(t *testing.T) {
	filetest.LowerLimit(t, 8<<20)
	rows, _, _, _ := listRows(5, 3)
	file := parquetBytes(rows, parquet.Compression(&parquet.Zstd))
	path := filepath.Join(t.TempDir(), "a.parquet")
	refused := 0
	step := 1
	if testing.Short() {
		step = 13
	}
	for i := 0; i < len(file); i += step {
		for _, v := range []byte{0, 0x7f, 0xff, file[i] + 1} {
			mutant := filetest.Patch(file, i, v)
			if err := os.WriteFile(path, mutant, 0o666); err != nil {
				t.Fatal(err)
			}
			checkFuzzedVectors(t, path, mutant)
			if _, err := ReadVectors(path); err != nil && strings.Contains(err.Error(), "offset") {
				refused++
			}
		}
	}
	if refused < len(file)/step {
		t.Errorf("%d of %d mutants are refused", refused, 4*len(file)/step)
	}
}
