package check

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/cpu"
)

// EachLevel runs f as one subtest for each level that this CPU offers, with
// that level in use. Under CONTRAST_LEVEL only the level named there runs, and
// the test is skipped where the CPU lacks it; CONTRAST_REQUIRE turns a missing
// level into a failure. Neither t nor f may run in parallel with other users
// of the kernels.
func EachLevel(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	levels, err := testLevels(cpu.Levels(), os.Getenv("CONTRAST_LEVEL"), os.Getenv("CONTRAST_REQUIRE"))
	if err != nil {
		t.Fatal(err)
	}
	if len(levels) == 0 {
		t.Skipf("this CPU or build does not offer CONTRAST_LEVEL=%s", os.Getenv("CONTRAST_LEVEL"))
	}
	for _, l := range levels {
		t.Run(l.String(), func(t *testing.T) {
			restore, err := cpu.Select(l)
			if err != nil {
				t.Fatal(err)
			}
			defer restore()
			f(t)
		})
	}
}

// testLevels returns those of the levels have that a test is to run at: all,
// or the one named only. It is an error when a name is unknown, or when
// required is not in have. No level at all means: skip.
func testLevels(have []cpu.Level, only, required string) ([]cpu.Level, error) {
	if required != "" {
		l, err := parseLevel(required)
		if err != nil {
			return nil, fmt.Errorf("CONTRAST_REQUIRE: %w", err)
		}
		if !slices.Contains(have, l) {
			return nil, fmt.Errorf("CONTRAST_REQUIRE=%s: this CPU or build offers only %v", required, have)
		}
	}
	if only == "" {
		return have, nil
	}
	l, err := parseLevel(only)
	if err != nil {
		return nil, fmt.Errorf("CONTRAST_LEVEL: %w", err)
	}
	if !slices.Contains(have, l) {
		return nil, nil
	}
	return []cpu.Level{l}, nil
}

func parseLevel(name string) (cpu.Level, error) {
	for l := cpu.Generic; l <= cpu.AVX512BF16; l++ {
		if l.String() == name {
			return l, nil
		}
	}
	return 0, fmt.Errorf("no level is called %q", name)
}
