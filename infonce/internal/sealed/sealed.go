// Package sealed reads and writes models and checkpoints: safetensors files whose metadata contain
// the name of a format, its version, and a hash of everything else, so that no damage goes
// unnoticed.
package sealed

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/infonce/data"
)

// The keys of the metadata.
const (
	FormatKey  = "format"
	VersionKey = "version"
	HashKey    = "sha256"
)

// FormatVersion is the version of the formats. It changes when an older program
// could misread a newer file.
const FormatVersion = "1"

// Write replaces the file at path, and moves the old one to previous unless that is empty. It adds
// its keys to meta.
func Write(path, previous, format string, tensors []data.Tensor, meta map[string]string) error {
	meta[FormatKey], meta[VersionKey] = format, FormatVersion
	meta[HashKey] = Sum(tensors, meta)
	write := func(w io.Writer) error { return data.WriteSafetensors(w, tensors, meta) }
	if previous == "" {
		return data.WriteAtomic(path, write)
	}
	return data.WriteAtomicKeeping(path, previous, write)
}

// Read reads the file at path. Its error names path.
func Read(path, format string) ([]data.Tensor, map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s: not a regular file", path)
	}
	tensors, meta, err := data.ReadSafetensors(f, info.Size())
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, want := range []struct{ key, value string }{
		{FormatKey, format},
		{VersionKey, FormatVersion},
		{HashKey, Sum(tensors, meta)},
	} {
		if got := meta[want.key]; got != want.value {
			return nil, nil, fmt.Errorf("%s: %s: got %s, want %s", path, want.key, Excerpt(got), Excerpt(want.value))
		}
	}
	return tensors, meta, nil
}

// Sum returns the SHA-256, in hexadecimal, of tensors and of meta without the hash itself. Each
// text and list is preceded by its length, so that different contents are hashed differently.
func Sum(tensors []data.Tensor, meta map[string]string) string {
	h := sha256.New()
	number := func(n int) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(n))
		h.Write(b[:])
	}
	text := func(s string) {
		number(len(s))
		io.WriteString(h, s)
	}
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		if key != HashKey {
			text(key)
			text(meta[key])
		}
	}
	tensors = slices.Clone(tensors)
	slices.SortFunc(tensors, func(a, b data.Tensor) int { return strings.Compare(a.Name, b.Name) })
	number(len(tensors))
	for _, t := range tensors {
		text(t.Name)
		number(len(t.Shape))
		for _, d := range t.Shape {
			number(d)
		}
		text(HashFloats(t.Data))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Excerpt returns text of a file, quoted and shortened, for an error message.
func Excerpt(s string) string {
	const limit = 64
	if s == "" {
		return "nothing"
	}
	if len(s) > limit {
		return fmt.Sprintf("%+q…", s[:limit])
	}
	return fmt.Sprintf("%+q", s)
}

// HashFloats returns the SHA-256 of the little-endian bytes of values, in hexadecimal.
func HashFloats(values []float32) string {
	h := sha256.New()
	var buf []byte
	for len(values) > 0 {
		n := min(len(values), 1<<12)
		buf = buf[:0]
		for _, v := range values[:n] {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		h.Write(buf)
		values = values[n:]
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Match returns an error unless got has the names and shapes of want.
func Match(got, want []data.Tensor) error {
	shapes := make(map[string][]int, len(got))
	for _, t := range got {
		shapes[t.Name] = t.Shape
	}
	for _, t := range want {
		shape, ok := shapes[t.Name]
		if !ok {
			return fmt.Errorf("tensor %s: got none, want shape %v", t.Name, t.Shape)
		}
		if !slices.Equal(shape, t.Shape) {
			return fmt.Errorf("tensor %s: got shape %v, want %v", t.Name, shape, t.Shape)
		}
		delete(shapes, t.Name)
	}
	for _, t := range got {
		if _, ok := shapes[t.Name]; ok {
			return fmt.Errorf("tensor %s: got shape %v, want none", Excerpt(t.Name), t.Shape)
		}
	}
	return nil
}

// Copy copies the values of src to the tensors of the same names in dst.
func Copy(dst, src []data.Tensor) {
	values := make(map[string][]float32, len(src))
	for _, t := range src {
		values[t.Name] = t.Data
	}
	for _, t := range dst {
		copy(t.Data, values[t.Name])
	}
}
