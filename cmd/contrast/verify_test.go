package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/cmd/contrast/internal/conformance"
	"github.com/contrast-go/contrast/cmd/contrast/internal/verification"
	"github.com/contrast-go/contrast/internal/cpu"
)

const casesFile = "../../internal/ref/testdata/losses.json"

// verified runs verify on a file and parses the last line of standard output.
func verified(t *testing.T, wantStatus int, path string) (r verification.Report, stderr string) {
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
			if !slices.ContainsFunc(r.Golden, func(h verification.Hashes) bool {
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

// A case that is wrong is named, and so is its file.
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

	t.Run("file", func(t *testing.T) {
		cases := load()[:2]
		cases[1].Value += 1e-4
		path := writeCases(t, cases)
		r, stderr := verified(t, statusFailed, path)
		if r.OK || !strings.Contains(stderr, "verify: "+path+": ") || !strings.Contains(stderr, "WRONG: "+cases[1].Loss+"/"+cases[1].Name+" at generic: value off by ") {
			t.Errorf("%+v: standard error does not name the case and the file:\n%s", r, stderr)
		}
	})
	t.Run("loss not known", func(t *testing.T) {
		cases := load()[:2]
		cases[1].Loss = "hinge"
		r, stderr := verified(t, statusOK, writeCases(t, cases))
		if len(r.NotRun) != 1 || r.NotRun[0] != (verification.NotRun{Loss: "hinge", Cases: 1}) || !strings.Contains(stderr, "not run") {
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
