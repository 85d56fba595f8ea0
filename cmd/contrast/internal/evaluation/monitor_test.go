package evaluation

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/cmd/contrast/internal/dataset"
	"github.com/contrast-go/contrast/simd"
)

func TestMonitorTellsOfCollapseOnce(t *testing.T) {
	x := simd.NewMatrix(30, 4)
	for i := range x.Data {
		x.Data[i] = float32(i*i%11) - 5
	}
	h := &HeldOut{HeldOut: &dataset.HeldOut{Q: x, Labels: make([]int, 30)}}
	for i := range h.Labels {
		h.Labels[i] = i % 3
	}
	scale := float32(1)
	embed := func(x simd.Matrix) simd.Matrix {
		z := simd.NewMatrix(x.Rows, x.Cols)
		for i, v := range x.Data {
			z.Data[i] = 1 + scale*v
		}
		return z
	}
	m := &Monitor{Sample: h, How: Embedder{"rows", embed, embed}, every: 10, path: filepath.Join(t.TempDir(), "monitor.jsonl")}
	for _, c := range []struct {
		step   int
		scale  float32
		probes int
		says   string
	}{
		{5, 0, 0, ""},
		{10, 1, 1, ""},
		{10, 0, 1, ""},
		{20, 1e-3, 2, "step 20: the encoder has collapsed: "},
		{30, 0, 3, ""},
	} {
		scale = c.scale
		l, err := m.Step(c.step)
		if err != nil || len(m.Probes) != c.probes {
			t.Errorf("step %d: %d probes, %v, want %d", c.step, len(m.Probes), err, c.probes)
		}
		says := ""
		if l != nil {
			says = m.Warning(l)
		}
		if !strings.HasPrefix(says, c.says) || (says == "") != (c.says == "") {
			t.Errorf("step %d: says %q, want %q", c.step, says, c.says)
		}
	}
	// What a resumed run finds of the steps before it, in a file whose end was cut off.
	content, err := os.ReadFile(m.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(m.path, content[:len(content)-5], 0o666); err != nil {
		t.Fatal(err)
	}
	for first, want := range map[int]int{9: 0, 10: 1, 25: 2, 40: 2} {
		if probes, err := ReadProbes(m.path, first); err != nil || len(probes) != want {
			t.Errorf("after step %d: %d probes, %v, want %d", first, len(probes), err, want)
		}
	}
}
