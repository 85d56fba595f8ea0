package kerneltest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// A layout is Copy or Transpose: rows and cols are multiples of unit.
type layout struct {
	name       string
	unit       int
	transposes bool
	got, want  func(dst []float32, ldd int, src []float32, lds, rows, cols int)
}

func (k Kernels) layouts() []layout {
	return []layout{
		{"Copy", 4, false, k.Copy, definitions.Copy},
		{"Transpose", 8, true, k.Transpose, definitions.Transpose},
	}
}

// each calls f with sizes that the kernel takes and with strides of both operands.
func (l layout) each(f func(rows, cols, ldd, lds int)) {
	step := 1
	if l.transposes {
		step = l.unit
	}
	for rows := 0; rows <= 6*step; rows += step {
		for cols := 0; cols <= 10*l.unit; cols += l.unit {
			for gap := range 3 {
				if l.transposes {
					f(rows, cols, rows+gap, cols+2*gap)
				} else {
					f(rows, cols, cols+gap, cols+2*gap)
				}
			}
		}
	}
}

// extent returns how many elements a matrix has from its first to its last element.
func extent(rows, cols, stride int) int {
	if rows == 0 || cols == 0 {
		return 0
	}
	return (rows-1)*stride + cols
}

func layoutBits(t *testing.T, k Kernels) {
	r := check.NewRand(1)
	for _, l := range k.layouts() {
		l.each(func(rows, cols, ldd, lds int) {
			src := r.Bits32(rows*lds + 1)
			got := r.Bits32(max(rows, cols)*ldd + 9)
			want := slices.Clone(got)
			l.got(got, ldd, src, lds, rows, cols)
			l.want(want, ldd, src, lds, rows, cols)
			check.SameBits(t, fmt.Sprintf("%s %d×%d ldd=%d lds=%d", l.name, rows, cols, ldd, lds), got, want)
		})
	}
}

func layoutFence(t *testing.T, k Kernels) {
	needFence(t)
	fd, fs := check.NewFence(t, 1<<13), check.NewFence(t, 1<<13)
	for _, l := range k.layouts() {
		l.each(func(rows, cols, ldd, lds int) {
			n := extent(rows, cols, ldd)
			if l.transposes {
				n = extent(cols, rows, ldd)
			}
			for _, atEnd := range []bool{false, true} {
				dst, src := fd.Slice(n, atEnd), fs.Slice(extent(rows, cols, lds), atEnd)
				if check.Faults(func() { l.got(dst, ldd, src, lds, rows, cols) }) {
					t.Errorf("%s %d×%d ldd=%d lds=%d atEnd=%v: access outside the slices",
						l.name, rows, cols, ldd, lds, atEnd)
				}
			}
		})
	}
}
