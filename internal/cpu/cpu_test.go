package cpu

import (
	"os"
	"strings"
	"testing"
)

// CI sets CONTRAST_REQUIRE to the level that the machine or emulator offers, so that tests of a
// level that is missing fail here instead of being skipped.
func TestRequiredLevelIsActive(t *testing.T) {
	want := os.Getenv("CONTRAST_REQUIRE")
	if want == "" {
		t.Skip("CONTRAST_REQUIRE is not set")
	}
	if got := Active().String(); got != want {
		t.Errorf("active level is %s, CONTRAST_REQUIRE wants %s", got, want)
	}
}

func TestChoose(t *testing.T) {
	best := levels[len(levels)-1]
	if l, err := choose(""); l != best || err != nil {
		t.Errorf("choose(\"\") = %v, %v, want %v", l, err, best)
	}
	if l, err := choose("generic"); l != Generic || err != nil {
		t.Errorf("choose(generic) = %v, %v", l, err)
	}
	l, err := choose("mmx")
	if l != best || err == nil || !strings.Contains(err.Error(), `"mmx"`) {
		t.Errorf("choose(mmx) = %v, %v, want %v and an error that names mmx", l, err, best)
	}
}

func TestSelectRestores(t *testing.T) {
	before := Active()
	restore, err := Select(Generic)
	if err != nil || Active() != Generic {
		t.Fatalf("Select(Generic): active %v, error %v", Active(), err)
	}
	restore()
	if Active() != before {
		t.Errorf("active level is %v after restore, want %v", Active(), before)
	}
	if _, err := Select(Level(99)); err == nil {
		t.Error("Select(99) did not fail")
	}
}
