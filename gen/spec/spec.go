// Package spec is the one table of kernels: what each is called, what it takes
// and what its doc comment says. The stubs of every instruction set are printed from it.
package spec

import (
	"bytes"
	"fmt"
	"strings"
)

// A Kernel is a function that every instruction set implements with the bits
// of its namesake in package internal/generic.
type Kernel struct {
	File      string // the kernel lies in File_ARCH.s and has its stub in File_ARCH.go
	Name      string
	Signature string // as in Go source: "func(x, y []float32) float32"
	Doc       string // doc comment without the slashes; lines of code begin with a tab
}

// An ISA is an instruction set for which kernels are generated.
type ISA struct {
	Package            string // the folder below asm
	Arch               string // as in GOARCH
	Doc                string // what Gemm asks of its operands here, in one sentence; "" is nothing more than generic.Gemm
	Lanes              int    // float32 in a vector register
	GemmRows, GemmCols int
	Lacks              []string // files of the table that it does without
}

// The instruction sets.
var (
	AVX2   = ISA{Package: "avx2", Arch: "amd64", Lanes: 8, GemmRows: 6, GemmCols: 16, Lacks: []string{"pairs", "gemmpairs"}}
	AVX512 = ISA{Package: "avx512", Arch: "amd64", Lanes: 16, GemmRows: 4, GemmCols: 32}
	NEON   = ISA{Package: "neon", Arch: "arm64", Lanes: 4, GemmRows: 8, GemmCols: 12, Lacks: []string{"pairs", "gemmpairs"},
		Doc: "ars is 1: a is column-major, so that one load takes the GemmRows elements of a column."}
)

