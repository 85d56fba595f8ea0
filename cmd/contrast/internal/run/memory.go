package run

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/contrast-go/contrast/cmd/contrast/internal/dataset"
	"github.com/contrast-go/contrast/cmd/contrast/internal/evaluation"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/train"
)

// A memoryPlan is how many bytes a run will take at most.
type memoryPlan struct {
	program int64 // before the data are opened
	total   int64
}

// newMemoryPlan is called before the data are opened.
func newMemoryPlan() memoryPlan { return memoryPlan{program: resident() + unread} }

// unread is about what the program takes in the end beyond what it takes at its start: code
// that is not read in yet, stacks, and what the garbage collector needs.
const unread = 12 << 20

// resident returns the bytes of memory that this process takes.
func resident() int64 {
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		var all, pages int64
		if _, err := fmt.Fscan(bytes.NewReader(b), &all, &pages); err == nil {
			return pages * int64(os.Getpagesize())
		}
	}
	var m runtime.MemStats // on systems without that file
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}

// peak returns the most bytes of memory that this process took, or 0 if the system does not
// tell.
func peak() int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, b, _ = bytes.Cut(b, []byte("\nVmHWM:"))
	var kb int64
	if _, err := fmt.Fscan(bytes.NewReader(b), &kb); err != nil {
		return 0
	}
	return kb << 10
}

// add plans for t and the evaluation after it. It makes the garbage collector keep to the
// plan: by default it would let as much garbage pile up as there is memory in use.
func (m *memoryPlan) add(t *train.Trainer, d dataset.Dataset) error {
	training, err := t.MemoryEstimate()
	if err != nil {
		return err
	}
	in, out := t.Encoder.Dims()
	m.total = m.program + training + evaluation.Bytes(d, out) + evaluation.MonitorBytes(in, out)
	m.total += int64(8 * len(t.Encoder.Params().Values)) // of the encoder before its first step
	if e, ok := t.Encoder.(nn.MemoryEstimator); ok {
		m.total += e.ActivationBytes(evaluation.EncodedRows) * 2 / 3 // two encoders, neither of which goes backward
	}
	debug.SetMemoryLimit(min(m.total-m.total/16, debug.SetMemoryLimit(-1)))
	return nil
}

// Megabytes formats a number of bytes for people.
func Megabytes(n int64) string { return fmt.Sprintf("%d MB", (n+500_000)/1_000_000) }
