// Gen writes the assembly kernels below asm with their Go declarations and tests, and the functions
// of package simd that choose between them. It is run by go generate ./asm.
package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/contrast-go/contrast/gen/avx2"
	"github.com/contrast-go/contrast/gen/avx512"
	"github.com/contrast-go/contrast/gen/neon"
	"github.com/contrast-go/contrast/gen/spec"
)

// isas are the instruction sets. Of the same architecture, lower levels come first.
var isas = []spec.ISA{neon.ISA, avx2.ISA, avx512.ISA, avx512.BF16}

// root is the folder of the module as seen from gen, where go generate and go test run.
const root = ".."

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run writes the files and removes those of former runs that are no longer written.
func run() error {
	want, err := spec.Files(isas)
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

// generated returns the files below asm and simd that a run wrote.
func generated() (map[string][]byte, error) {
	have := make(map[string][]byte)
	for _, folder := range []string{"asm", "simd"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil || !bytes.HasPrefix(text, []byte(spec.Banner)) {
				return err
			}
			rel, err := filepath.Rel(root, path)
			have[filepath.ToSlash(rel)] = text
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return have, nil
}
