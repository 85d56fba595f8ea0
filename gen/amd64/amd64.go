// Package amd64 holds what the generators for amd64 share, and the kernels that are written once for
// AVX2 and AVX-512.
//
// Operands are in Go's order, the reverse of Intel's: sources first, the destination last.
// VSUBPS(b, a, d) is d = a − b.
package amd64

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"

	"github.com/contrast-go/contrast/gen/spec"
)

// Files returns the writers of assembly files for vector registers of the given number of lanes.
func Files(lanes int, files map[string]func(*File)) map[string]spec.Writer {
	writers := make(map[string]spec.Writer)
	for name, write := range files {
		writers[name] = func() ([]byte, error) {
			f := &File{build.NewContext(), lanes, make(map[string]operand.Mem)}
			f.ConstraintExpr("!purego")
			write(f)
			return f.print()
		}
	}
	return writers
}

// A File is one assembly file in the making.
type File struct {
	*build.Context
	Lanes int                    // float32 in a vector register
	data  map[string]operand.Mem // the constants declared so far
}

func (f *File) print() ([]byte, error) {
	ir, err := f.Result()
	if err != nil {
		return nil, err
	}
	if err := pass.Compile.Execute(ir); err != nil {
		return nil, err
	}
	encode(ir)
	return printer.NewGoAsm(printer.Config{Name: "gen"}).Print(ir)
}

// Begin begins a function of the table.
func (f *File) Begin(kernel string) {
	for _, k := range spec.Kernels {
		if k.Name == kernel {
			f.Function(kernel)
			f.Attributes(attr.NOSPLIT)
			f.SignatureExpr(k.Signature)
			return
		}
	}
	panic("amd64: no kernel " + kernel)
}

// End ends a function. The result, if there is one, is the lowest element of v.
func (f *File) End(v ...reg.VecVirtual) {
	f.VZEROUPPER() // keeps the lower halves
	for _, v := range v {
		f.VMOVSS(v.AsX(), f.Addr(f.ReturnIndex(0)))
	}
	f.RET()
}

// Addr is where an argument or a result lies.
func (f *File) Addr(c gotypes.Component) operand.Mem {
	b, err := c.Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// Arg loads an integer, or the base or the length of a slice.
func (f *File) Arg(c gotypes.Component) reg.GPVirtual {
	r := f.GP64()
	f.MOVQ(f.Addr(c), r)
	return r
}

// Rodata declares a constant unless it exists, and returns its address.
func (f *File) Rodata(name string, v ...operand.Constant) operand.Mem {
	if _, ok := f.data[name]; !ok {
		f.data[name] = f.StaticGlobal(name)
		f.DataAttributes(attr.RODATA | attr.NOPTR)
		for _, v := range v {
			f.AppendDatum(v)
		}
	}
	return f.data[name]
}

// Indexed is the address base + scale·index.
func Indexed(base, index reg.GPVirtual, scale uint8) operand.Mem {
	return operand.Mem{Base: base, Index: index, Scale: scale}
}
