package check

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/cpu"
)

// EachLevel runs f as a subtest at each level that this CPU offers. CONTRAST_LEVEL restricts it to
// one level, and skips the test if the CPU lacks that; CONTRAST_REQUIRE makes the lack of a level a
// failure. Neither t nor f may run in parallel with other users of the kernels.
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

// testLevels returns the levels that a test should run at: all that this CPU has, or the named one
// alone. An unknown name is an error, and so is the lack of the required level. No level at all
// means that the test should be skipped.
func testLevels(have []cpu.Level, only, required string) ([]cpu.Level, error) {
	if required != "" {
		l, err := cpu.Parse(required)
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
	l, err := cpu.Parse(only)
	if err != nil {
		return nil, fmt.Errorf("CONTRAST_LEVEL: %w", err)
	}
	if !slices.Contains(have, l) {
		return nil, nil
	}
	return []cpu.Level{l}, nil
}
