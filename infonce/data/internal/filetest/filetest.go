// Package filetest tests readers of files with files that break a rule.
package filetest

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
)

// A Bad is a file that breaks a rule. The error of one line that tells of it contains Want.
type Bad struct {
	Name string
	File []byte
	Want string
}

// Files converts a table of files, whose type is one of the test's package so that vet lets it
// leave out the names of the fields.
func Files[B ~struct {
	Name string
	File []byte
	Want string
}](table []B) []Bad {
	files := make([]Bad, len(table))
	for i, b := range table {
		files[i] = Bad(b)
	}
	return files
}

// A Corpus is files that break the rules of a format.
type Corpus struct {
	Format  string // as errors begin
	File    string // the name of a file, which tells its format
	AtLeast int    // how many there are
	Files   []Bad
	Read    func(path string) error // reads all of a file
	Unnamed bool                    // Read is told bytes, so that the error names no file
}

// Malformed reads every file of the corpora: the error names the file and the rule, and no more
// memory is taken than 64 MiB and twice the size of the file.
func Malformed(t *testing.T, corpora []Corpus) {
	files := 0
	for _, c := range corpora {
		if len(c.Files) < c.AtLeast {
			t.Errorf("%d malformed files of %s, want %d", len(c.Files), c.Format, c.AtLeast)
		}
		files += len(c.Files)
		for _, bad := range c.Files {
			t.Run(c.Format+"/"+bad.Name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), c.File)
				if err := os.WriteFile(path, bad.File, 0o666); err != nil {
					t.Fatal(err)
				}
				err := Fenced(t, len(bad.File), func() error { return c.Read(path) })
				prefix := c.Format + ": " + path + ": "
				if c.Unnamed {
					prefix = c.Format + ": offset "
				}
				CheckError(t, err, prefix, bad.Want)
			})
		}
	}
	t.Logf("%d malformed files", files)
}

// CheckError requires an error of one line that starts with prefix and contains want.
func CheckError(t *testing.T, err error, prefix, want string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("no error, want %q", want)
	case !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), want):
		t.Errorf("error %q, want %q to start it and %q in it", err, prefix, want)
	case strings.Contains(err.Error(), "\n"):
		t.Errorf("error of several lines: %q", err)
	}
}

// Fuzz fuzzes check with a file of that name, starting with the malformed ones of the corpora and
// the good ones.
func Fuzz(f *testing.F, corpora []Corpus, name string, check func(t *testing.T, path string, file []byte), good ...[]byte) {
	const large = 1 << 16 // mutations of it are slow and find nothing more
	LowerLimit(f, 8<<20)
	for _, file := range good {
		f.Add(file)
	}
	for _, c := range corpora {
		if c.File != name || c.Unnamed {
			continue
		}
		for _, bad := range c.Files {
			if len(bad.File) < large {
				f.Add(bad.File)
			}
		}
	}
	path := filepath.Join(f.TempDir(), name)
	f.Fuzz(func(t *testing.T, file []byte) {
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		check(t, path, file)
	})
}

// LowerLimit lets data take up to so many bytes of memory until the test ends.
func LowerLimit(t testing.TB, bytes int64) {
	before := input.MaxMemory
	t.Cleanup(func() { input.MaxMemory = before })
	input.MaxMemory = bytes
}

// Fenced calls read, which must not take more than 64 MiB and twice the size of a file.
func Fenced(t *testing.T, size int, read func() error) error {
	t.Helper()
	var err error
	took := Allocated(func() { err = read() })
	if limit := uint64(64<<20 + 2*size); took > limit {
		t.Errorf("%d bytes allocated for a file of %d, error %v", took, size, err)
	}
	return err
}

// Allocated returns the bytes that f allocates, those that it frees again included, and other
// goroutines meanwhile.
func Allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Folder returns a new folder of the given files, whose names may have folders.
func Folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Join returns the parts after each other.
func Join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// Patch returns b with the byte at i replaced; i counts from the end if negative.
func Patch(b []byte, i int, v byte) []byte {
	b = bytes.Clone(b)
	if i < 0 {
		i += len(b)
	}
	b[i] = v
	return b
}

// Ramp returns n bytes that count up.
func Ramp(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// Gzipped returns data compressed.
func Gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// IDX returns a file of the MNIST family.
func IDX(data []byte, dims ...uint32) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return append(b, data...)
}
