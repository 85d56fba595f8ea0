package infonce_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

var large = flag.Bool("large", false, "measure the memory of 65,536 rows, which takes about half a minute")

// TestPeakMemory: InfoNCE of 65,536 pairs of 128 numbers, with gradients, keeps the process within
// 64 MB beyond its inputs and gradients, the program included. The kernel counts, so nothing
// escapes: a process of its own does the work and reads its largest resident set.
func TestPeakMemory(t *testing.T) {
	const d, child = 128, "CONTRAST_PEAK_MEMORY"
	n, budget := 18432, int64(-1) // here copies would take more, there they are not made by default
	if *large {
		n, budget = 65536, 0
	}
	if os.Getenv(child) != "" {
		b := Batch{Q: simd.NewMatrix(n, d), K: simd.NewMatrix(n, d)}
		r := check.NewRand(82)
		for i := range b.Q.Data { // in place: garbage would count
			b.Q.Data[i], b.K.Data[i] = r.Float32()-0.5, r.Float32()-0.5
		}
		g := gradFor(b)
		l := &InfoNCE{MemoryBudget: budget}
		evaluate(t, "InfoNCE", l, b, &g, 1)
		fmt.Printf("peak %d kB\n", peakResident(t))
		return
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("this system does not tell the peak of a process")
	}
	if testing.Short() {
		t.Skip("takes seconds")
	}
	args := []string{"-test.run", "^TestPeakMemory$", "-test.v"}
	if *large {
		args = append(args, "-large")
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), child+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	at := bytes.Index(out, []byte("peak "))
	var kb int
	if at < 0 {
		t.Fatalf("no peak in the output\n%s", out)
	}
	if _, err := fmt.Sscanf(string(out[at:]), "peak %d kB", &kb); err != nil {
		t.Fatal(err)
	}
	data := 4 * n * d * 4
	extra := kb<<10 - data
	t.Logf("%d rows: %.1f MB beyond the %.1f MB of inputs and gradients", n, float64(extra)/1e6, float64(data)/1e6)
	if limit := 64_000_000; extra > limit {
		t.Errorf("%d rows: %d bytes beyond inputs and gradients, want at most %d", n, extra, limit)
	}
}

// peakResident returns the largest resident set of this process in KiB.
func peakResident(t *testing.T) (kb int) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(status) {
		if _, err := fmt.Sscanf(string(line), "VmHWM: %d kB", &kb); err == nil {
			return kb
		}
	}
	t.Fatal("no VmHWM in /proc/self/status")
	return 0
}
