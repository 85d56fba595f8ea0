package data

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
	"github.com/contrast-go/contrast/infonce/data/internal/number"
	"github.com/contrast-go/contrast/simd"
)

// numbered returns a matrix whose element (i, j) is 1000·i + j, with a gap after each row.
func numberedRows(rows, cols int) simd.Matrix {
	m := simd.Matrix{Rows: rows, Cols: cols, Stride: cols + 3, Data: make([]float32, rows*(cols+3))}
	for i := range m.Data {
		m.Data[i] = float32(math.NaN()) // must not be looked at
	}
	for i := range rows {
		for j := range cols {
			m.Row(i)[j] = float32(1000*i + j)
		}
	}
	return m
}

// TestVectorsRoundTrip writes rows, reads them back in every way, and writes them again.
func TestVectorsRoundTrip(t *testing.T) {
	for _, extension := range writable() {
		// The last two have rows in several parts of the buffer, and longer than it.
		for _, shape := range [][2]int{{1, 1}, {7, 5}, {300, 257}, {3, arrayChunk/4 + 5}} {
			t.Run(fmt.Sprint(extension, shape), func(t *testing.T) {
				m := numberedRows(shape[0], shape[1])
				path := filepath.Join(t.TempDir(), "rows"+extension)
				if err := WriteVectors(path, m); err != nil {
					t.Fatal(err)
				}
				r, err := OpenVectors(path)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if r.Len() != m.Rows || r.Dim() != m.Cols || r.Labels() != nil || r.Classes() != nil {
					t.Fatalf("%d rows of %d, labels %v of %q", r.Len(), r.Dim(), r.Labels(), r.Classes())
				}
				rng := rand.New(rand.NewPCG(1, 2))
				for range 20 {
					first := rng.IntN(m.Rows)
					got := numberedRows(rng.IntN(m.Rows-first+1), m.Cols)
					if err := r.Read(got, first); err != nil {
						t.Fatal(err)
					}
					for i := range got.Rows {
						if !slices.Equal(got.Row(i), m.Row(first+i)) {
							t.Fatalf("Read: row %d differs", first+i)
						}
					}
					indices := make([]int, rng.IntN(20))
					for i := range indices {
						indices[i] = rng.IntN(m.Rows)
						if i%3 > 0 {
							indices[i] = min(indices[i-1]+1, m.Rows-1)
						}
					}
					got = numberedRows(len(indices), m.Cols)
					if err := r.Gather(got, indices); err != nil {
						t.Fatal(err)
					}
					for i, index := range indices {
						if !slices.Equal(got.Row(i), m.Row(index)) {
							t.Fatalf("Gather: row %d differs", index)
						}
					}
				}
				all, err := ReadVectors(path)
				if err != nil {
					t.Fatal(err)
				}
				again := filepath.Join(t.TempDir(), "again"+extension)
				if err := WriteVectors(again, all); err != nil {
					t.Fatal(err)
				}
				checkSameFile(t, path, again)
			})
		}
	}
}

// checkSameFile requires two files to have the same content.
func checkSameFile(t *testing.T, a, b string) {
	t.Helper()
	want, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s has %d bytes, not the %d of %s", b, len(got), len(want), a)
	}
}

