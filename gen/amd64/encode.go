package amd64

import (
	"fmt"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The mandatory prefix, as EVEX encodes it, and the opcode of instructions of AVX512_BF16, which
// neither avo nor Go's assembler knows. Their operands are ZMM registers.
var unknown = map[string]struct{ prefix, opcode byte }{
	"VDPBF16PS":      {2, 0x52}, // EVEX.512.F3.0F38.W0 52 /r
	"VCVTNE2PS2BF16": {3, 0x72}, // EVEX.512.F2.0F38.W0 72 /r
}

// VDPBF16PS has operands a, b and sum. It adds the products of the pairs of bfloat16 in a and b to
// the float32 in sum, those of the upper halves first.
func (f *File) VDPBF16PS(ops ...operand.Op) {
	f.unknown("VDPBF16PS", ops, ops, ops[2:])
}

// VCVTNE2PS2BF16 rounds low and high to bfloat16, for the halves of dst.
func (f *File) VCVTNE2PS2BF16(low, high, dst operand.Op) {
	ops := []operand.Op{low, high, dst}
	f.unknown("VCVTNE2PS2BF16", ops, ops[:2], ops[2:])
}

func (f *File) unknown(opcode string, ops, inputs, outputs []operand.Op) {
	f.Instruction(&ir.Instruction{
		Opcode: opcode, Operands: ops, Inputs: inputs, Outputs: outputs, ISA: []string{"AVX512BF16"},
	})
}

// encode replaces the instructions that the assembler does not know by their bytes, after registers
// are assigned.
func encode(file *ir.File) {
	for _, f := range file.Functions() {
		for _, i := range f.Instructions() {
			u, ok := unknown[i.Opcode]
			if !ok {
				continue
			}
			var z [3]byte
			for n, op := range i.Operands {
				z[n] = byte(op.(reg.Physical).PhysicalIndex())
			}
			e := evex(u.prefix, u.opcode, z[2], z[1], z[0])
			i.Operands = []operand.Op{text(fmt.Sprintf("$0x%02x%02x%02x%02x; WORD $0x%02x%02x // %s Z%d, Z%d, Z%d",
				e[3], e[2], e[1], e[0], e[5], e[4], i.Opcode, z[0], z[1], z[2]))}
			i.Opcode = "LONG"
		}
	}
}

// evex encodes an instruction of opcode map 0F38, W0, on ZMM registers: d is the destination, n
// the operand in vvvv, m the one in ModRM.rm. Intel 64 and IA-32 Architectures
// Software Developer's Manual, volume 2, section 2.7.1.
func evex(prefix, opcode, d, n, m byte) [6]byte {
	inverted := func(r, bit, to byte) byte { return (^r >> bit & 1) << to }
	return [6]byte{
		0x62,
		inverted(d, 3, 7) | inverted(m, 4, 6) | inverted(m, 3, 5) | inverted(d, 4, 4) | 2,
		(^n&15)<<3 | 1<<2 | prefix,
		2<<5 | inverted(n, 4, 3),
		opcode,
		3<<6 | d&7<<3 | m&7,
	}
}

// A text is an operand as it is printed.
type text string

// Asm returns the text.
func (t text) Asm() string { return string(t) }
