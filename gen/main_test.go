package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/gen/avx2"
	"github.com/contrast-go/contrast/gen/avx512"
	"github.com/contrast-go/contrast/gen/neon"
	"github.com/contrast-go/contrast/gen/spec"
)

func files(t *testing.T) map[string][]byte {
	t.Helper()
	all, err := spec.Files(isas)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// assembly returns the assembly files of the instruction sets of one folder.
func assembly(t *testing.T, folder string) map[string][]byte {
	all := files(t)
	maps.DeleteFunc(all, func(file string, _ []byte) bool {
		return path.Ext(file) != ".s" || path.Dir(file) != "asm/"+folder
	})
	return all
}

// What the generators print now is what lies in asm and simd, no more and no less.
func TestGeneratedFiles(t *testing.T) {
	want := files(t)
	have, err := generated()
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range want {
		if got, ok := have[path]; !ok {
			t.Errorf("%s is missing; run go generate ./asm", path)
		} else if !bytes.Equal(got, text) {
			t.Errorf("%s differs; run go generate ./asm", path)
		}
	}
	for path := range have {
		if _, ok := want[path]; !ok {
			t.Errorf("%s is no longer generated; run go generate ./asm", path)
		}
	}
}

// Every kernel has a body for AVX2 and NEON, except those of pairs of bfloat16; all bodies have a
// stub, and the files stay short enough to be skimmed.
func TestKernelsComplete(t *testing.T) {
	const maxFile, maxISA = 400, 2000
	all := files(t)
	for _, isa := range isas {
		for _, k := range spec.Kernels {
			if isa.Files[k.File] == nil {
				whole := isa.Package == avx2.ISA.Package || isa.Package == neon.ISA.Package
				if whole && !strings.HasSuffix(k.File, "pairs") {
					t.Errorf("%s lacks %s", isa.Package, k.Name)
				}
				continue
			}
			base := path.Join("asm", isa.Package, k.File+"_"+isa.Arch)
			if !bytes.Contains(all[base+".s"], []byte("TEXT ·"+k.Name+"(SB), NOSPLIT, $0-")) {
				t.Errorf("%s.s lacks %s with NOSPLIT and an empty frame", base, k.Name)
			}
			if !bytes.Contains(all[base+".go"], []byte("\n//go:noescape\nfunc "+k.Name+"(")) {
				t.Errorf("%s.go lacks %s", base, k.Name)
			}
		}
		for file := range isa.Files {
			if !slices.ContainsFunc(spec.Kernels, func(k spec.Kernel) bool { return k.File == file }) {
				t.Errorf("%s writes %s, which is not in the table of kernels", isa.Package, file)
			}
		}
		lines := 0
		for file, text := range assembly(t, isa.Package) {
			n := bytes.Count(text, []byte("\n"))
			lines += n
			if n > maxFile {
				t.Errorf("%s has %d lines, more than %d", file, n, maxFile)
			}
		}
		if lines > maxISA {
			t.Errorf("%s has %d lines of assembly, more than %d", isa.Package, lines, maxISA)
		}
	}
}

// The table of kernels has the signatures of the definitions in internal/generic, whose comments
// begin with those of the table.
func TestTableIsGeneric(t *testing.T) {
	fset := token.NewFileSet()
	pkgs, err := parser.ParseDir(fset, root+"/internal/generic", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	generic := make(map[string]*ast.FuncDecl)
	for _, f := range pkgs["generic"].Files {
		for _, d := range f.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				generic[f.Name.Name] = f
			}
		}
	}
	for _, k := range spec.Kernels {
		f := generic[k.Name]
		if f == nil {
			t.Errorf("generic.%s does not exist", k.Name)
			continue
		}
		var signature strings.Builder
		if err := printer.Fprint(&signature, fset, f.Type); err != nil {
			t.Fatal(err)
		}
		if signature.String() != k.Signature {
			t.Errorf("generic.%s is %s, the table says %s", k.Name, &signature, k.Signature)
		}
		if got, want := f.Doc.Text(), strings.TrimSpace(k.Doc); !strings.HasPrefix(got, want) {
			t.Errorf("the comment of generic.%s is\n%s\nit begins otherwise in the table:\n%s", k.Name, got, want)
		}
	}
}

// The kernels use no instruction that their level in package cpu does not promise.
// Avo lists what a function requires above it.
func TestRequires(t *testing.T) {
	base := []string{"AVX", "AVX2", "FMA3", "SSE", "SSE2", "MMX+"} // MMX+ stands for PREFETCHT0, which came with SSE
	allowed := map[string][]string{
		avx2.ISA.Package:   base,
		avx512.ISA.Package: append([]string{"AVX512F", "AVX512DQ", "AVX512BW", "AVX512VL"}, base...),
	}
	requires := regexp.MustCompile(`(?m)^// Requires: (.*)$`)
	for isa, allowed := range allowed {
		for path, text := range assembly(t, isa) {
			lists := requires.FindAllSubmatch(text, -1)
			if kernels := bytes.Count(text, []byte("TEXT ·")); len(lists) != kernels {
				t.Errorf("%s: %d of %d functions list their instruction sets", path, len(lists), kernels)
			}
			for _, m := range lists {
				for _, set := range strings.Split(string(m[1]), ", ") {
					if !slices.Contains(allowed, set) && !(set == "AVX512BF16" && strings.Contains(path, "pairs")) {
						t.Errorf("%s requires %s", path, set)
					}
				}
			}
		}
	}
}

// Assembly leaves the base pointer to the Go profiler and the upper halves of
// the vector registers clean.
func TestAMD64Registers(t *testing.T) {
	bp := regexp.MustCompile(`\bBP\b`)
	for _, isa := range []string{avx2.ISA.Package, avx512.ISA.Package} {
		for path, text := range assembly(t, isa) {
			if bp.Match(text) {
				t.Errorf("%s uses BP", path)
			}
			for _, f := range strings.Split(string(text), "TEXT ·")[1:] {
				if strings.Count(f, "\tRET\n") != 1 || !strings.Contains(f, "VZEROUPPER") {
					t.Errorf("%s: %.20s… does not end in one VZEROUPPER and RET", path, f)
				}
			}
		}
	}
}