// Kernels lists all kernels; those of one file stand together, in the order of the file.
// An instruction set may lack a file: package simd then goes to the next lower level.
var Kernels = []Kernel{
	{"dot", "Dot", "func(x, y []float32) float32", `
Dot returns Σ x[i]·y[i], each product fused into its lane's sum:

	for i := range x { lane[i%32] = fma(x[i], y[i], lane[i%32]) }`},

	{"dot", "SquaredDistance", "func(x, y []float32) float32", `
SquaredDistance returns Σ (x[i]−y[i])², each square fused into its lane's sum:

	for i := range x { d := x[i] - y[i]; lane[i%32] = fma(d, d, lane[i%32]) }`},

	{"reduce", "Sum", "func(x []float32) float32", `
Sum returns Σ x[i]:

	for i := range x { lane[i%16] += x[i] }`},

	{"reduce", "Max", "func(x []float32) float32", `
Max returns the largest x[i] that is not NaN, and −Inf if there is none. Both zeros are +0:

	m := −Inf; for i := range x { if x[i] > m { m = x[i] } }; return m + 0`},

	{"reduce", "IndexAtLeast", "func(x []float32, least float32) int", `
IndexAtLeast returns the first i with x[i] ≥ least, and len(x) if there is none:

	for i := range x { if x[i] >= least { return i } }; return len(x)`},

	{"elementwise", "Axpy", "func(y []float32, alpha float32, x []float32)", `
Axpy adds alpha·x to y:

	for i := range y { y[i] = fma(alpha, x[i], y[i]) }`},

	{"elementwise", "Scale", "func(dst []float32, alpha float32, x []float32)", `
Scale stores alpha·x:

	for i := range dst { dst[i] = alpha * x[i] }`},

	{"elementwise", "Add", "func(dst, x, y []float32)", `
Add stores x + y:

	for i := range dst { dst[i] = x[i] + y[i] }`},

	{"elementwise", "MulShifted", "func(dst, x, w []float32, alpha float32)", `
MulShifted stores x weighted by w + alpha:

	for i := range dst { dst[i] = x[i] * (w[i] + alpha) }`},

	{"elementwise", "MaxAffine", "func(dst, x []float32, alpha, c float32)", `
MaxAffine raises dst to alpha·x + c, fused, where that is larger. A NaN among them leaves dst as it is:

	for i := range dst { if m := fma(alpha, x[i], c); m > dst[i] { dst[i] = m } }`},

	{"sumexp", "SumExp", "func(x []float32, shift float32) float32", `
SumExp returns Σ exp(x[i] − shift):

	for i := range x { lane[i%16] += exp(x[i] - shift) }`},

	{"explanes", "ExpLanes", "func(dst, x []float32, shift float32, lane *[16]float32)", `
ExpLanes stores exp(x − shift) and goes on with the 16 sums of what it stored:

	for i := range x { dst[i] = exp(x[i] - shift); lane[i%16] += dst[i] }`},

	{"log", "Log", "func(dst, x []float32)", `
Log stores the natural logarithm:

	for i := range dst { dst[i] = log(x[i]) }`},

	{"pack", "Copy", "func(dst []float32, ldd int, src []float32, lds, rows, cols int)", `
Copy copies a block of a matrix:

	for i := range rows { for j := range cols { dst[i*ldd+j] = src[i*lds+j] } }

cols is a multiple of 4.`},

	{"pack", "Transpose", "func(dst []float32, ldd int, src []float32, lds, rows, cols int)", `
Transpose stores the transpose of a block of a matrix:

	for i := range rows { for j := range cols { dst[j*ldd+i] = src[i*lds+j] } }

rows and cols are multiples of 8.`},

	{"gemm", "Gemm", "func(c []float32, ldc int, a []float32, ars, acs int, b []float32, k, rows int, alpha float32, add bool)", `
Gemm updates rows × GemmCols elements of c with the product of a block of
a and a packed panel of b, one chain of fused multiply-adds an element, k ascending:

	for i := range rows {
		for j := range GemmCols {
			s := 0; if add { s = c[i*ldc+j] }
			for p := range k { s = fma(a[i*ars+p*acs], b[p*GemmCols+j], s) }
			c[i*ldc+j] = alpha * s
		}
	}

rows is a multiple of GemmRows.`},

	{"pairs", "PairRows", "func(dst, x, y []float32)", `
PairRows stores pairs of bfloat16, one of each row:

	for i := range dst { dst[i] = pair(bfloat16(x[i]), bfloat16(y[i])) }`},

	{"pairs", "PairRow", "func(dst, x []float32)", `
PairRow stores the neighbours in a row as pairs of bfloat16, the last one beside +0 if it is alone:

	for i := range dst { dst[i] = pair(bfloat16(x[2*i]), bfloat16(x[2*i+1])) }

The length of dst is half that of x, rounded up.`},

	{"gemmpairs", "GemmPairs", "func(c []float32, ldc int, a []float32, ars, acs int, b []float32, k, rows int, alpha float32, add bool)", `
GemmPairs is Gemm of pairs of bfloat16:

	for i := range rows {
		for j := range GemmCols {
			s := 0; if add { s = c[i*ldc+j] }
			for p := range k {
				a0, a1 := unpair(a[i*ars+p*acs])
				b0, b1 := unpair(b[p*GemmCols+j])
				s = fma(a0, b0, s)
				s = fma(a1, b1, s)
			}
			c[i*ldc+j] = alpha * s
		}
	}

rows is a multiple of GemmRows. A subnormal number in c, a or b is taken for 0.`},
}

// Stubs returns the Go file that declares the kernels of one file for isa.
func Stubs(isa ISA, file string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// Code generated by gen. DO NOT EDIT.\n\n//go:build !purego\n\npackage %s\n", isa.Package)
	if file == "gemm" {
		fmt.Fprintf(&b, "\n// The tile of Gemm: a call updates a multiple of GemmRows rows and GemmCols columns.\n")
		fmt.Fprintf(&b, "const (\n\tGemmRows = %d\n\tGemmCols = %d\n)\n", isa.GemmRows, isa.GemmCols)
	}
	for _, k := range Kernels {
		if k.File != file {
			continue
		}
		doc := strings.TrimSpace(k.Doc)
		if file == "gemm" && isa.Doc != "" {
			doc += " " + isa.Doc
		}
		b.WriteByte('\n')
		for line := range strings.Lines(doc + "\n\n") {
			space := " "
			if line[0] == '\n' || line[0] == '\t' {
				space = ""
			}
			b.WriteString("//" + space + line)
		}
		fmt.Fprintf(&b, "//go:noescape\nfunc %s%s\n", k.Name, strings.TrimPrefix(k.Signature, "func"))
	}
	return b.Bytes()
}
