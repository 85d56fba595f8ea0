package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/internal/cpu"
)

func TestInfo(t *testing.T) {
	stdout, stderr := succeed(t, "info", "--json")
	var r infoReport
	d := json.NewDecoder(strings.NewReader(stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatalf("standard output %q: %v", stdout, err)
	}
	if r.Arch != runtime.GOARCH || r.Go != runtime.Version() || r.GOMAXPROCS != runtime.GOMAXPROCS(0) || !r.SubnormalsKept {
		t.Errorf("report is %+v", r)
	}
	if !slices.Contains(r.Levels, r.Level) || r.Levels[0] != "generic" || r.Level != cpu.Active().String() || r.Reason == "" {
		t.Errorf("levels %v, in use %s: %s", r.Levels, r.Level, r.Reason)
	}
	for _, want := range []string{r.Level + ": " + r.Reason, r.Go, "subnormals  kept"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("standard error lacks %q:\n%s", want, stderr)
		}
	}
	if stdout, _ := succeed(t, "info"); stdout != "" {
		t.Errorf("standard output is %q without --json, want nothing", stdout)
	}
}

// info tells whether CONTRAST_LEVEL is followed; train does not run at another level.
func TestRequestedLevel(t *testing.T) {
	start := func(level string, args ...string) (status int, stdout, stderr string) {
		var out, err strings.Builder
		cmd := exec.Command(os.Args[0], args...)
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), commandVariable+"=1", "CONTRAST_LEVEL="+level)
		cmd.Stdout, cmd.Stderr = &out, &err
		if err := cmd.Run(); cannotStart(err) {
			t.Skip("this system does not run the test binary on its own: ", err)
		}
		return cmd.ProcessState.ExitCode(), out.String(), err.String()
	}
	highest := cpu.Levels()[len(cpu.Levels())-1].String()
	for _, c := range []struct {
		level, want, reason string
		honored             bool
	}{
		{"generic", "generic", "CONTRAST_LEVEL names it", true},
		{"mmx", highest, `could not be followed (cpu: level "mmx" is not available`, false},
	} {
		status, stdout, stderr := start(c.level, "info", "--json")
		var r infoReport
		if err := json.Unmarshal([]byte(stdout), &r); err != nil || status != statusOK {
			t.Fatalf("%s: status %d, %v: %s", c.level, status, err, stderr)
		}
		if r.Level != c.want || r.Requested != c.level || r.RequestHonored != c.honored || !strings.Contains(r.Reason, c.reason) {
			t.Errorf("%s: report is %+v", c.level, r)
		}
	}
	status, stdout, stderr := start("mmx", "train", "--steps=1")
	if status != statusFailed || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "CONTRAST_LEVEL") {
		t.Errorf("train: status %d, stdout %q, stderr %q, want one line about CONTRAST_LEVEL", status, stdout, stderr)
	}
}
