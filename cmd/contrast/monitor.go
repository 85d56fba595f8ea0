package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/simd"
)

// A monitor looks at samples that a run does not train on, some times in its course: whether the
// encoder still tells them apart. Looking changes no bit of the run.
type monitor struct {
	every   int
	sample  *held
	see     embedder
	looks   []look
	path    string
	workers int
	warned  bool
}

// A look is what a monitor saw after a step; a line of its file.
type look struct {
	Step          int     `json:"step"` // counted from 1
	MeanDistance  float64 `json:"mean_distance"`
	EffectiveRank float64 `json:"effective_rank"`
	Uniformity    float64 `json:"uniformity"`
	Recall        float64 `json:"recall@1"` // among the samples
	Collapsed     bool    `json:"collapsed"`
}

const (
	monitored = 400 // samples
	maxLooks  = 50
)

// monitorBytes returns about how many bytes a look takes at samples of so many numbers and their embeddings: both
// sides, with copies of norm 1, and the matrices that tell the effective rank.
func monitorBytes(in, out int) int64 {
	n := int64(monitored)
	side := min(n, int64(out))
	return 4*n*(2*int64(in)+4*int64(out)) + 3*8*side*side
}

// newMonitor goes on after step first of steps: it keeps what its file says of those before.
func newMonitor(d corpus, see embedder, out folder, first, steps, workers int) (*monitor, error) {
	h, err := d.held(monitored, workers)
	if err != nil {
		return nil, err
	}
	m := &monitor{every: max(steps/maxLooks, 1), sample: h, see: see, path: out.path(monitorFile), workers: workers}
	if first > 0 {
		if m.looks, err = readLooks(m.path, first); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// readLooks returns what the file at path says of the first steps. A last line that was cut off is
// not read.
func readLooks(path string, first int) (looks []look, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var l look
		if json.Unmarshal(s.Bytes(), &l) != nil || l.Step > first {
			break
		}
		looks = append(looks, l)
	}
	return looks, nil
}

// write stores all looks.
func (m *monitor) write() error {
	var b []byte
	for _, l := range m.looks {
		line, err := json.Marshal(l)
		if err != nil {
			return err
		}
		b = append(append(b, line...), '\n')
	}
	return writeFile("monitor", m.path, b)
}

// step looks after some steps. It returns what it saw, or nil where it did not look.
func (m *monitor) step(step int) (*look, error) {
	if step%m.every != 0 || len(m.looks) > 0 && m.looks[len(m.looks)-1].Step >= step {
		return nil, nil
	}
	l, err := m.look(step)
	if err != nil {
		return nil, err
	}
	m.looks = append(m.looks, l)
	return &l, m.write()
}

func (m *monitor) look(step int) (look, error) {
	z := m.see.q(m.sample.q)
	uniformity, err := eval.Uniformity(z, m.workers)
	if err != nil {
		return look{}, fmt.Errorf("monitor: %w", err)
	}
	s := eval.MeasureSpread(z, m.workers)
	return look{
		Step: step, MeanDistance: s.Distance, EffectiveRank: s.EffectiveRank, Uniformity: uniformity,
		Recall: m.recall(z), Collapsed: s.Collapsed,
	}, nil
}

func (m *monitor) recall(z simd.Matrix) float64 {
	var k simd.Matrix
	if m.sample.k.Rows > 0 {
		k = m.see.k(m.sample.k)
	}
	return m.sample.ranking(z, k).Measure().At[0].Recall
}

// warning tells of a collapse, once.
func (m *monitor) warning(l *look) string {
	if !l.Collapsed || m.warned {
		return ""
	}
	m.warned = true
	return fmt.Sprintf("step %d: the encoder has collapsed: samples are %.3f apart on average, and about 1 where all is well", l.Step, l.MeanDistance)
}
