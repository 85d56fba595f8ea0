package main

import (
	"bytes"
	"go/format"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/gen/spec"
)

// What the generators print now is what lies in asm/, no more and no less.
func TestGeneratedFiles(t *testing.T) {
	want, err := files()
	if err != nil {
		t.Fatal(err)
	}
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
			t.Errorf("%s is not generated; run go generate ./asm", path)
		}
	}
}

// Every kernel has a body and a formatted stub for AVX2 and NEON, and
// the files stay short enough to be skimmed.
func TestKernelsComplete(t *testing.T) {
	const maxFile, maxISA = 400, 2000
	all, err := files()
	if err != nil {
		t.Fatal(err)
	}
	for _, isa := range []spec.ISA{spec.AVX2, spec.AVX512, spec.NEON} {
		for _, k := range spec.Kernels {
			if slices.Contains(isa.Lacks, k.File) {
				continue
			}
			base := filepath.Join(isa.Package, k.File+"_"+isa.Arch)
			if _, ok := all[base+".s"]; !ok && isa.Package == spec.AVX512.Package {
				continue // it falls back on AVX2, a file at a time
			}
			if !bytes.Contains(all[base+".s"], []byte("TEXT ·"+k.Name+"(SB), NOSPLIT, $0-")) {
				t.Errorf("%s.s lacks %s with NOSPLIT and an empty frame", base, k.Name)
			}
			stub := all[base+".go"]
			if !bytes.Contains(stub, []byte("\n//go:noescape\nfunc "+k.Name+"(")) {
				t.Errorf("%s.go lacks %s", base, k.Name)
			}
			if f, err := format.Source(stub); err != nil || !bytes.Equal(f, stub) {
				t.Errorf("%s.go is not formatted: %v", base, err)
			}
		}
		lines := 0
		for path, text := range all {
			if filepath.Dir(path) == isa.Package && filepath.Ext(path) == ".s" {
				n := bytes.Count(text, []byte("\n"))
				lines += n
				if n > maxFile {
					t.Errorf("%s has %d lines, more than %d", path, n, maxFile)
				}
			}
		}
		if lines > maxISA {
			t.Errorf("%s has %d lines of assembly, more than %d", isa.Package, lines, maxISA)
		}
	}
}

// The kernels use no instruction that their level in package cpu does not promise.
// Avo lists what a function requires above it.
func TestRequires(t *testing.T) {
	avx2 := []string{"AVX", "AVX2", "FMA3", "SSE", "SSE2", "MMX+"} // MMX+ stands for PREFETCHT0, which came with SSE
	allowed := map[string][]string{
		spec.AVX2.Package:   avx2,
		spec.AVX512.Package: append([]string{"AVX512F", "AVX512DQ", "AVX512BW", "AVX512VL"}, avx2...),
	}
	requires := regexp.MustCompile(`(?m)^// Requires: (.*)$`)
	all, err := files()
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range all {
		isa := filepath.Dir(path)
		if isa == spec.NEON.Package || filepath.Ext(path) != ".s" {
			continue
		}
		lists := requires.FindAllSubmatch(text, -1)
		if kernels := bytes.Count(text, []byte("TEXT ·")); len(lists) != kernels {
			t.Errorf("%s: %d of %d functions list their instruction sets", path, len(lists), kernels)
		}
		for _, m := range lists {
			for _, set := range strings.Split(string(m[1]), ", ") {
				if !slices.Contains(allowed[isa], set) && !(set == "AVX512BF16" && strings.Contains(path, "pairs")) {
					t.Errorf("%s requires %s", path, set)
				}
			}
		}
	}
}

// Assembly leaves the base pointer to the Go profiler and the upper halves of
// the vector registers clean.
func TestAMD64Registers(t *testing.T) {
	all, err := files()
	if err != nil {
		t.Fatal(err)
	}
	bp := regexp.MustCompile(`\bBP\b`)
	for path, text := range all {
		if filepath.Dir(path) == spec.NEON.Package || filepath.Ext(path) != ".s" {
			continue
		}
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
