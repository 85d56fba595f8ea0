// Package input opens files whose content nobody vouches for, and words the errors about them: one
// line that names the offset or the line, the rule, what was found and what was wanted.
package input

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// MaxMemory is the most bytes that data may take in memory when it is decompressed and decoded,
// unless the file itself is large: see [Limit]. How well a file is compressed says nothing:
// embeddings may be zeros and ones, or repeat each other. Tests lower it.
var MaxMemory int64 = 1 << 30

// Limit returns the most bytes that the data of a file of size bytes may take in memory.
func Limit(size int64) int64 { return max(MaxMemory, 4*min(size, math.MaxInt64/4)) }

// Open opens a file for reading and returns its size. It refuses everything but regular files,
// since opening a pipe could wait for ever.
func Open(path string) (f *os.File, size int64, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s: not a regular file", path)
	}
	if f, err = os.Open(path); err != nil {
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// ReadAt fills b with the bytes at an offset.
func ReadAt(f io.ReaderAt, b []byte, at int64) error {
	n, err := f.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return Short(err, at+int64(n), at+int64(len(b)))
}

// Malformed returns the error for a file that breaks a rule, to be wrapped with the format and the
// name of the file. Text out of the file must come [Quoted].
func Malformed(offset int64, rule string, got, want any) error {
	return fmt.Errorf("offset %d: %s: got %v, want %v", offset, rule, got, want)
}

// MalformedLine is [Malformed] for files of text, whose lines are counted from 1.
func MalformedLine(line int, rule string, got, want any) error {
	return fmt.Errorf("line %d: %s: got %v, want %v", line, rule, got, want)
}

// Short returns the error for data that ended with err at offset at, before the offset want.
func Short(err error, at, want int64) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return Malformed(at, "length of data", "end of file", fmt.Sprintf("%d more bytes", want-at))
	}
	return fmt.Errorf("offset %d: %w", at, err)
}

// Quoted returns text out of a file as a Go string literal, cut where it is longer than an error
// message should be.
func Quoted(s string) string {
	const limit = 64
	if len(s) > limit {
		return fmt.Sprintf("%+q…", s[:limit])
	}
	return fmt.Sprintf("%+q", s)
}

// OneOf returns a list such as "a, b or c".
func OneOf(list []string) string {
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " or " + list[last]
}
