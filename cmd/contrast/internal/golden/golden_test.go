package golden

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/internal/bits"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/cpu"
)

var update = flag.Bool("update", false, "record the hashes of the generic level")

func TestGolden(t *testing.T) {
	if *update {
		record(t)
	}
	check.EachLevel(t, func(t *testing.T) {
		for _, e := range Entries() {
			if err := e.Check(); err != nil {
				t.Error(err)
			}
		}
	})
}

// Every recorded hash has an entry: a result that is no longer computed is no longer held.
func TestNothingRecordedIsLost(t *testing.T) {
	have := make(map[string]bool)
	for _, e := range Entries() {
		if have[e.Package+" "+e.Name] {
			t.Errorf("%s %s is there twice", e.Package, e.Name)
		}
		have[e.Package+" "+e.Name] = true
	}
	for pkg, sums := range recorded {
		for name := range sums {
			if !have[pkg+" "+name] {
				t.Errorf("%s %s is recorded but not computed", pkg, name)
			}
		}
	}
}

func TestCheckNoticesAnotherHash(t *testing.T) {
	e := Entry{"simd", "Dot", func(h *bits.Hash) { h.Ints([]int{1}) }}
	if err := e.Check(); err == nil {
		t.Error("Check accepted a wrong hash")
	}
	e.Name = "NoSuchKernel"
	if err := e.Check(); err == nil {
		t.Error("Check accepted a hash that is not recorded")
	}
}

func record(t *testing.T) {
	restore, err := cpu.Select(cpu.Generic)
	if err != nil {
		t.Fatal(err)
	}
	defer restore()
	texts := make(map[string][]string)
	for _, e := range Entries() {
		sum := e.Sum()
		texts[e.Package] = append(texts[e.Package], fmt.Sprintf("%s %s\n", e.Name, sum))
		if recorded[e.Package] == nil {
			recorded[e.Package] = make(map[string]string)
		}
		recorded[e.Package][e.Name] = sum
	}
	for pkg, lines := range texts {
		slices.Sort(lines)
		if err := os.WriteFile(pkg+".txt", []byte(strings.Join(lines, "")), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
