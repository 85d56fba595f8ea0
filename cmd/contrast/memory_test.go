package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/cmd/contrast/internal/run"
)

// What a run is said to take before its first step is what it takes.
func TestMemoryPlan(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the system does not tell how much memory a process took")
	}
	if testing.Short() {
		t.Skip("a run of some seconds")
	}
	for _, flags := range [][]string{{}, {"--batch=1024"}, {"--hidden=2048,1024"}, {"--loss=moco", "--queue=8192", "--batch=1024"}, {"--arch=cnn", "--batch=32", "--steps=4"}} {
		cmd := exec.Command(os.Args[0], append([]string{"train", "--steps=12", "--json", "--out", t.TempDir()}, flags...)...)
		cmd.Env = append(os.Environ(), commandVariable+"=1")
		out, err := cmd.Output()
		if cannotStart(err) {
			t.Skip("this system does not run the test binary on its own: ", err)
		}
		var r run.Report
		if err != nil || json.Unmarshal([]byte(strings.TrimSpace(string(out))), &r) != nil {
			t.Fatalf("%v: %v: %s", flags, err, out)
		}
		t.Logf("%v: %s planned, %s taken", flags, run.Megabytes(r.PlannedBytes), run.Megabytes(r.PeakBytes))
		if ratio := float64(r.PeakBytes) / float64(r.PlannedBytes); !(ratio > 0.8 && ratio < 1.2) {
			t.Errorf("%v: %s planned, %s taken", flags, run.Megabytes(r.PlannedBytes), run.Megabytes(r.PeakBytes))
		}
	}
}
