package train

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
)

// metrics is the log of a run: one JSON object a line and one line a step, in order. It contains
// nothing that differs between two equal runs, such as times. The methods of a nil *metrics do
// nothing.
type metrics struct {
	file    *os.File
	path    string
	line    []byte
	clipped bool // lines have the number of clipped steps
}

// openMetrics opens the log at path, keeps the lines of the first steps, which must exist, and
// drops the rest.
func openMetrics(path string, steps int) (*metrics, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("metrics: %s: not a regular file", path)
	}
	flags := os.O_RDWR
	if steps == 0 {
		flags |= os.O_CREATE
	}
	file, err := os.OpenFile(path, flags, 0o666)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	m := &metrics{file: file, path: path}
	if err := m.keep(steps); err != nil {
		file.Close()
		if errors.As(err, new(*fs.PathError)) {
			return nil, fmt.Errorf("metrics: %w", err)
		}
		return nil, fmt.Errorf("metrics: %s: %w", path, err)
	}
	return m, nil
}

// keep truncates the log after the lines of the first steps.
func (m *metrics) keep(steps int) error {
	r := bufio.NewReader(m.file)
	end := int64(0)
	for step := range steps {
		line, err := r.ReadSlice('\n')
		m.line = appendStep(m.line[:0], step)
		switch {
		case err == io.EOF:
			return fmt.Errorf("offset %d: got end of file, want %d lines and have %d", end, steps, step)
		case err != nil && err != bufio.ErrBufferFull:
			return err
		case err != nil || !bytes.HasPrefix(line, m.line):
			return fmt.Errorf("offset %d: line %d: want one that begins with %s", end, step+1, m.line)
		}
		end += int64(len(line))
	}
	if err := m.file.Truncate(end); err != nil {
		return err
	}
	_, err := m.file.Seek(end, io.SeekStart)
	return err
}

// add writes the line of a step. It is a single write, so that a process that is killed leaves
// whole lines.
func (m *metrics) add(p Progress) error {
	if m == nil {
		return nil
	}
	b := appendStep(m.line[:0], p.Step)
	b = append(b, `"loss":`...)
	b = strconv.AppendFloat(b, p.Loss, 'g', -1, 64)
	b = append(b, `,"lr":`...)
	b = strconv.AppendFloat(b, float64(p.Rate), 'g', -1, 32)
	b = append(b, `,"grad_norm":`...)
	b = strconv.AppendFloat(b, p.GradNorm, 'g', -1, 64)
	if p.Temperature != 0 {
		b = append(b, `,"temperature":`...)
		b = strconv.AppendFloat(b, float64(p.Temperature), 'g', -1, 32)
	}
	if m.clipped {
		b = append(b, `,"clipped":`...)
		b = strconv.AppendInt(b, int64(p.Clipped), 10)
	}
	b = append(b, "}\n"...)
	m.line = b
	if _, err := m.file.Write(b); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// appendStep appends the beginning of the line of a step.
func appendStep(b []byte, step int) []byte {
	b = append(b, `{"step":`...)
	b = strconv.AppendInt(b, int64(step), 10)
	return append(b, ',')
}

func (m *metrics) sync() error {
	if m == nil {
		return nil
	}
	if err := m.file.Sync(); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

func (m *metrics) close() {
	if m != nil {
		m.file.Close() // an error does not matter: save has synced the lines
	}
}
