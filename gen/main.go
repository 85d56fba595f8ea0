// Gen writes the assembly kernels and their Go declarations below asm/.
// It is run by go generate ./asm.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/contrast-go/contrast/gen/avx2"
	"github.com/contrast-go/contrast/gen/avx512"
	"github.com/contrast-go/contrast/gen/neon"
	"github.com/contrast-go/contrast/gen/spec"
)

// root is the folder of the kernels as seen from gen, where go generate and go test run.
const root = "../asm"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run writes files and removes what is extra.
func run() error {
	want, err := files()
	if err != nil {
		return err
	}
	have, err := generated()
	if err != nil {
		return err
	}
	for path := range have {
		if _, ok := want[path]; !ok {
			if err := os.Remove(filepath.Join(root, path)); err != nil {
				return err
			}
		}
	}
	for path, text := range want {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// files returns what belongs below root, by path.
func files() (map[string][]byte, error) {
	all := make(map[string][]byte)
	for _, g := range []struct {
		isa   spec.ISA
		files func() (map[string][]byte, error)
	}{
		{spec.AVX2, avx2.Files},
		{spec.AVX512, avx512.Files},
		{spec.NEON, neon.Files},
	} {
		asm, err := g.files()
		if err != nil {
			return nil, err
		}
		for name, text := range asm {
			all[filepath.Join(g.isa.Package, name)] = text
			stub := strings.TrimSuffix(name, ".s") + ".go"
			all[filepath.Join(g.isa.Package, stub)] = spec.Stubs(g.isa, strings.TrimSuffix(name, "_"+g.isa.Arch+".s"))
		}
	}
	return all, nil
}

// generated returns what lies below root and is not written by hand.
func generated() (map[string][]byte, error) {
	have := make(map[string][]byte)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		if err != nil || d.IsDir() || name == "doc.go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		have[rel], err = os.ReadFile(path)
		return err
	})
	return have, err
}
