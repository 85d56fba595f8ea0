// Package kerneltest tests the kernels of an instruction set: it compares their bits with those of
// internal/generic and internal/scalar, tries special values, and fences their memory with pages
// that fault.
//
// Only tests import it.
package kerneltest

import (
	"reflect"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/internal/generic"
)

// Kernels are the kernels of one package, each with the name and the meaning of its definition in
// internal/generic. Those that the package lacks are nil; Copy and Transpose it has both or
// neither.
type Kernels struct {
	Dot, SquaredDistance func(x, y []float32) float32
	Sum, Max             func(x []float32) float32
	IndexAtLeast         func(x []float32, least float32) int
	Axpy, Scale          func(dst []float32, alpha float32, x []float32)
	Add                  func(dst, x, y []float32)
	MulShifted           func(dst, x, w []float32, alpha float32)
	MaxAffine            func(dst, x []float32, alpha, c float32)
	SumExp               func(x []float32, shift float32) float32
	ExpLanes             func(dst, x []float32, shift float32, lane *[16]float32)
	Log                  func(dst, x []float32)
	Copy, Transpose      func(dst []float32, ldd int, src []float32, lds, rows, cols int)
	Gemm                 Gemm
}

var definitions = Kernels{
	Dot: generic.Dot, SquaredDistance: generic.SquaredDistance,
	Sum: generic.Sum, Max: generic.Max, IndexAtLeast: generic.IndexAtLeast,
	Axpy: generic.Axpy, Scale: generic.Scale, Add: generic.Add,
	MulShifted: generic.MulShifted, MaxAffine: generic.MaxAffine,
	SumExp: generic.SumExp, ExpLanes: generic.ExpLanes, Log: generic.Log,
	Copy: generic.Copy, Transpose: generic.Transpose,
	Gemm: Gemm{Name: "Gemm", Rows: generic.GemmRows, Cols: generic.GemmCols, Func: generic.Gemm},
}

// filled returns k with definitions in place of the kernels that its package lacks.
func (k Kernels) filled() Kernels {
	to, from := reflect.ValueOf(&k).Elem(), reflect.ValueOf(definitions)
	for i := range to.NumField() {
		if f := to.Field(i); f.IsZero() {
			f.Set(from.Field(i))
		}
	}
	return k
}

// vectors lists the kernels that take no matrix, each with its definition.
func (k Kernels) vectors() []vectorKernel {
	d := definitions
	return []vectorKernel{
		{"Dot", ofPair(k.Dot), ofPair(d.Dot)},
		{"SquaredDistance", ofPair(k.SquaredDistance), ofPair(d.SquaredDistance)},
		{"Sum", ofOne(k.Sum), ofOne(d.Sum)},
		{"Max", ofOne(k.Max), ofOne(d.Max)},
		{"Axpy", scaled(k.Axpy), scaled(d.Axpy)},
		{"Scale", scaled(k.Scale), scaled(d.Scale)},
		{"Add", toDst(k.Add), toDst(d.Add)},
		{"MulShifted", mulShifted(k.MulShifted), mulShifted(d.MulShifted)},
		{"MaxAffine", maxAffine(k.MaxAffine), maxAffine(d.MaxAffine)},
		{"IndexAtLeast", indexing(k.IndexAtLeast), indexing(d.IndexAtLeast)},
		{"ExpLanes", inLanes(k.ExpLanes), inLanes(d.ExpLanes)},
		{"SumExp", shifted(k.SumExp), shifted(d.SumExp)},
		{"Log", mapping(k.Log), mapping(d.Log)},
	}
}

// Need skips the test if the CPU lacks the instructions of a level. If CONTRAST_REQUIRE names the
// level, the tests of internal/cpu fail instead.
func Need(t testing.TB, level cpu.Level) {
	t.Helper()
	if !slices.Contains(cpu.Levels(), level) {
		t.Skipf("this CPU or build does not offer %v", level)
	}
}

// Run tests what the kernels of a level compute. With -short it takes fewer lengths, offsets and
// arguments of exp and log, for emulators.
func Run(t *testing.T, level cpu.Level, k Kernels) {
	Need(t, level)
	k = k.filled()
	t.Run("VectorBits", func(t *testing.T) { vectorBits(t, k) })
	t.Run("MaxIgnoresNaN", func(t *testing.T) { maxIgnoresNaN(t, k) })
	t.Run("IndexAtLeastAnywhere", func(t *testing.T) { indexAtLeastAnywhere(t, k) })
	t.Run("MaxAffineSpecial", func(t *testing.T) { maxAffineSpecial(t, k) })
	t.Run("DotOfMinusZeros", func(t *testing.T) { dotOfMinusZeros(t, k) })
	t.Run("ExpLogBits", func(t *testing.T) { expLogBits(t, k) })
	t.Run("GemmBits", k.Gemm.TestBits)
	t.Run("LayoutBits", func(t *testing.T) { layoutBits(t, k) })
}

// RunFence tests that the kernels of a level stay within their slices at both ends. It is separate
// from Run because it can fail on an emulator although the kernels are right: qemu 7.2 reads the
// elements that VMASKMOVPS masks off, which a CPU does not.
func RunFence(t *testing.T, level cpu.Level, k Kernels) {
	Need(t, level)
	if k.Scale != nil {
		t.Run("Catches", func(t *testing.T) { fenceCatches(t, k) })
	}
	t.Run("Vector", func(t *testing.T) { vectorFence(t, k.filled()) })
	if k.Gemm.Func != nil {
		t.Run("Gemm", k.Gemm.TestFence)
	}
	if k.Copy != nil && k.Transpose != nil {
		t.Run("Layout", func(t *testing.T) { layoutFence(t, k) })
	}
}
