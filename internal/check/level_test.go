package check

import (
	"os"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/cpu"
)

func TestLevelChoice(t *testing.T) {
	x86 := []cpu.Level{cpu.Generic, cpu.AVX2}
	for _, c := range []struct {
		name, only, required string
		want                 []cpu.Level
		fails                bool
	}{
		{name: "all", want: x86},
		{name: "one", only: "generic", want: x86[:1]},
		{name: "missing", only: "neon"},
		{name: "unknown", only: "avx3", fails: true},
		{name: "required", required: "avx2", want: x86},
		{name: "required and one", only: "avx2", required: "avx2", want: x86[1:]},
		{name: "required but missing", required: "avx512", fails: true},
		{name: "required but missing, another asked for", only: "generic", required: "avx512", fails: true},
		{name: "required but unknown", required: "sse", fails: true},
	} {
		got, err := testLevels(x86, c.only, c.required)
		if (err != nil) != c.fails || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, %v; want %v, failure %v", c.name, got, err, c.want, c.fails)
		}
	}
}

func TestEachLevelSelects(t *testing.T) {
	before := cpu.Active()
	var ran []cpu.Level
	EachLevel(t, func(t *testing.T) {
		ran = append(ran, cpu.Active())
	})
	if cpu.Active() != before {
		t.Errorf("level %v in use afterwards, was %v", cpu.Active(), before)
	}
	want := cpu.Levels()
	if name := os.Getenv("CONTRAST_LEVEL"); name != "" {
		want = []cpu.Level{before}
	}
	if !slices.Equal(ran, want) {
		t.Errorf("ran at %v, want %v", ran, want)
	}
}
