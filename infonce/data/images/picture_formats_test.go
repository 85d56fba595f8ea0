package images

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
	"github.com/contrast-go/contrast/infonce/data/internal/input"
)

// TestFormats reads a file of each format by all its extensions, and compares the doc comment and
// the malformed files with the table.
func TestFormats(t *testing.T) {
	good := map[string][]byte{"PGM": pgm(8, 8, make([]byte, 64)...), "PPM": append([]byte("P6 8 8 255\n"), make([]byte, 192)...)}
	source, err := os.ReadFile("folder.go")
	if err != nil {
		t.Fatal(err)
	}
	if list := input.OneOf(Formats()); !strings.Contains(string(source), "// Files are "+list) {
		t.Errorf("the doc comment of ReadFolder does not say %q", list)
	}
	for _, f := range pictureFormats {
		if !slices.ContainsFunc(badPictures(), func(b badFile) bool { return strings.HasPrefix(b.Name, f.title) }) {
			t.Errorf("no malformed %s is tried", f.title)
		}
		for _, extension := range f.extensions {
			file, ok := good[f.title]
			if !ok {
				file = goodPicture(f.extensions[0][1:])
			}
			m, err := ReadFolder(filetest.Folder(t, map[string][]byte{"a" + strings.ToUpper(extension): file}), Size{})
			if err != nil || m.Len() != 1 || m.Width != 8 || m.Height != 8 {
				t.Errorf("%s: %d images of %d×%d, error %v", extension, m.Len(), m.Width, m.Height, err)
			}
		}
	}
}
