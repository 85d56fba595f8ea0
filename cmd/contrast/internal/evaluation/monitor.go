package evaluation

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/contrast-go/contrast/cmd/contrast/internal/dataset"
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/simd"
)

// A Monitor probes, now and then while a run goes on, whether the encoder still tells samples
// apart that it is not trained on. Probing changes no bit of the run.
type Monitor struct {
	Sample *HeldOut
	How    Embedder
	Probes []Probe

	every  int
	path   string
	warned bool
}

// A Probe is what a monitor measured after a step; a line of its file.
type Probe struct {
	Step          int     `json:"step"` // counted from 1
	MeanDistance  float64 `json:"mean_distance"`
	EffectiveRank float64 `json:"effective_rank"`
	Uniformity    float64 `json:"uniformity"`
	Recall        float64 `json:"recall@1"` // among the samples
	Collapsed     bool    `json:"collapsed"`
}

const (
	monitored = 400 // samples
	maxProbes = 50
)

// MonitorBytes estimates the memory of a probe of samples of so many numbers: both sides,
// their embeddings with copies of norm 1, and the matrices that tell the effective rank.
func MonitorBytes(in, out int) int64 {
	n := int64(monitored)
	side := min(n, int64(out))
	return 4*n*(2*int64(in)+4*int64(out)) + 3*8*side*side
}

// NewMonitor goes on after step first of steps: it keeps what the file at path says of those
// before.
func NewMonitor(d dataset.Dataset, how Embedder, path string, first, steps, workers int) (*Monitor, error) {
	h, err := NewHeldOut(d, monitored, workers)
	if err != nil {
		return nil, err
	}
	m := &Monitor{Sample: h, How: how, every: max(steps/maxProbes, 1), path: path}
	if first > 0 {
		if m.Probes, err = ReadProbes(m.path, first); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// ReadProbes returns what the file at path says of the first steps. A last line that was cut
// off is not read.
func ReadProbes(path string, first int) (probes []Probe, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var l Probe
		if json.Unmarshal(s.Bytes(), &l) != nil || l.Step > first {
			break
		}
		probes = append(probes, l)
	}
	return probes, nil
}

// write stores all probes, or none.
func (m *Monitor) write() error {
	var b []byte
	for _, l := range m.Probes {
		line, err := json.Marshal(l)
		if err != nil {
			return err
		}
		b = append(append(b, line...), '\n')
	}
	err := data.WriteAtomic(m.path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
	if err != nil {
		return fmt.Errorf("monitor: %w", err)
	}
	return nil
}

// Step probes after some steps. It returns the probe, or nil where there was none.
func (m *Monitor) Step(step int) (*Probe, error) {
	if step%m.every != 0 || len(m.Probes) > 0 && m.Probes[len(m.Probes)-1].Step >= step {
		return nil, nil
	}
	l, err := m.probe(step)
	if err != nil {
		return nil, err
	}
	m.Probes = append(m.Probes, l)
	return &l, m.write()
}

func (m *Monitor) probe(step int) (Probe, error) {
	z := m.How.Q(m.Sample.Q)
	uniformity, err := eval.Uniformity(z, m.Sample.Workers)
	if err != nil {
		return Probe{}, fmt.Errorf("monitor: %w", err)
	}
	s := eval.MeasureSpread(z, m.Sample.Workers)
	return Probe{
		Step: step, MeanDistance: s.Distance, EffectiveRank: s.EffectiveRank, Uniformity: uniformity,
		Recall: m.recall(z), Collapsed: s.Collapsed,
	}, nil
}

func (m *Monitor) recall(z simd.Matrix) float64 {
	var k simd.Matrix
	if m.Sample.K.Rows > 0 {
		k = m.How.K(m.Sample.K)
	}
	return m.Sample.ranking(z, k).Measure().At[0].Recall
}

// Warning tells of a collapse, once.
func (m *Monitor) Warning(l *Probe) string {
	if !l.Collapsed || m.warned {
		return ""
	}
	m.warned = true
	return fmt.Sprintf("step %d: the encoder has collapsed: samples are %.3f apart on average, and should be about 1", l.Step, l.MeanDistance)
}
