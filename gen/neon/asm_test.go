package neon

import (
	"bytes"
	"encoding/binary"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/arch/arm64/arm64asm"
)

// generated returns the assembly files in the order of their names.
func generated(t *testing.T) (names []string, text map[string]string) {
	t.Helper()
	text = make(map[string]string)
	for name, write := range ISA.Files {
		b, err := write()
		if err != nil {
			t.Fatal(err)
		}
		text[name] = string(b)
	}
	return slices.Sorted(maps.Keys(text)), text
}

// decode returns the text of one instruction as GNU's disassembler writes it.
func decode(w uint32) (string, error) {
	inst, err := arm64asm.Decode(binary.LittleEndian.AppendUint32(nil, w))
	if err != nil {
		return "", err
	}
	return strings.ToLower(arm64asm.GNUSyntax(inst)), nil
}

// TestWordsDecode holds every WORD of the generated files to the text beside it.
func TestWordsDecode(t *testing.T) {
	wordLine := regexp.MustCompile(`^\tWORD \$0x([0-9a-f]{8}) // (.+)$`)
	names, text := generated(t)
	mnemonics := make(map[string]int)
	for _, name := range names {
		for i, line := range strings.Split(text[name], "\n") {
			if !strings.Contains(line, "WORD") && !strings.Contains(line, "BYTE") {
				continue
			}
			m := wordLine.FindStringSubmatch(line)
			if m == nil {
				t.Errorf("%s:%d: %q is not WORD $0x……… // text", name, i+1, line)
				continue
			}
			w, err := strconv.ParseUint(m[1], 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			got, err := decode(uint32(w))
			if err != nil || got != m[2] {
				t.Errorf("%s:%d: %08x decodes to %q (%v), the text is %q", name, i+1, w, got, err, m[2])
			}
			mnemonics[strings.Fields(m[2])[0]]++
		}
	}
	if len(mnemonics) < 10 {
		t.Errorf("found only the instructions %v: this test misses some", mnemonics)
	}
}

// TestEveryEncodingDecodes covers what the kernels happen not to use: all
// registers in all places, all lanes and all shifts.
func TestEveryEncodingDecodes(t *testing.T) {
	var a asm
	for i := range vec(32) {
		for _, r := range [][3]vec{{i, 0, 31}, {31, i, 0}, {0, 31, i}} {
			d, n, m := r[0], r[1], r[2]
			for _, f := range []func(d, n, m vec){
				a.fadd, a.fsub, a.fmul, a.fdiv, a.fmax, a.fmin, a.fmaxnm, a.fcmeq, a.fcmge, a.fcmgt,
			} {
				f(d, n, m)
			}
			for lane := range 4 {
				a.fmlaLane(d, n, m, lane)
				a.fmlsLane(d, n, m, lane)
				a.fmulLane(d, n, m, lane)
			}
			a.scvtf(d, n)
			a.faddp(d, n)
			a.fmaxnmv(d, n)
			a.sshr(d, n, int(i)+1)
		}
	}
	for line := range strings.Lines(a.text.String()) {
		word, text, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "\tWORD $0x")), " // ")
		w, err := strconv.ParseUint(word, 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decode(uint32(w)); err != nil || got != text {
			t.Errorf("%08x decodes to %q (%v), the text is %q", w, got, err, text)
		}
	}
	if n := bytes.Count(a.text.Bytes(), []byte("\n")); n != 32*3*(10+3*4+4) {
		t.Errorf("checked %d encodings", n)
	}
}

// TestRefusesRegisters holds the emitter to the registers that a leaf function of Go may use.
func TestRefusesRegisters(t *testing.T) {
	refused := func(f func()) (refused bool) {
		defer func() { refused = recover() != nil }()
		f()
		return
	}
	for r := range reg(40) {
		want := r == 18 || r >= 27
		if got := refused(func() { (&asm{}).movx(r, 0) }); got != want {
			t.Errorf("R%d refused: %t, want %t", r, got, want)
		}
	}
	for v := range vec(40) {
		if got, want := refused(func() { (&asm{}).fadd(0, 0, v) }), v > 31; got != want {
			t.Errorf("V%d refused: %t, want %t", v, got, want)
		}
	}
	if !refused(func() { (&asm{}).ld1([]vec{0, 2}, 0) }) {
		t.Error("a load of V0 and V2 is not refused")
	}
	if !refused(func() { (&asm{}).vecs(33) }) {
		t.Error("33 vector registers are not refused")
	}
}

// TestFilesStaySmall holds the files to the limits of the house.
func TestFilesStaySmall(t *testing.T) {
	names, text := generated(t)
	total := 0
	for _, name := range names {
		lines := strings.Count(text[name], "\n")
		if total += lines; lines > 400 {
			t.Errorf("%s has %d lines, more than 400", name, lines)
		}
	}
	if total > 2000 {
		t.Errorf("%d lines in all, more than 2000", total)
	}
}

// TestGemmLoop holds the inner loop of Gemm to the instructions it needs beside the multiply-adds.
func TestGemmLoop(t *testing.T) {
	_, text := generated(t)
	_, loop, _ := strings.Cut(text["gemm"], "\nloop:\n")
	loop, _, found := strings.Cut(loop, "\tBNE loop\n")
	if !found {
		t.Fatal("no loop")
	}
	all, fma := 1, strings.Count(loop, "// fmla ")
	for line := range strings.Lines(loop) {
		if line != "\n" && !strings.HasPrefix(line, "\t//") {
			all++
		}
	}
	if fma != 24 || all != 28 {
		t.Errorf("%d multiply-adds in %d instructions, want 24 in 28", fma, all)
	}
}

func TestLayout(t *testing.T) {
	for _, c := range []struct {
		signature, name string
		offset, size    int
	}{
		{"func(x, y []float32) float32", "y_len", 32, 52},
		{"func(x, y []float32) float32", "ret", 48, 52},
		{"func(dst, x []float32, shift float32) float32", "shift", 48, 60},
		{"func(dst, x []float32, shift float32) float32", "ret", 56, 60},
		{"func(y []float32, alpha float32, x []float32)", "x_base", 32, 56},
		{"func(a float32, k int, add bool)", "k", 8, 17},
		{"func(a float32, k int, add bool)", "add", 16, 17},
	} {
		f, err := layout(c.signature)
		if err != nil {
			t.Errorf("%s: %v", c.signature, err)
		} else if off, ok := f.offset[c.name]; !ok || off != c.offset || f.size != c.size {
			t.Errorf("%s: %s at %d (%t) of %d, want %d of %d", c.signature, c.name, off, ok, f.size, c.offset, c.size)
		}
	}
	for _, bad := range []string{"", "func(", "[]float32", "func(x string)", "func(x float32) error"} {
		if _, err := layout(bad); err == nil {
			t.Errorf("layout(%q) gives no error", bad)
		}
	}
}
