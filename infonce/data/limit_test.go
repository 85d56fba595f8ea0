package data

import (
	"archive/zip"
	"fmt"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
	"github.com/parquet-go/parquet-go"
)

// TestWellCompressed has vectors that are zeros and ones, or repeat each other. Files of them are
// far smaller than they are in memory, which alone is limited.
func TestWellCompressed(t *testing.T) {
	const n, dim = 3000, 1000
	type row struct {
		X []float32 `parquet:"embedding,list"`
	}
	want := make([][]float32, n)
	rows := make([]row, n)
	bytes := make([]byte, n*dim)
	for i := range rows {
		want[i] = make([]float32, dim)
		want[i][i%7] = 1
		bytes[i*dim+i%7] = 1
		rows[i].X = want[i]
	}
	dictionary := parquet.DefaultEncodingFor(parquet.Float, &parquet.RLEDictionary)
	files := map[string][]byte{"deflate.npz": archive(packed{"x.npy", zip.Deflate, npyFile("|u1", "False", fmt.Sprintf("(%d, %d)", n, dim), bytes)})}
	for name, options := range map[string][]parquet.WriterOption{
		"plain":      {parquet.Compression(&parquet.Zstd)},
		"gzip":       {parquet.Compression(&parquet.Gzip)},
		"snappy":     {parquet.Compression(&parquet.Snappy)},
		"dictionary": {dictionary, parquet.Compression(&parquet.Zstd)},
		"groups":     {dictionary, parquet.MaxRowsPerRowGroup(500)},
	} {
		files[name+".parquet"] = parquetBytes(rows, options...)
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			path := saveFile(t, name, file)
			got, err := ReadVectors(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(file) > 4*n*dim/4 {
				t.Errorf("a file of %d bytes", len(file))
			}
			for i := range want {
				if !slices.Equal(got.Row(i), want[i]) {
					t.Fatalf("row %d differs", i)
				}
			}
			filetest.LowerLimit(t, 4*n*dim-1)
			if _, err := ReadVectors(path); len(file) < n*dim && err == nil {
				t.Error("a file of numbers over the limit is read")
			}
		})
	}
}
