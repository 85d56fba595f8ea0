package data

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
)

const (
	maxEntries   = 1 << 12 // in an archive
	maxDirectory = 4 << 20 // bytes read for its list of entries, with names of 1,024 bytes each

	maxArchive = 1 << 36 // bytes of all its arrays when they are decompressed
)

// A limitedReaderAt reads at most left bytes.
type limitedReaderAt struct {
	io.ReaderAt
	left int64
}

var errDirectory = errors.New("list of entries too long")

func (r *limitedReaderAt) ReadAt(b []byte, at int64) (int, error) {
	if r.left -= int64(len(b)); r.left < 0 {
		return 0, errDirectory
	}
	return r.ReaderAt.ReadAt(b, at)
}

// An archived array is an entry of an archive.
type archived struct {
	*zip.File
	npy
}

// openNPZ opens the rows of an archive of arrays. Names of entries only name arrays: no file is
// written.
func openNPZ(f io.ReaderAt, size int64) (content, error) {
	arrays, err := listNPZ(f, size)
	if err != nil {
		return content{}, err
	}
	shapes := make([]named, len(arrays))
	for i, a := range arrays {
		shapes[i] = named{strings.TrimSuffix(a.Name, ".npy"), a.shape, a.of}
	}
	rows, labels, err := choose(shapes, 0)
	if err != nil {
		return content{}, err
	}
	c, err := arrays[rows].rows(f, size)
	if err != nil || labels < 0 {
		return c, arrays[rows].wrap(err)
	}
	c.labels, err = arrays[labels].labels()
	return c, arrays[labels].wrap(err)
}

// listNPZ returns the arrays of numbers in an archive. It leaves out others, such as arrays of
// text, but returns an error if there are only those.
func listNPZ(f io.ReaderAt, size int64) (arrays []archived, err error) {
	whole := &limitedReaderAt{f, maxDirectory}
	z, err := zip.NewReader(whole, size)
	if err != nil {
		return nil, fmt.Errorf("list of entries: %w", err)
	}
	whole.left = math.MaxInt64
	if len(z.File) > maxEntries {
		return nil, fmt.Errorf("number of entries: got %d, want at most %d", len(z.File), maxEntries)
	}
	var skipped error
	seen := make(map[string]bool)
	total := uint64(0)
	for _, entry := range z.File {
		a := archived{File: entry}
		if seen[entry.Name] {
			return nil, a.wrap(errors.New("name: got it twice, want it once"))
		}
		seen[entry.Name] = true
		if err := a.check(size); err != nil {
			return nil, a.wrap(err)
		}
		if entry.UncompressedSize64 > maxArchive-total {
			return nil, a.wrap(fmt.Errorf("size: got %d bytes, want at most %d of all entries", entry.UncompressedSize64, int64(maxArchive)))
		}
		total += entry.UncompressedSize64
		if !strings.HasSuffix(entry.Name, ".npy") {
			continue
		}
		err := a.header()
		if _, ok := err.(elementTypeError); ok {
			if skipped == nil {
				skipped = a.wrap(err)
			}
			continue
		}
		if err != nil {
			return nil, a.wrap(err)
		}
		arrays = append(arrays, a)
	}
	if len(arrays) == 0 {
		return nil, skipped
	}
	return arrays, nil
}

// wrap adds the name of the entry to an error.
func (a archived) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("entry %s: %w", input.Quoted(a.Name), err)
}

// check returns an error unless the entry is stored or compressed by deflate, fits a file of size
// bytes.
func (a archived) check(size int64) error {
	packed, unpacked := a.CompressedSize64, a.UncompressedSize64
	switch {
	case a.Flags&1 != 0:
		return errors.New("encryption: got some, want none")
	case a.Method != zip.Store && a.Method != zip.Deflate:
		return fmt.Errorf("method of compression: got %d, want 0 or 8", a.Method)
	case packed > uint64(size):
		return fmt.Errorf("compressed size: got %d bytes, want at most the %d of the file", packed, size)
	case a.Method == zip.Store && packed != unpacked:
		return fmt.Errorf("size: got %d bytes of data for %d, want as many", packed, unpacked)
	}
	return nil
}

// header reads the header of the array.
func (a *archived) header() error {
	r, err := a.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	a.npy, err = decodeNPY(r, int64(a.UncompressedSize64))
	return err
}

// rows returns the rows of the array, and reads them if they are compressed. It first checks
// everything and the checksum, because a small file may claim to become a large array.
func (a archived) rows(f io.ReaderAt, size int64) (content, error) {
	if err := checkTable(a.shapeAt, a.shape); err != nil {
		return content{}, err
	}
	if most := input.Limit(size) / 4; a.Method == zip.Deflate && a.shape[0] > most/a.shape[1] {
		return content{}, fmt.Errorf("shape: got %d, want at most %d numbers", a.shape, most)
	}
	if err := a.stream((*array).check); err != nil {
		return content{}, err
	}
	if a.Method == zip.Deflate {
		var c content
		err := a.stream(func(s *array) (err error) {
			c, err = a.content(s, true)
			return err
		})
		return c, err
	}
	at, err := a.DataOffset()
	if err != nil {
		return content{}, err
	}
	stored, err := a.array(io.NewSectionReader(f, at, int64(a.UncompressedSize64)), int64(a.UncompressedSize64))
	if err != nil {
		return content{}, err
	}
	return a.content(stored, a.fortran)
}

// labels returns the integers of the array, after it has checked them.
func (a archived) labels() (labels []int, err error) {
	if err := a.stream((*array).checkLabels); err != nil {
		return nil, err
	}
	err = a.stream(func(s *array) (err error) {
		labels, err = s.readLabels()
		return err
	})
	return labels, err
}

// stream calls read with the array, which can be read once from the start, and compares the
// checksum.
func (a archived) stream(read func(*array) error) error {
	r, err := a.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	s := &streamAt{r: r}
	if _, err := io.CopyN(io.Discard, s, a.start); err != nil {
		return err
	}
	array, err := a.array(s, int64(a.UncompressedSize64))
	if err != nil {
		return err
	}
	if err := read(array); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return err
}

// A streamAt makes a stream an io.ReaderAt whose offsets must follow each other.
type streamAt struct {
	r  io.Reader
	at int64
}

func (s *streamAt) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	s.at += int64(n)
	return n, err
}

func (s *streamAt) ReadAt(b []byte, at int64) (int, error) {
	if at != s.at {
		panic(fmt.Sprintf("data: offset %d of a stream at %d", at, s.at))
	}
	return io.ReadFull(s, b)
}
