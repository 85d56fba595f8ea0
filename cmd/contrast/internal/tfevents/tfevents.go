// Package tfevents writes event files, which TensorBoard shows as curves.
//
// A file is a run of records (the TFRecord format): the length of the payload as
// uint64, the masked CRC-32C of these eight bytes, the payload, and its masked
// CRC-32C, all little-endian. A payload is an Event in the encoding of protocol
// buffers (event.proto and summary.proto of TensorFlow); the first one names the
// version of the format.
package tfevents

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A Writer appends events to a file. It is for one goroutine at a time.
type Writer struct {
	f      *os.File
	b      *bufio.Writer
	record []byte // of the event under way, kept for the next
}

// Create starts an event file in the folder dir, which it makes if necessary. TensorBoard joins the
// files of a folder into one run, in the order of their names, so a resumed run starts another file
// there and calls [Writer.Restart].
//
// The file is events.out.tfevents.SECONDS.HOST.PROCESS.NUMBER, with the time at, as TensorFlow
// names it. An existing file is left alone.
func Create(dir string, at time.Time) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	prefix := fmt.Sprintf("events.out.tfevents.%010d.%s.%d.", at.Unix(), fileName(host), os.Getpid())
	for n := 0; ; n++ {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprint(prefix, n)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("events: %w", err)
		}
		w := &Writer{f: f, b: bufio.NewWriter(f), record: make([]byte, recordHeader)}
		w.begin(at, 0)
		w.record = appendBytes(w.record, eventFileVersion, "brain.Event:2")
		if err := w.end(); err != nil {
			f.Close()
			return nil, err
		}
		return w, w.Flush()
	}
}

// fileName returns the host without characters that a file name cannot have.
func fileName(host string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '-'
		}
		return r
	}, host)
}

// Name returns the path of the file.
func (w *Writer) Name() string { return w.f.Name() }

// Scalar appends the value of a curve at a step. Slashes in the tag group curves: TensorBoard shows
// "eval/recall@1" in the section eval. NaN and ±Inf are written unchanged.
func (w *Writer) Scalar(tag string, step int64, value float32, at time.Time) error {
	w.begin(at, step)
	w.record = appendScalar(w.record, tag, value)
	return w.end()
}

// Restart appends that the run starts again at a step, as a resumed run does: TensorBoard then
// drops what earlier files of the folder say of this step and later ones.
func (w *Writer) Restart(step int64, at time.Time) error {
	w.begin(at, step)
	w.record = appendRestart(w.record)
	return w.end()
}

// Flush hands what was appended to the operating system, for TensorBoard to read.
func (w *Writer) Flush() error {
	if err := w.b.Flush(); err != nil {
		return fmt.Errorf("events: %w", err)
	}
	return nil
}

// Close flushes and closes the file. The writer cannot be used afterwards.
func (w *Writer) Close() error {
	err := w.Flush()
	if e := w.f.Close(); e != nil && err == nil {
		err = fmt.Errorf("events: %w", e)
	}
	return err
}

// begin starts the record of an event.
func (w *Writer) begin(at time.Time, step int64) {
	w.record = appendEvent(w.record[:recordHeader], at, step)
}

// end frames the record and appends it to the file.
func (w *Writer) end() error {
	w.record = frame(w.record)
	if _, err := w.b.Write(w.record); err != nil {
		return fmt.Errorf("events: %w", err)
	}
	return nil
}