// TestVectorsLarge reads the last rows of files that are larger than memory, and mostly holes.
func TestVectorsLarge(t *testing.T) {
	const dim, rows = 1 << 10, 1 << 24 // 64 GiB
	for name, file := range map[string]struct {
		header []byte
		stride int64
	}{
		"a.npy":         {npyHeader(rows, dim), 4 * dim},
		"a.safetensors": {tableFile(fmt.Sprintf(`"x":{"dtype":"F16","shape":[%d,%d],"data_offsets":[0,%d]}`, rows, dim, int64(2*rows*dim)), ""), 2 * dim},
		"a.fvecs":       {vec(dim), 4*dim + 4},
	} {
		t.Run(name, func(t *testing.T) {
			path := saveFile(t, name, file.header)
			size := rows * file.stride
			if name != "a.fvecs" {
				size += int64(len(file.header))
			}
			if err := os.Truncate(path, size); err != nil {
				t.Fatal(err)
			}
			if name == "a.fvecs" {
				f, err := os.OpenFile(path, os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := f.WriteAt(vec(dim), (rows-1)*file.stride); err != nil {
					t.Fatal(err)
				}
				f.Close()
			}
			var err error
			m := simd.NewMatrix(1, dim)
			batch := simd.NewMatrix(256, dim)
			indices := make([]int, batch.Rows)
			rng := rand.New(rand.NewPCG(5, 6))
			took := filetest.Allocated(func() {
				var r *Vectors
				if r, err = OpenVectors(path); err != nil {
					return
				}
				defer r.Close()
				if r.Len() != rows || r.Dim() != dim {
					t.Errorf("%d rows of %d", r.Len(), r.Dim())
				}
				if err = r.Gather(m, []int{0}); err == nil {
					err = r.Read(m, rows-1)
				}
				if name == "a.fvecs" {
					return // in its holes, rows have no length
				}
				for range 20 { // as training does
					for i := range indices {
						indices[i] = rng.IntN(rows)
					}
					if err == nil {
						err = r.Gather(batch, indices)
					}
				}
			})
			if err != nil || took > 1<<20 {
				t.Errorf("error %v, %d bytes allocated", err, took)
			}
		})
	}
}

// TestVectorsTextExact writes numbers of all sizes as text, and reads the same bits.
func TestVectorsTextExact(t *testing.T) {
	m := simd.NewMatrix(500, 20)
	rng := rand.New(rand.NewPCG(7, 8))
	for i := range m.Data {
		for m.Data[i] = float32(math.NaN()); number.NonFinite(m.Data[i:i+1]) == 0; {
			m.Data[i] = math.Float32frombits(rng.Uint32())
		}
	}
	m.Data[0] = float32(math.Copysign(0, -1))
	for _, name := range []string{"a.csv", "a.jsonl"} {
		path := filepath.Join(t.TempDir(), name)
		if err := WriteVectors(path, m); err != nil {
			t.Fatal(err)
		}
		got, err := ReadVectors(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range got.Data {
			if !sameBits(v, m.Data[i]) {
				t.Fatalf("%s: number %d is %v, want %v", name, i, v, m.Data[i])
			}
		}
	}
}

// TestVectorsAllocations claims that rows are read without memory of their own.
func TestVectorsAllocations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.npy")
	if err := WriteVectors(path, numberedRows(100, 50)); err != nil {
		t.Fatal(err)
	}
	r, err := OpenVectors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	m := simd.NewMatrix(4, 50)
	indices := []int{7, 8, 99, 0}
	if n := testing.AllocsPerRun(10, func() {
		if err := r.Gather(m, indices); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestVectorsPanics(t *testing.T) {
	path := saveFile(t, "a.fvecs", filetest.Join(vec(2, 1, 2), vec(2, 3, 4)))
	r, err := OpenVectors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for name, f := range map[string]func(){
		"Read of another dimension":      func() { r.Read(simd.NewMatrix(1, 3), 0) },
		"Read past the end":              func() { r.Read(simd.NewMatrix(1, 2), 2) },
		"Read over the end":              func() { r.Read(simd.NewMatrix(2, 2), 1) },
		"Read before the start":          func() { r.Read(simd.NewMatrix(1, 2), -1) },
		"Gather past the end":            func() { r.Gather(simd.NewMatrix(2, 2), []int{1, 2}) },
		"Gather before the start":        func() { r.Gather(simd.NewMatrix(2, 2), []int{-1, 0}) },
		"Gather of fewer than dst":       func() { r.Gather(simd.NewMatrix(2, 2), []int{0}) },
		"WriteVectors of a short matrix": func() { WriteVectors(path, simd.Matrix{Rows: 2, Cols: 2, Stride: 2, Data: make([]float32, 3)}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if _, ok := recover().(*simd.ShapeError); !ok {
					t.Error("no ShapeError")
				}
			}()
			f()
		})
	}
}

func TestOpenVectorsRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "a.npy"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, prefix, want string }{
		{"a.npy", "npy: " + filepath.Join(dir, "a.npy"), ": not a regular file"},
		{"b.npy", "npy: ", "b.npy: no such file or directory"},
		{"c.txt", "vectors: ", `c.txt: extension: got ".txt", want one of .npy `},
		{"npy", "vectors: ", `npy: extension: got "", want one of`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := OpenVectors(filepath.Join(dir, test.name))
			filetest.CheckError(t, err, test.prefix, test.want)
		})
	}
}

