// Package avx2 writes the kernels for amd64 with AVX2 and FMA3.
//
// Operands stand in Go's order, the reverse of Intel's: sources first, the
// destination last. VSUBPS(b, a, d) is d = a − b.
package avx2

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"

	"github.com/contrast-go/contrast/gen/spec"
)

// Files returns the assembly files by name.
func Files() (map[string][]byte, error) {
	files := make(map[string][]byte)
	for _, k := range []struct {
		name  string
		write func(*file)
	}{
		{"dot", dot},
		{"reduce", reduce},
		{"elementwise", elementwise},
		{"exp", exp},
		{"log", log},
		{"gemm", gemm},
	} {
		f := &file{build.NewContext(), make(map[string]operand.Mem)}
		f.ConstraintExpr("!purego")
		k.write(f)
		text, err := f.print()
		if err != nil {
			return nil, fmt.Errorf("avx2: %s: %w", k.name, err)
		}
		files[k.name+"_amd64.s"] = text
	}
	return files, nil
}

// A file is one assembly file in the making.
type file struct {
	*build.Context
	data map[string]operand.Mem // the constants laid down so far
}

func (f *file) print() ([]byte, error) {
	ir, err := f.Result()
	if err != nil {
		return nil, err
	}
	if err := pass.Compile.Execute(ir); err != nil {
		return nil, err
	}
	return printer.NewGoAsm(printer.Config{Name: "gen"}).Print(ir)
}

// kernel begins a function of the table.
func (f *file) kernel(name string) {
	for _, k := range spec.Kernels {
		if k.Name == name {
			f.Function(name)
			f.Attributes(attr.NOSPLIT)
			f.SignatureExpr(k.Signature)
			return
		}
	}
	panic("avx2: no kernel " + name)
}

// ret ends a function. If it has a result, that is the lowest element of v.
func (f *file) ret(v ...reg.VecVirtual) {
	f.VZEROUPPER() // keeps the lower halves
	for _, v := range v {
		f.VMOVSS(v.AsX(), f.addr(f.ReturnIndex(0)))
	}
	f.RET()
}

func (f *file) addr(c gotypes.Component) operand.Mem {
	b, err := c.Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// param loads an integer, or the base or the length of a slice.
func (f *file) param(c gotypes.Component) reg.GPVirtual {
	r := f.GP64()
	f.MOVQ(f.addr(c), r)
	return r
}

// broadcast fills a register with a float argument.
func (f *file) broadcast(name string) reg.VecVirtual {
	v := f.YMM()
	f.VBROADCASTSS(f.addr(f.Param(name)), v)
	return v
}

// constant fills a register with v.
func (f *file) constant(name string, v operand.Constant) reg.VecVirtual {
	y := f.YMM()
	f.VBROADCASTSS(f.rodata(name, v), y)
	return y
}

// float8 and int8 lay down eight copies of v, for the memory operand of an instruction.
func (f *file) float8(name string, v float32) operand.Mem { return f.bits8(name, math.Float32bits(v)) }
func (f *file) int8(name string, v int32) operand.Mem     { return f.bits8(name, uint32(v)) }

func (f *file) bits8(name string, u uint32) operand.Mem {
	two := operand.U64(u) | operand.U64(u)<<32
	return f.rodata(name, two, two, two, two)
}

// rodata lays down a constant unless it is there.
func (f *file) rodata(name string, v ...operand.Constant) operand.Mem {
	if _, ok := f.data[name]; !ok {
		f.data[name] = f.StaticGlobal(name)
		f.DataAttributes(attr.RODATA | attr.NOPTR)
		for _, v := range v {
			f.AppendDatum(v)
		}
	}
	return f.data[name]
}

// zeros returns n registers of +0.
func (f *file) zeros(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = f.YMM()
		f.VXORPS(v[i], v[i], v[i])
	}
	return v
}

// fold combines the lanes in halves, adds +0 and leaves the result in the lowest lane of v[0].
func (f *file) fold(v []reg.VecVirtual, op func(...operand.Op)) {
	f.Commentf("Halves of lanes: %d+%d to 1+1. The last addition makes −0 to +0.", 4*len(v), 4*len(v))
	for n := len(v) / 2; n > 0; n /= 2 {
		for i := range n {
			op(v[i+n], v[i], v[i])
		}
	}
	x, y := v[0].AsX(), f.XMM()
	f.VEXTRACTF128(operand.U8(1), v[0], y)
	op(y, x, x)
	f.VMOVHLPS(x, x, y)
	op(y, x, x)
	f.VMOVSHDUP(x, y)
	op(y, x, x)
	f.VXORPS(y, y, y)
	f.VADDSS(y, x, x)
}
