// Package spec is the one table of kernels: what each is called, what it takes and what its doc
// comment says. All Go code that gen writes is printed from it.
package spec

// A Kernel is a function that every instruction set implements with the bits
// of its namesake in package internal/generic.
type Kernel struct {
	File      string // the kernel lies in File_ARCH.s and has its stub in File_ARCH.go
	Name      string
	Signature string // as in Go source: "func(x, y []float32) float32"
	Doc       string // doc comment without the slashes; lines of code begin with a tab
	First     string // statements that package simd executes before it picks a body
}

// A Writer returns the text of an assembly file.
type Writer func() ([]byte, error)

// An ISA is an instruction set, or an extension of one, for which kernels are generated.
type ISA struct {
	Level   string // the constant in package internal/cpu
	Package string // the folder below asm
	Arch    string // as in GOARCH
	Needs   string // what the CPU must have, in words

	// Extension says that the level adds kernels to those of Package, which package simd calls only
	// after it has asked for the level.
	Extension bool

	// The tile of Gemm; 0 leaves Gemm to the next lower level. ColumnMajor says that ars must be 1.
	GemmRows, GemmCols int
	ColumnMajor        bool

	// Files holds the writers of the files of the table that this level implements. It leaves the
	// others to the next lower level.
	Files map[string]Writer
}

// Kernels lists all kernels; those of one file stand together, in the order of the file.
var Kernels = []Kernel{
	{"dot", "Dot", "func(x, y []float32) float32", `
Dot returns Σ x[i]·y[i], each product fused into its lane's sum:

	for i := range x { lane[i%32] = fma(x[i], y[i], lane[i%32]) }`,

		// One more call would take a sixth of the time of a short product.
		"if len(x) != len(y) || len(x) > chunk { return dotChunks(x, y) }"},

	{"dot", "SquaredDistance", "func(x, y []float32) float32", `
SquaredDistance returns Σ (x[i]−y[i])², each square fused into its lane's sum:

	for i := range x { d := x[i] - y[i]; lane[i%32] = fma(d, d, lane[i%32]) }`, ""},

	{"reduce", "Sum", "func(x []float32) float32", `
Sum returns Σ x[i]:

	for i := range x { lane[i%16] += x[i] }`, ""},

	{"reduce", "Max", "func(x []float32) float32", `
Max returns the largest x[i] that is not NaN, and −Inf if there is none. Both zeros are +0:

	m := −Inf; for i := range x { if x[i] > m { m = x[i] } }; return m + 0`, ""},

	{"reduce", "IndexAtLeast", "func(x []float32, least float32) int", `
IndexAtLeast returns the first i with x[i] ≥ least, and len(x) if there is none:

	for i := range x { if x[i] >= least { return i } }; return len(x)`, ""},

	{"elementwise", "Axpy", "func(y []float32, alpha float32, x []float32)", `
Axpy adds alpha·x to y:

	for i := range y { y[i] = fma(alpha, x[i], y[i]) }`, ""},

	{"elementwise", "Scale", "func(dst []float32, alpha float32, x []float32)", `
Scale stores alpha·x:

	for i := range dst { dst[i] = alpha * x[i] }`, ""},

	{"elementwise", "Add", "func(dst, x, y []float32)", `
Add stores x + y:

	for i := range dst { dst[i] = x[i] + y[i] }`, ""},

	{"elementwise", "MulShifted", "func(dst, x, w []float32, alpha float32)", `
MulShifted stores x·(w + alpha):

	for i := range dst { dst[i] = x[i] * (w[i] + alpha) }`, ""},

	{"elementwise", "MaxAffine", "func(dst, x []float32, alpha, c float32)", `
MaxAffine stores the larger of dst and alpha·x + c, which is fused. Where one is NaN, dst stays:

	for i := range dst { if m := fma(alpha, x[i], c); m > dst[i] { dst[i] = m } }`, ""},

	{"sumexp", "SumExp", "func(x []float32, shift float32) float32", `
SumExp returns Σ exp(x[i] − shift):

	for i := range x { lane[i%16] += exp(x[i] - shift) }`, ""},

	{"explanes", "ExpLanes", "func(dst, x []float32, shift float32, lane *[16]float32)", `
ExpLanes stores exp(x − shift) and adds it to 16 sums:

	for i := range x { dst[i] = exp(x[i] - shift); lane[i%16] += dst[i] }`, ""},

	{"log", "Log", "func(dst, x []float32)", `
Log stores the natural logarithm:

	for i := range dst { dst[i] = log(x[i]) }`, ""},

	{"pack", "Copy", "func(dst []float32, ldd int, src []float32, lds, rows, cols int)", `
Copy copies a block of a matrix:

	for i := range rows { for j := range cols { dst[i*ldd+j] = src[i*lds+j] } }

cols must be a multiple of 4.`, ""},

	{"pack", "Transpose", "func(dst []float32, ldd int, src []float32, lds, rows, cols int)", `
Transpose stores the transpose of a block of a matrix:

	for i := range rows { for j := range cols { dst[j*ldd+i] = src[i*lds+j] } }

rows and cols must be multiples of 8.`, ""},

	{"gemm", "Gemm", "func(c []float32, ldc int, a []float32, ars, acs int, b []float32, k, rows int, alpha float32, add bool)", `
Gemm updates rows × GemmCols elements of c with the product of a block of a and a packed panel of
b. An element is one chain of fused multiply-adds, p ascending:

	for i := range rows {
		for j := range GemmCols {
			s := 0; if add { s = c[i*ldc+j] }
			for p := range k { s = fma(a[i*ars+p*acs], b[p*GemmCols+j], s) }
			c[i*ldc+j] = alpha * s
		}
	}

rows must be a multiple of GemmRows.`, ""},

	{"pairs", "PairRows", "func(dst, x, y []float32)", `
PairRows stores pairs of bfloat16, the first of a pair from x and the second from y:

	for i := range dst { dst[i] = pair(bfloat16(x[i]), bfloat16(y[i])) }`, ""},

	{"pairs", "PairRow", "func(dst, x []float32)", `
PairRow stores neighbours of x as pairs of bfloat16. If the length of x is odd, its last element is
paired with +0:

	for i := range dst { dst[i] = pair(bfloat16(x[2*i]), bfloat16(x[2*i+1])) }

The length of dst must be half that of x, rounded up.`, ""},

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

rows must be a multiple of GemmRows. Subnormal numbers in c, a and b count as 0.`, ""},
}
