package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/infonce/data"
)

// A sealed file is a safetensors file whose metadata has these three keys. The hash
// is over all else that the file says, so that no damage goes unnoticed.
const (
	formatKey  = "format"
	versionKey = "version"
	hashKey    = "sha256"
)

// formatVersion is the version of the formats. It changes when an older program
// could misread a newer file.
const formatVersion = "1"

// writeSealed replaces the file at path, and keeps the old one at previous unless that is
// empty. It adds its keys to meta.
func writeSealed(path, previous, format string, tensors []data.Tensor, meta map[string]string) error {
	meta[formatKey], meta[versionKey] = format, formatVersion
	meta[hashKey] = seal(tensors, meta)
	write := func(w io.Writer) error { return data.WriteSafetensors(w, tensors, meta) }
	if previous == "" {
		return data.WriteAtomic(path, write)
	}
	return data.WriteAtomicKeeping(path, previous, write)
}

// readSealed reads the file at path. Its error does not name path where it is about
// the contents.
func readSealed(path, format string) ([]data.Tensor, map[string]string, error) {
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
		{formatKey, format},
		{versionKey, formatVersion},
		{hashKey, seal(tensors, meta)},
	} {
		if got := meta[want.key]; got != want.value {
			return nil, nil, fmt.Errorf("%s: %s: got %s, want %s", path, want.key, excerpt(got), excerpt(want.value))
		}
	}
	return tensors, meta, nil
}

// seal returns the SHA-256, in hexadecimal, of tensors and of meta but for the hash.
// Each text and list comes after its length, so that no two contents read alike.
func seal(tensors []data.Tensor, meta map[string]string) string {
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
		if key != hashKey {
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
		text(WeightsSHA256(t.Data))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// excerpt returns text out of a file for an error message.
func excerpt(s string) string {
	const limit = 64
	if s == "" {
		return "nothing"
	}
	if len(s) > limit {
		return fmt.Sprintf("%+q…", s[:limit])
	}
	return fmt.Sprintf("%+q", s)
}

// matchTensors returns an error unless got has the names and shapes of want.
func matchTensors(got, want []data.Tensor) error {
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
			return fmt.Errorf("tensor %s: got shape %v, want none", excerpt(t.Name), t.Shape)
		}
	}
	return nil
}

// copyTensors copies the values of src to the tensors of dst of the same names,
// which it has.
func copyTensors(dst, src []data.Tensor) {
	values := make(map[string][]float32, len(src))
	for _, t := range src {
		values[t.Name] = t.Data
	}
	for _, t := range dst {
		copy(t.Data, values[t.Name])
	}
}
