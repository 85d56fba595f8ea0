// Package kerneltest tests the kernels of an instruction set: it compares their bits with those of
// internal/generic and internal/scalar, tries special values, and fences their memory with pages
// that fault.
//
// Only tests import it.
package kerneltest

import (
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/internal/generic"
)

// Kernels are the kernels of one package, each with the name and the meaning of its twin in
// internal/generic. All are set except those said to be optional.
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
	Gemm                 Gemm

	// Optional, both or neither.
	Copy, Transpose func(dst []float32, ldd int, src []float32, lds, rows, cols int)
}

// vectors lists the kernels that take no matrix, each with its definition.
func (k Kernels) vectors() []vectorKernel {
	return []vectorKernel{
		{"Dot", ofPair(k.Dot), ofPair(generic.Dot)},
		{"SquaredDistance", ofPair(k.SquaredDistance), ofPair(generic.SquaredDistance)},
		{"Sum", ofOne(k.Sum), ofOne(generic.Sum)},
		{"Max", ofOne(k.Max), ofOne(generic.Max)},
		{"Axpy", scaled(k.Axpy), scaled(generic.Axpy)},
		{"Scale", scaled(k.Scale), scaled(generic.Scale)},
		{"Add", toDst(k.Add), toDst(generic.Add)},
		{"MulShifted", mulShifted(k.MulShifted), mulShifted(generic.MulShifted)},
		{"MaxAffine", maxAffine(k.MaxAffine), maxAffine(generic.MaxAffine)},
		{"IndexAtLeast", indexing(k.IndexAtLeast), indexing(generic.IndexAtLeast)},
		{"ExpLanes", inLanes(k.ExpLanes), inLanes(generic.ExpLanes)},
		{"SumExp", shifted(k.SumExp), shifted(generic.SumExp)},
		{"Log", mapping(k.Log), mapping(generic.Log)},
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
	t.Run("VectorBits", func(t *testing.T) { vectorBits(t, k) })
	t.Run("MaxIgnoresNaN", func(t *testing.T) { maxIgnoresNaN(t, k) })
	t.Run("IndexAtLeastAnywhere", func(t *testing.T) { indexAtLeastAnywhere(t, k) })
	t.Run("MaxAffineSpecial", func(t *testing.T) { maxAffineSpecial(t, k) })
	t.Run("DotOfMinusZeros", func(t *testing.T) { dotOfMinusZeros(t, k) })
	t.Run("ExpLogBits", func(t *testing.T) { expLogBits(t, k) })
	t.Run("GemmBits", k.Gemm.TestBits)
	if k.Copy != nil {
		t.Run("LayoutBits", func(t *testing.T) { layoutBits(t, k) })
	}
}

// RunFence tests that the kernels of a level stay within their slices at both ends. It is separate
// from Run because it can fail on an emulator although the kernels are right: qemu 7.2 reads the
// elements that VMASKMOVPS masks off, which a CPU does not.
func RunFence(t *testing.T, level cpu.Level, k Kernels) {
	Need(t, level)
	t.Run("Vector", func(t *testing.T) { vectorFence(t, k) })
	t.Run("Gemm", k.Gemm.TestFence)
	if k.Copy != nil {
		t.Run("Layout", func(t *testing.T) { layoutFence(t, k) })
	}
}
