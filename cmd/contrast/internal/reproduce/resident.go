package reproduce

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"runtime/debug"
)

// residentGrowth calls f and returns by how many bytes the resident set of the process grew at its
// peak, or NaN if the system does not tell. Linux does.
func residentGrowth(f func()) float64 {
	debug.FreeOSMemory() // else f may use what is left over, and nothing grows
	before, ok := processStatus("VmRSS")
	ok = ok && os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) == nil // forget the peak until now; see proc(5)
	f()
	peak, told := processStatus("VmHWM")
	if !ok || !told {
		return math.NaN()
	}
	return float64(peak - before)
}

// processStatus returns a number of bytes from /proc/self/status.
func processStatus(name string) (n int, ok bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(status) {
		if _, err := fmt.Sscanf(string(line), name+": %d kB", &n); err == nil {
			return n << 10, true
		}
	}
	return 0, false
}
