package kerneltest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/scalar"
)

// A Gemm is a kernel with the parameters of generic.Gemm, together with its tile.
type Gemm struct {
	Name       string
	Rows, Cols int
	// ColumnMajor says that a must be column-major: ars is 1.
	ColumnMajor bool
	Func        func(
		c []float32, ldc int, a []float32, ars, acs int, b []float32, k, rows int, alpha float32, add bool,
	)
}

const (
	maxK    = 70 // several iterations of any loop along k, and every tail after them
	maxRows = 28 // several tiles of any kernel and every tail after them
	maxGap  = 5  // the most elements between the rows of an operand
)

// A stride is the distance between the rows of a and between its columns.
type stride struct{ ars, acs int }

func (g Gemm) strides(k, rows, gap int) []stride {
	if g.ColumnMajor {
		return []stride{{1, rows + gap}}
	}
	return []stride{{k + gap, 1}, {1, rows + gap}}
}

// extent returns how many elements a, b and c have from the first to the last.
func (g Gemm) extent(s stride, ldc, k, rows int) (a, b, c int) {
	if rows > 0 {
		c = (rows-1)*ldc + g.Cols
		if k > 0 {
			a = (rows-1)*s.ars + (k-1)*s.acs + 1
		}
	}
	return a, k * g.Cols, c
}

// Sizes returns how many elements of a, b and c the tests use for k up to maxK.
func (g Gemm) Sizes(maxK int) (a, b, c int) {
	return (maxRows + maxGap) * (maxK + maxGap), maxK * g.Cols, maxRows * (g.Cols + maxGap)
}

// TestBits compares the kernel with the definition in the comment of generic.Gemm.
func (g Gemm) TestBits(t *testing.T) {
	sizeA, sizeB, sizeC := g.Sizes(maxK)
	for _, d := range data {
		r := check.NewRand(2)
		g.TestBitsOf(t, d.name, maxK, d.fill(r, sizeA), d.fill(r, sizeB), d.fill(r, sizeC), scalar.FMA)
	}
}

// TestBitsOf compares the kernel with one chain of steps for each element, for all k up to maxK, on
// operands of the corresponding Sizes:
//
//	s := 0; if add { s = c[i*ldc+j] }
//	for p := range k { s = step(a[i*ars+p*acs], b[p*Cols+j], s) }
//	c[i*ldc+j] = alpha * s
func (g Gemm) TestBitsOf(
	t *testing.T, name string, maxK int, a, b, c []float32, step func(a, b, s float32) float32,
) {
	t.Run("data="+name, func(t *testing.T) {
		variant := 0
		for k := range maxK + 1 {
			for rows := 0; rows <= maxRows; rows += g.Rows {
				for _, add := range []bool{false, true} {
					variant++
					gap := []int{0, 3, maxGap}[variant/3%3]
					ldc := g.Cols + gap
					alpha := []float32{1, -0.3, c[k]}[variant%3]
					for _, s := range g.strides(k, rows, gap) {
						got, want := slices.Clone(c), slices.Clone(c)
						g.Func(got, ldc, a, s.ars, s.acs, b, k, rows, alpha, add)
						for i := range rows {
							for j := range g.Cols {
								sum := float32(0)
								if add {
									sum = c[i*ldc+j]
								}
								for p := range k {
									sum = step(a[i*s.ars+p*s.acs], b[p*g.Cols+j], sum)
								}
								want[i*ldc+j] = alpha * sum
							}
						}
						check.SameBits(t, fmt.Sprintf("%s k=%d rows=%d %+v ldc=%d alpha=%v add=%v",
							g.Name, k, rows, s, ldc, alpha, add), got, want)
						if t.Failed() {
							return
						}
					}
				}
			}
		}
	})
}

// TestFence runs the kernel on operands between pages that fault.
func (g Gemm) TestFence(t *testing.T) {
	needFence(t)
	const maxK = 40
	sizeA, sizeB, sizeC := g.Sizes(maxK)
	fa, fb, fc := check.NewFence(t, sizeA), check.NewFence(t, sizeB), check.NewFence(t, sizeC)
	for k := range maxK + 1 {
		for rows := 0; rows <= maxRows; rows += g.Rows {
			for variant := range 16 {
				at := func(i int) bool { return variant>>i&1 == 1 }
				atEnd, add, alpha, gap := at(0), at(1), float32(1), 0
				if at(2) {
					alpha = -0.3
				}
				if at(3) {
					gap = maxGap
				}
				for _, s := range g.strides(k, rows, gap) {
					ldc := g.Cols + gap
					na, nb, nc := g.extent(s, ldc, k, rows)
					a, b, c := fa.Slice(na, atEnd), fb.Slice(nb, atEnd), fc.Slice(nc, atEnd)
					if check.Faults(func() { g.Func(c, ldc, a, s.ars, s.acs, b, k, rows, alpha, add) }) {
						t.Errorf("%s k=%d rows=%d %+v ldc=%d alpha=%v add=%v atEnd=%v: access outside the slices",
							g.Name, k, rows, s, ldc, alpha, add, atEnd)
					}
				}
			}
		}
	}
}
