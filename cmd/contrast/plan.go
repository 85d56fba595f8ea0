package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/train"
)

// A memoryPlan is how many bytes a run will take at most.
type memoryPlan struct {
	program int64 // before the data are opened
	total   int64
}

// newMemoryPlan is called before the data are opened.
func newMemoryPlan() *memoryPlan { return &memoryPlan{program: resident() + unread} }

// unread is about what the program takes in the end beyond what it does at its start: code that is not read in
// yet, stacks, and what the garbage collector needs.
const unread = 12 << 20

// pictures is about what it takes to draw images and text.
const pictures = 12 << 20

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

// peak returns the most bytes of memory that this process took, or 0 on systems that do not tell in a file.
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

// add plans for t, and the exam after it. It has the garbage collector keep to the plan, which is what
// makes it one: memory that is free would otherwise wait until as much again is asked for.
func (m *memoryPlan) add(t *train.Trainer, d corpus) error {
	training, err := t.PlannedBytes()
	if err != nil {
		return err
	}
	in, out := t.Encoder.Dims()
	m.total = m.program + training + d.examBytes(out) + monitorBytes(in, out)
	m.total += int64(8 * len(t.Encoder.Params().Values)) // of the encoder before its first step
	if e, ok := t.Encoder.(nn.MemoryEstimator); ok {
		m.total += e.ActivationBytes(examRows) * 2 / 3 // two encoders, of which neither goes backward
	}
	debug.SetMemoryLimit(min(m.total-m.total/16, debug.SetMemoryLimit(-1)))
	return nil
}

// megabytes formats a number of bytes for people.
func megabytes(n int64) string { return fmt.Sprintf("%d MB", (n+500_000)/1_000_000) }
