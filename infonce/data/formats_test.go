package data

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

// writable returns the extensions of files that are written.
func writable() (extensions []string) {
	for _, f := range Formats() {
		if f.Writable {
			extensions = append(extensions, f.Extension)
		}
	}
	return extensions
}

// TestFormats compares what is said of formats, and which malformed files there are, with the
// table.
func TestFormats(t *testing.T) {
	source, err := os.ReadFile("vectors.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []string
	for i, f := range Formats() {
		if !f.Vectors && !f.Labels && !f.Triplets || f.Writable && !f.Vectors || f.Doc == "" {
			t.Errorf("%+v is of no use", f)
		}
		if j := slices.IndexFunc(formats, func(g fileFormat) bool { return strings.HasSuffix(f.Extension, g.extension) }); j != i {
			t.Errorf("files of %s are read as %s", f.Extension, formats[j].extension)
		}
		for _, use := range []struct {
			of   bool
			name string
		}{{f.Vectors, "bad"}, {f.Labels && !f.Vectors, "labels"}, {f.Triplets, "triplets"}} {
			name := use.name + f.Extension
			if use.of && !strings.Contains(f.Extension, "idx1") && !slices.ContainsFunc(badCorpora, func(c filetest.Corpus) bool { return c.File == name }) {
				t.Errorf("no malformed files %s are tried", name)
			}
		}
		if !f.Vectors {
			continue
		}
		vectors = append(vectors, f.Extension)
		if line := `(?m)^//\t` + regexp.QuoteMeta(f.Extension) + ` +` + regexp.QuoteMeta(f.Doc) + `$`; !regexp.MustCompile(line).Match(source) {
			t.Errorf("the doc comment of OpenVectors does not say %q of %s", f.Doc, f.Extension)
		}
	}
	if line := "`" + strings.Join(vectors, " ") + "`"; !strings.Contains(string(readme), line) {
		t.Errorf("the README does not list %s", line)
	}
}
