package simd_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// What is not in the tables of functions of vectors and of products has tests of its own.
var tested = []string{
	"FMA", "SumLanes", "LogSumExpRows", "SoftmaxRows", "NormalizeRows", "AddNormalizeRowsGrad",
	"NewMatrix", "Matrix.Row", "Matrix.Slice", "Matrix.Reshape", "Matrix.Check", "Matrix.Overlaps",
	"Packed.Pack", "Packed.PackTrans", "Packed.Reset", "Packed.PackAt", "Packed.PackTransAt", "Packed.Slice",
	"ShapeError.Error", "NonFiniteError.Error", "Precision.String",
}

// Every exported function is in the tables by which the tests of bits, fences, overlaps and
// concurrent use go, so that no new one is left out of them.
func TestTablesAreComplete(t *testing.T) {
	have := make(map[string]bool)
	for _, name := range tested {
		have[name] = true
	}
	for _, f := range vectorFuncs {
		have[f.name] = true
	}
	for _, p := range products {
		name, _, _ := strings.Cut(p.name, "/")
		have[name] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no source files: ", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() {
				continue
			}
			name := f.Name.Name
			if f.Recv != nil {
				recv := f.Recv.List[0].Type
				if p, ok := recv.(*ast.StarExpr); ok {
					recv = p.X
				}
				name = recv.(*ast.Ident).Name + "." + name
			}
			if !have[name] {
				t.Errorf("%s: %s is in no table of the tests", file, name)
			}
			delete(have, name)
		}
	}
	for name := range have {
		t.Errorf("%s is in a table, but not in the package", name)
	}
}
