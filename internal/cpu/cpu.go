// Package cpu says which instruction sets the kernels may use.
//
// The level is chosen once, when the program starts; the environment variable CONTRAST_LEVEL can
// lower it. No other package imports cpuid.
package cpu

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// A Level is a set of instructions for which kernels exist.
type Level uint8

// The levels. A higher level of the same architecture includes the lower ones, and a kernel without
// a body at some level runs at the next lower one.
const (
	Generic    Level = iota // portable Go
	NEON                    // arm64 Advanced SIMD
	AVX2                    // amd64 AVX2 and FMA3
	AVX512                  // amd64 AVX-512 F, DQ, BW, VL
	AVX512BF16              // the same and AVX512_BF16, which multiplies bfloat16
)

var names = [...]string{"generic", "neon", "avx2", "avx512", "avx512bf16"}

// String returns the name of the level, as in CONTRAST_LEVEL.
func (l Level) String() string {
	if int(l) < len(names) {
		return names[l]
	}
	return fmt.Sprintf("Level(%d)", uint8(l))
}

// Parse returns the level of the given name, whether or not this CPU offers it.
func Parse(name string) (Level, error) {
	if i := slices.Index(names[:], name); i >= 0 {
		return Level(i), nil
	}
	return 0, fmt.Errorf("no level is called %q", name)
}

// levels is what this CPU and this build offer, lowest first.
var levels = append([]Level{Generic}, detect()...)

var active, request = choose(os.Getenv("CONTRAST_LEVEL"))

// Active returns the level in use.
func Active() Level { return active }

// Levels returns the levels that this CPU and this build offer, lowest first.
func Levels() []Level { return slices.Clone(levels) }

// Features returns the names of the CPU and of those of its instruction sets that matter here.
func Features() (brand string, features []string) { return cpuid.CPU.BrandName, featureNames() }

// RequestError says why CONTRAST_LEVEL could not be followed, in which case the highest level is in
// use. It returns nil if the variable was followed or is not set.
func RequestError() error { return request }

// Select makes l the level in use and returns a function that restores the previous one. It is for
// tests and verification: no kernel may run in the meantime.
func Select(l Level) (restore func(), err error) {
	if !slices.Contains(levels, l) {
		return nil, unavailable(l.String())
	}
	previous := active
	active = l
	return func() { active = previous }, nil
}

func choose(name string) (Level, error) {
	best := levels[len(levels)-1]
	if name == "" {
		return best, nil
	}
	for _, l := range levels {
		if l.String() == name {
			return l, nil
		}
	}
	return best, unavailable(name)
}

func unavailable(name string) error {
	have := make([]string, len(levels))
	for i, l := range levels {
		have[i] = l.String()
	}
	return fmt.Errorf("cpu: level %q is not available, have %s", name, strings.Join(have, ", "))
}
