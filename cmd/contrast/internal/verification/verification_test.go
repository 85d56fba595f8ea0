package verification

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/cmd/contrast/internal/conformance"
	"github.com/contrast-go/contrast/internal/cpu"
)

const casesFile = "../../../../internal/ref/testdata/losses.json"

// A case that is wrong in any way is counted and named, and no reason to panic.
func TestTamperingIsNoticed(t *testing.T) {
	text, err := os.ReadFile(casesFile)
	if err != nil {
		t.Fatal(err)
	}
	load := func() []conformance.Case {
		var file struct{ Cases []conformance.Case }
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
		return file.Cases
	}
	for _, c := range []struct {
		name   string
		tamper func(c *conformance.Case)
	}{
		{"value", func(c *conformance.Case) { c.Value += 1e-4 }},
		{"gradient", func(c *conformance.Case) {
			for _, g := range c.Grads {
				if len(g.Data) > 1 {
					g.Data[0] += 1
					g.Data[1] -= 1
					break
				}
			}
		}},
		{"input", func(c *conformance.Case) {
			for _, x := range c.Inputs {
				x.Data[0] = -x.Data[0] - 1
				break
			}
		}},
		{"input is missing", func(c *conformance.Case) { clear(c.Inputs) }},
		{"shapes do not fit", func(c *conformance.Case) {
			x := c.Inputs["query"]
			c.Inputs["query"] = conformance.Array{Shape: []int{1, len(x.Data)}, Data: x.Data}
		}},
		{"shape is no shape", func(c *conformance.Case) {
			x := c.Inputs["query"]
			c.Inputs["query"] = conformance.Array{Shape: []int{-1, -3}, Data: x.Data}
		}},
		{"gradient too long", func(c *conformance.Case) {
			g := c.Grads["query"]
			c.Grads["query"] = conformance.Array{Shape: g.Shape, Data: append(g.Data, 0)}
		}},
		{"bias has no numbers", func(c *conformance.Case) { c.Grads["bias"] = conformance.Array{Shape: []int{}, Data: []float64{}} }},
		{"temperature", func(c *conformance.Case) { c.Params.Temperature = -1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			cases := load()
			at := slices.IndexFunc(cases, func(c conformance.Case) bool { return c.Loss == "infonce" && len(c.Grads) > 1 })
			c.tamper(&cases[at])
			r := Report{Levels: levelNames()}
			if err := r.AddCases(cases[max(at-1, 0):min(at+2, len(cases))]); err != nil {
				t.Fatal(err)
			}
			failures := 0
			for _, l := range r.Losses {
				failures += len(l.Failures)
				for _, f := range l.Failures {
					if l.Loss != "infonce" || !strings.HasPrefix(f, cases[at].Name+" at ") {
						t.Errorf("failure of %s: %s, want one of infonce/%s", l.Loss, f, cases[at].Name)
					}
				}
			}
			if failures != len(cpu.Levels()) {
				t.Errorf("%d failures, want one at each level: %+v", failures, r)
			}
			if err := r.Failed("cases.json"); err == nil || !strings.Contains(err.Error(), "runs of cases failed") {
				t.Errorf("got %v, want an error that counts the failures", err)
			}
		})
	}

	t.Run("loss not known", func(t *testing.T) {
		cases := load()[:2]
		for i := range cases {
			cases[i].Loss = "hinge"
		}
		r := Report{Levels: levelNames()}
		if err := r.AddCases(cases); err != nil {
			t.Fatal(err)
		}
		if err := r.Failed("cases.json"); err == nil || !strings.Contains(err.Error(), "no case is of a loss known here") {
			t.Errorf("got %v, want an error that says that nothing was run", err)
		}
	})
}

func levelNames() (names []string) {
	for _, l := range cpu.Levels() {
		names = append(names, l.String())
	}
	return names
}

func TestHashesThatDifferAreReported(t *testing.T) {
	r := Report{Levels: []string{"generic"}, Golden: []Hashes{{"simd", "generic", 16, []string{"Dot", "Exp"}}, {"train", "generic", 2, nil}}}
	if err := r.Failed("cases.json"); err == nil || err.Error() != "verify: 2 of 18 hashes differ" {
		t.Errorf("got %v, want an error that counts 2 of 18", err)
	}
	var stderr strings.Builder
	r.PrintHashes(&stderr)
	for _, want := range []string{"2 of 16 WRONG", "ok (2)", "WRONG: simd Dot at generic", "WRONG: simd Exp at generic"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("table lacks %q:\n%s", want, stderr.String())
		}
	}
}
