// Package cpu says which instruction sets the kernels may use.
//
// It is the only importer of cpuid. The level is chosen once, when the program
// starts; the environment variable CONTRAST_LEVEL can lower it.
package cpu

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// A Level names a set of instructions for which kernels exist.
type Level uint8

// The levels. A higher level of the same architecture includes the lower ones;
// a level without a body for some kernel uses the next lower body.
const (
	Generic    Level = iota // portable Go
	NEON                    // arm64 Advanced SIMD
	AVX2                    // amd64 AVX2 and FMA3
	AVX512                  // amd64 AVX-512 F, DQ, BW, VL
	AVX512BF16              // the same with AVX512_BF16, which multiplies bfloat16
)

var names = [...]string{"generic", "neon", "avx2", "avx512", "avx512bf16"}

// String returns the name by which CONTRAST_LEVEL knows the level.
func (l Level) String() string {
	if int(l) < len(names) {
		return names[l]
	}
	return fmt.Sprintf("Level(%d)", uint8(l))
}

// levels is what this CPU and this build offer, lowest first.
var levels = append([]Level{Generic}, detect()...)

var active, request = choose(os.Getenv("CONTRAST_LEVEL"))

// Active returns the level in use.
func Active() Level { return active }

// Levels returns the levels that this CPU and this build offer, lowest first.
func Levels() []Level { return slices.Clone(levels) }

// Features returns the names of the CPU and of its instruction sets that matter here.
func Features() (brand string, features []string) { return brandName(), featureNames() }

// RequestError tells why CONTRAST_LEVEL could not be followed; it is nil when
// it was followed or not set. The highest level is in use then.
func RequestError() error { return request }

// Select makes l the level in use and returns a function that restores the
// former one. It is for tests and for verification: no kernel may run meanwhile.
func Select(l Level) (restore func(), err error) {
	if !slices.Contains(levels, l) {
		return nil, unavailable(l.String())
	}
	old := active
	active = l
	return func() { active = old }, nil
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