// TestVectorsShortened cuts a file after it was opened.
func TestVectorsShortened(t *testing.T) {
	path := saveFile(t, "a.fvecs", filetest.Join(vec(2, 1, 2), vec(2, 3, 4)))
	r, err := OpenVectors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := os.Truncate(path, 20); err != nil {
		t.Fatal(err)
	}
	err = r.Read(simd.NewMatrix(2, 2), 0)
	filetest.CheckError(t, err, "fvecs: "+path+": ", "offset 20: length of data: got end of file, want 4 more bytes")
}

func TestWriteVectorsRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		name string
		m    simd.Matrix
		want string
	}{
		{"a.parquet", matrix(1, 1, 1), `extension: got ".parquet", want one of .npy .safetensors .fvecs .csv .jsonl`},
		{"a.csv", simd.NewMatrix(1, maxFields+1), "number of fields: got 1048577, want at most 1048576"},
		{"a.npy", matrix(0, 3), "shape: got [0 3], want at least one row and one column"},
		{"a.safetensors", matrix(3, 0), "shape: got [3 0], want"},
		{"a.fvecs", simd.NewMatrix(1, maxVec+1), "dimension: got 1048577, want at most 1048576"},
		{"b.npy", matrix(2, 2, 1, 2, 3, float32(math.NaN())), "number of row 1, column 1: got NaN, want a finite float32"},
		{"b.fvecs", matrix(1, 2, float32(math.Inf(1)), 0), "number of row 0, column 0: got +Inf"},
		{"missing/a.npy", matrix(1, 1, 1), "no such file or directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(dir, test.name)
			filetest.CheckError(t, WriteVectors(path, test.m), "", test.want)
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a file was written: %v", err)
			}
		})
	}
}

// Rows that are written some at a time give the bytes of all at once, and nothing where they break
// off.
func TestWriteVectorsFrom(t *testing.T) {
	m := simd.NewMatrix(2050, 3)
	for i := range m.Data {
		m.Data[i] = float32(i) / 7
	}
	dir := t.TempDir()
	for _, extension := range writable() {
		all, some := filepath.Join(dir, "all"+extension), filepath.Join(dir, "some"+extension)
		if err := WriteVectors(all, m); err != nil {
			t.Fatal(err)
		}
		read := func(dst simd.Matrix, first int) error {
			copy(dst.Data, m.Slice(first, first+dst.Rows).Data)
			return nil
		}
		if err := WriteVectorsFrom(some, m.Rows, m.Cols, read); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(all)
		if err != nil {
			t.Fatal(err)
		}
		same := func() {
			t.Helper()
			if got, err := os.ReadFile(some); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: got other bytes, %v", extension, err)
			}
		}
		same()
		broken := errors.New("broken")
		for _, c := range []struct {
			says string
			read func(dst simd.Matrix, first int) error
		}{
			{"broken", func(dst simd.Matrix, first int) error {
				if first > 0 {
					return broken
				}
				return read(dst, first)
			}},
			{"number of row 2049, column 2: got NaN", func(dst simd.Matrix, first int) error {
				read(dst, first)
				if first+dst.Rows == m.Rows {
					dst.Row(dst.Rows - 1)[2] = float32(math.NaN())
				}
				return nil
			}},
		} {
			if err := WriteVectorsFrom(some, m.Rows, m.Cols, c.read); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: error %v, want %q", extension, err, c.says)
			}
			same()
		}
		if err := WriteVectorsFrom(some, 0, 3, read); err == nil {
			t.Errorf("%s: no rows were written", extension)
		}
	}
	if files, _ := os.ReadDir(dir); len(files) != 10 {
		t.Errorf("%d files are left, want 10", len(files))
	}
}
