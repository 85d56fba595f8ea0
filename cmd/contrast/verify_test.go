package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/cmd/contrast/internal/conformance"
	"github.com/contrast-go/contrast/internal/cpu"
)

const casesFile = "../../internal/ref/testdata/losses.json"

// verified runs verify on a file and parses the last line of standard output.
func verified(t *testing.T, wantStatus int, path string) (r verifyReport, stderr string) {
	t.Helper()
	status, stdout, stderr := command("verify", path, "--json")
	if status != wantStatus {
		t.Fatalf("status %d, want %d: %s", status, wantStatus, stderr)
	}
	d := json.NewDecoder(strings.NewReader(stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatalf("standard output %q: %v", stdout, err)
	}
	return r, stderr
}

func TestVerify(t *testing.T) {
	before := cpu.Active()
	r, stderr := verified(t, statusOK, casesFile)
	if cpu.Active() != before {
		t.Errorf("level in use is %v afterwards, want %v", cpu.Active(), before)
	}
	levels := levelNames()
	if !r.OK || !slices.Equal(r.Levels, levels) {
		t.Errorf("report is %+v, want ok at %v", r, levels)
	}
	for _, pkg := range []string{"simd", "infonce", "train"} {
		for _, level := range levels {
			if !slices.ContainsFunc(r.Golden, func(h hashesReport) bool {
				return h.Package == pkg && h.Level == level && h.Hashes > 0 && len(h.Mismatches) == 0
			}) {
				t.Errorf("no hashes of %s at %s in %+v", pkg, level, r.Golden)
			}
		}
	}
	cases := 0
	for _, l := range r.Losses {
		cases += l.Cases
		if len(l.Failures) > 0 || !(l.Value >= 0 && l.Value <= conformance.MaxValueError) || !(l.Gradient > 0 && l.Gradient <= conformance.MaxGradientError) {
			t.Errorf("%+v, want errors within the bounds", l)
		}
		if !strings.Contains(stderr, l.Loss) {
			t.Errorf("table lacks %s", l.Loss)
		}
	}
	if cases < 101 {
		t.Errorf("%d cases, want 101 or more", cases)
	}
	if slices.Index(r.Levels, "generic") != 0 || !strings.Contains(stderr, "simd ") {
		t.Errorf("table is\n%s", stderr)
	}
}

func levelNames() (names []string) {
	for _, l := range cpu.Levels() {
		names = append(names, l.String())
	}
	return names
}

func TestVerifyWithoutFile(t *testing.T) {
	status, stdout, stderr := command("verify", "--json")
	if status != statusOK || !strings.Contains(stdout, `"ok":true`) || strings.Contains(stdout, `"losses"`) || strings.Contains(stderr, "Conformance") {
		t.Errorf("status %d: %s%s", status, stdout, stderr)
	}
}

// A case that is wrong in any way is counted and named, and no reason to panic.
func TestVerifyNoticesTampering(t *testing.T) {
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
		{"temperature", func(c *conformance.Case) { c.Params.Temperature = -1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			cases := load()
			at := slices.IndexFunc(cases, func(c conformance.Case) bool { return c.Loss == "infonce" && len(c.Grads) > 1 })
			c.tamper(&cases[at])
			r := verifyReport{Levels: levelNames()}
			if err := r.runCases(cases[max(at-1, 0):min(at+2, len(cases))]); err != nil {
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
			if err := r.failed(); err == nil || !strings.Contains(err.Error(), "runs of cases failed") {
				t.Errorf("got %v, want an error that counts the failures", err)
			}
		})
	}

	t.Run("file", func(t *testing.T) {
		cases := load()[:2]
		cases[1].Value += 1e-4
		r, stderr := verified(t, statusFailed, writeCases(t, cases))
		if r.OK || !strings.Contains(stderr, "WRONG: "+cases[1].Loss+"/"+cases[1].Name+" at generic: value off by ") {
			t.Errorf("%+v: standard error does not name the case:\n%s", r, stderr)
		}
	})
	t.Run("loss not known", func(t *testing.T) {
		cases := load()[:2]
		for i := range cases {
			cases[i].Loss = "hinge"
		}
		r := verifyReport{Levels: levelNames()}
		if err := r.runCases(cases); err != nil {
			t.Fatal(err)
		}
		if err := r.failed(); err == nil || !strings.Contains(err.Error(), "no case is of a loss known here") {
			t.Errorf("got %v, want an error that says that nothing was run", err)
		}
		cases[0].Loss = load()[0].Loss
		r, stderr := verified(t, statusOK, writeCases(t, cases))
		if len(r.NotRun) != 1 || r.NotRun[0] != (notRunReport{"hinge", 1}) || !strings.Contains(stderr, "not run") {
			t.Errorf("%+v, want 1 case of hinge not run:\n%s", r, stderr)
		}
	})
}

func writeCases(t *testing.T, cases []conformance.Case) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{"cases": cases})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cases.json")
	write(t, path, b)
	return path
}

func TestVerifyRefusesBadFiles(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"missing.json": "", "empty.json": "", "text.json": "cases", "none.json": `{"cases":[]}`, "cut.json": `{"cases":[{"loss":"clip"`, "type.json": `{"cases":[{"loss":3}]}`,
	} {
		path := filepath.Join(dir, name)
		if name != "missing.json" {
			write(t, path, []byte(content))
		}
		status, stdout, stderr := command("verify", path, "--json")
		if status != statusFailed || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, path) {
			t.Errorf("%s: status %d, stdout %q, stderr %q, want status 1 and one line that names the file", name, status, stdout, stderr)
		}
	}
}

func TestVerifyReportsHashesThatDiffer(t *testing.T) {
	r := verifyReport{Levels: []string{"generic"}, Golden: []hashesReport{{"simd", "generic", 16, []string{"Dot", "Exp"}}, {"train", "generic", 2, nil}}}
	if err := r.failed(); err == nil || err.Error() != "verify: 2 of 18 hashes differ" {
		t.Errorf("got %v, want an error that counts 2 of 18", err)
	}
	var stderr strings.Builder
	r.printHashes(&console{stderr: &stderr})
	for _, want := range []string{"2 of 16 WRONG", "ok (2)", "WRONG: simd Dot at generic", "WRONG: simd Exp at generic"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("table lacks %q:\n%s", want, stderr.String())
		}
	}
}
