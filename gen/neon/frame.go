package neon

import (
	"fmt"
	"go/ast"
	"go/parser"
)

// A frame says where a function finds its arguments.
type frame struct {
	offset map[string]int // by the name that go vet wants: x_base, x_len, alpha, ret
	size   int
}

// operand returns an argument as an operand.
func (f frame) operand(name string) string {
	off, ok := f.offset[name]
	if !ok {
		panic("neon: no argument " + name)
	}
	return fmt.Sprintf("%s+%d(FP)", name, off)
}

// layout lays out the arguments as Go's stack ABI does: each at a multiple of
// its own alignment, the result at a multiple of 8.
func layout(signature string) (frame, error) {
	expr, err := parser.ParseExpr(signature)
	if err != nil {
		return frame{}, fmt.Errorf("signature %q: %w", signature, err)
	}
	fn, ok := expr.(*ast.FuncType)
	if !ok {
		return frame{}, fmt.Errorf("signature %q: not a function type", signature)
	}
	f := frame{offset: map[string]int{}}
	for _, field := range fn.Params.List {
		for _, name := range field.Names {
			if err := f.place(name.Name, field.Type); err != nil {
				return frame{}, fmt.Errorf("signature %q: %w", signature, err)
			}
		}
	}
	if fn.Results != nil {
		f.size = (f.size + 7) / 8 * 8
		if err := f.place("ret", fn.Results.List[0].Type); err != nil {
			return frame{}, fmt.Errorf("signature %q: %w", signature, err)
		}
	}
	return f, nil
}

func (f *frame) place(name string, typ ast.Expr) error {
	var size int
	switch t := typ.(type) {
	case *ast.ArrayType:
		f.size = (f.size + 7) / 8 * 8
		f.offset[name+"_base"], f.offset[name+"_len"] = f.size, f.size+8
		f.size += 24
		return nil
	case *ast.StarExpr:
		size = 8
	case *ast.Ident:
		size = map[string]int{"int": 8, "float32": 4, "bool": 1}[t.Name]
	}
	if size == 0 {
		return fmt.Errorf("%s has a type that no kernel uses", name)
	}
	f.size = (f.size + size - 1) / size * size
	f.offset[name] = f.size
	f.size += size
	return nil
}
