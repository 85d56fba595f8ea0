//go:build unix

package data

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
	"github.com/contrast-go/contrast/simd"
)

// TestPipes has pipes, in which nobody writes, for files: none is opened, which would wait for
// ever.
func TestPipes(t *testing.T) {
	for _, test := range []struct {
		name string
		read func(path string) error
	}{
		{"a.npy", readAllVectors},
		{"a.parquet", readAllVectors},
		{"a.csv", readAllLabels},
		{"a-idx1-ubyte", readAllLabels},
		{"a.ivecs", readAllTriplets},
		{"b.npy", func(path string) error { return WriteVectors(path, matrix(1, 1, 1)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), test.name)
			if err := syscall.Mkfifo(path, 0o666); err != nil {
				t.Skip("the file system has no pipes: ", err)
			}
			filetest.CheckError(t, test.read(path), "", path+": not a regular file")
		})
	}
}

// TestLinks reads through links, but not in circles.
func TestLinks(t *testing.T) {
	dir := filetest.Folder(t, map[string][]byte{"rows.npy": twoRows})
	at := func(name string) string { return filepath.Join(dir, name) }
	for link, target := range map[string]string{"link.npy": "rows.npy", "circle.npy": "circle.npy"} {
		if err := os.Symlink(target, at(link)); err != nil {
			t.Skip("the file system has no links: ", err)
		}
	}
	checkVectors(t, at("link.npy"), simd.Matrix{Rows: 2, Cols: 3, Stride: 3, Data: []float32{1, 2, 3, 4, 5, 6}})
	filetest.CheckError(t, readAllVectors(at("circle.npy")), "npy: ", "too many levels of symbolic links")
}
