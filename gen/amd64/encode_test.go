package amd64

import "testing"

// The bytes are those of the GNU assembler.
func TestEVEX(t *testing.T) {
	for _, c := range []struct {
		opcode  string // registers in Go's order: m, n, d
		m, n, d byte
		want    [6]byte
	}{
		{"VDPBF16PS", 0, 1, 2, [6]byte{0x62, 0xf2, 0x76, 0x48, 0x52, 0xd0}},
		{"VDPBF16PS", 31, 16, 8, [6]byte{0x62, 0x12, 0x7e, 0x40, 0x52, 0xc7}},
		{"VDPBF16PS", 15, 24, 23, [6]byte{0x62, 0xc2, 0x3e, 0x40, 0x52, 0xff}},
		{"VCVTNE2PS2BF16", 4, 3, 3, [6]byte{0x62, 0xf2, 0x67, 0x48, 0x72, 0xdc}},
		{"VCVTNE2PS2BF16", 9, 30, 17, [6]byte{0x62, 0xc2, 0x0f, 0x40, 0x72, 0xc9}},
	} {
		u := unknown[c.opcode]
		if got := evex(u.prefix, u.opcode, c.d, c.n, c.m); got != c.want {
			t.Errorf("%s Z%d, Z%d, Z%d is % x, want % x", c.opcode, c.m, c.n, c.d, got, c.want)
		}
	}
}
