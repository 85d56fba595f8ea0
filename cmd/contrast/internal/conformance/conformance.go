// Package conformance runs the losses on cases with known values and gradients,
// in a JSON format that any implementation can read:
//
//	{"source": …, "cases": [{"loss", "case", "params": {…},
//	  "inputs": {name: {"shape", "data"}}, "value", "grads": {name: {"shape", "data"}}}]}
//
// Inputs are float32 numbers; value and gradients are the truth for exactly these inputs.
package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/simd"
)

// The bounds a case must hold.
const (
	MaxValueError    = 2e-6 // relative to the value
	MaxGradientError = 1e-5 // relative to the largest element of the gradient, absolute where all are 0
)

// An Array is a dense array of numbers.
type Array struct {
	Shape []int     `json:"shape"`
	Data  []float64 `json:"data"`
}

// A Case is one loss on one input.
type Case struct {
	Loss   string           `json:"loss"`
	Name   string           `json:"case"`
	Params Params           `json:"params"`
	Inputs map[string]Array `json:"inputs"`
	Value  float64          `json:"value"`
	Grads  map[string]Array `json:"grads"`
}

// Params are the settings of a loss.
type Params struct {
	Temperature float64 `json:"temperature"`
	Normalize   bool    `json:"normalize"`
	Margin      float64 `json:"margin"`
	Squared     bool    `json:"squared"`
	Swap        bool    `json:"swap"`
	Soft        bool    `json:"soft"`
	Alpha       float64 `json:"alpha"`
	Beta        float64 `json:"beta"`
	Base        float64 `json:"base"`
	Gamma       float64 `json:"gamma"`
	Bias        float64 `json:"bias"`
}

// A Report says how far the result of a case is from the truth.
type Report struct {
	Value    float64 // relative to the value
	Gradient float64 // the worst, relative to the largest element of its gradient
	Worst    string  // the input whose gradient is worst
}

// OK reports whether the errors are within the bounds.
func (r Report) OK() bool { return r.Value <= MaxValueError && r.Gradient <= MaxGradientError }

// maxFile is the most bytes of a file of cases.
const maxFile = 64 << 20

// Load reads the cases of a file.
func Load(path string) ([]Case, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("conformance: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("conformance: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("conformance: %s: got more than %d bytes", path, maxFile)
	}
	var file struct {
		Cases []Case `json:"cases"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("conformance: %s: %w", path, err)
	}
	if len(file.Cases) == 0 {
		return nil, fmt.Errorf("conformance: %s: no cases, want a list \"cases\"", path)
	}
	return file.Cases, nil
}

// A setup says how a loss of the file maps to one of ours: which inputs go into which fields of a
// batch, and the loss.
type setup struct {
	q, k, negatives, labels string
	signs                   bool // labels 0 and 1 are our −1 and 1
	loss                    func(p Params) infonce.Loss
}

var setups = map[string]setup{
	"infonce": {q: "query", k: "key", loss: func(p Params) infonce.Loss {
		return &infonce.InfoNCE{Temperature: float32(p.Temperature), DotProduct: !p.Normalize}
	}},
	"infonce_negatives": {q: "query", k: "key", negatives: "negatives", loss: func(p Params) infonce.Loss {
		return &infonce.InfoNCE{Temperature: float32(p.Temperature), DotProduct: !p.Normalize}
	}},
	"infonce_paired_negatives": {q: "query", k: "key", negatives: "negatives", loss: func(p Params) infonce.Loss {
		return &infonce.InfoNCE{Temperature: float32(p.Temperature), DotProduct: !p.Normalize, PairedNegatives: true}
	}},
	"mnr_hard_negatives": {q: "query", k: "key", negatives: "negatives", loss: func(p Params) infonce.Loss {
		return &infonce.InfoNCE{Temperature: float32(p.Temperature), DotProduct: !p.Normalize, InBatch: true}
	}},
	"clip": {q: "image", k: "text", loss: func(p Params) infonce.Loss {
		return &infonce.InfoNCE{Temperature: float32(p.Temperature), DotProduct: !p.Normalize, Symmetric: true}
	}},
	"ntxent": {q: "view1", k: "view2", loss: func(p Params) infonce.Loss {
		return &infonce.NTXent{Temperature: float32(p.Temperature), DotProduct: !p.Normalize}
	}},
	"siglip": {q: "image", k: "text", loss: func(p Params) infonce.Loss {
		return &infonce.SigLIP{Temperature: float32(p.Temperature), Bias: float32(p.Bias), NoBias: p.Bias == 0, DotProduct: !p.Normalize}
	}},
	"dcl": {q: "view1", k: "view2", loss: func(p Params) infonce.Loss {
		return &infonce.DCL{Temperature: float32(p.Temperature), DotProduct: !p.Normalize, OneWay: true}
	}},
	"supcon": {q: "features", labels: "labels", loss: func(p Params) infonce.Loss {
		return &infonce.SupCon{Temperature: float32(p.Temperature), DotProduct: !p.Normalize}
	}},
	"triplet": {q: "anchor", k: "positive", negatives: "negative", loss: func(p Params) infonce.Loss {
		return &infonce.Triplet{Margin: float32(p.Margin), Squared: p.Squared, Swap: p.Swap, Soft: p.Soft, Normalize: p.Normalize}
	}},
	"contrastive_pair": {q: "left", k: "right", labels: "similar", loss: func(p Params) infonce.Loss {
		return &infonce.ContrastivePair{Margin: float32(p.Margin), Normalize: p.Normalize}
	}},
	"cosine_embedding": {q: "left", k: "right", labels: "similar", signs: true, loss: func(p Params) infonce.Loss {
		return &infonce.CosineEmbedding{Margin: float32(p.Margin)}
	}},
	"margin_ranking": {q: "score1", k: "score2", labels: "order", loss: func(p Params) infonce.Loss {
		return &infonce.MarginRanking{Margin: float32(p.Margin)}
	}},
	"triplet_batch_hard": {q: "features", labels: "labels", loss: func(p Params) infonce.Loss {
		return &infonce.BatchHard{Margin: float32(p.Margin), Squared: p.Squared, Soft: p.Soft, Normalize: p.Normalize}
	}},
	"multi_similarity": {q: "features", labels: "labels", loss: func(p Params) infonce.Loss {
		return &infonce.MultiSimilarity{Alpha: float32(p.Alpha), Beta: float32(p.Beta), Base: float32(p.Base)}
	}},
	"circle": {q: "features", labels: "labels", loss: func(p Params) infonce.Loss {
		return &infonce.Circle{Margin: float32(p.Margin), Scale: float32(p.Gamma)}
	}},
	"triplet_batch_all": {q: "features", labels: "labels", loss: func(p Params) infonce.Loss {
		return &infonce.BatchAll{Margin: float32(p.Margin), Squared: p.Squared, Soft: p.Soft, Normalize: p.Normalize}
	}},
	"triplet_semi_hard": {q: "features", labels: "labels", loss: func(p Params) infonce.Loss {
		return &infonce.SemiHard{Margin: float32(p.Margin), Squared: p.Squared, Normalize: p.Normalize}
	}},
}

// Supported reports whether the loss of the case is one of ours.
func (c Case) Supported() bool {
	_, ok := setups[c.Loss]
	return ok
}

// Run evaluates the case at the level in use.
func (c Case) Run() (Report, error) {
	s, ok := setups[c.Loss]
	if !ok {
		return Report{}, fmt.Errorf("conformance: %s/%s: loss not known", c.Loss, c.Name)
	}
	var batch, grad infonce.Batch
	var err error
	load := func(name string, dst *simd.Matrix) {
		if name != "" && err == nil {
			*dst, err = c.matrix(name)
		}
	}
	load(s.q, &batch.Q)
	load(s.k, &batch.K)
	load(s.negatives, &batch.Negatives)
	if err != nil {
		return Report{}, err
	}
	if s.labels != "" {
		for _, y := range c.Inputs[s.labels].Data {
			if s.signs {
				y = 2*y - 1
			}
			batch.Labels = append(batch.Labels, int(y))
		}
		if len(batch.Labels) != batch.Q.Rows {
			return Report{}, fmt.Errorf("conformance: %s/%s: %d labels for %d rows", c.Loss, c.Name, len(batch.Labels), batch.Q.Rows)
		}
	}
	grad.Q = simd.NewMatrix(batch.Q.Rows, batch.Q.Cols)
	grad.K = simd.NewMatrix(batch.K.Rows, batch.K.Cols)
	grad.Negatives = simd.NewMatrix(batch.Negatives.Rows, batch.Negatives.Cols)

	result, err := s.loss(c.Params).Evaluate(batch, &grad, 1)
	if err != nil {
		return Report{}, fmt.Errorf("conformance: %s/%s: %w", c.Loss, c.Name, err)
	}
	r := Report{Value: math.Abs(result.Loss-c.Value) / max(math.Abs(c.Value), math.SmallestNonzeroFloat64)}
	if result.Loss == c.Value {
		r.Value = 0
	}
	got := map[string][]float32{s.q: grad.Q.Data, "temperature": {float32(result.DTemperature)}, "bias": {float32(result.DBias)}}
	if s.k != "" {
		got[s.k] = grad.K.Data
	}
	if s.negatives != "" {
		got[s.negatives] = grad.Negatives.Data
	}
	for name, want := range c.Grads {
		if name == "bias" && len(want.Data) == 1 && math.Abs(want.Data[0]) < 1e-12 {
			want.Data = []float64{0} // slopes of up to 1 that cancel: what is left is the rounding of the truth
		}
		e, err := worst(got[name], want.Data)
		if err != nil {
			return Report{}, fmt.Errorf("conformance: %s/%s: gradient %s: %w", c.Loss, c.Name, name, err)
		}
		if e > r.Gradient || r.Worst == "" {
			r.Gradient, r.Worst = max(e, r.Gradient), name
		}
	}
	return r, nil
}

// matrix returns an input as a matrix. Leading dimensions become rows; a vector becomes a column.
func (c Case) matrix(name string) (simd.Matrix, error) {
	a, ok := c.Inputs[name]
	if !ok || len(a.Shape) == 0 {
		return simd.Matrix{}, fmt.Errorf("conformance: %s/%s: input %q is missing or no array", c.Loss, c.Name, name)
	}
	cols := 1
	if len(a.Shape) > 1 {
		cols = a.Shape[len(a.Shape)-1]
	}
	if cols <= 0 || len(a.Data)%cols != 0 {
		return simd.Matrix{}, fmt.Errorf("conformance: %s/%s: input %q: %d numbers for shape %v", c.Loss, c.Name, name, len(a.Data), a.Shape)
	}
	m := simd.NewMatrix(len(a.Data)/cols, cols)
	for i, v := range a.Data {
		m.Data[i] = float32(v)
	}
	return m, nil
}

// worst returns max |got − want| / max |want|, or max |got| if the truth is all 0: then the terms
// of the gradient cancel, and what rounding leaves has no other measure.
func worst(got []float32, want []float64) (float64, error) {
	if len(got) != len(want) {
		return 0, fmt.Errorf("%d numbers, want %d", len(got), len(want))
	}
	var diff, size float64
	for i, w := range want {
		d := math.Abs(float64(got[i]) - w)
		if d != d {
			return math.Inf(1), nil
		}
		diff, size = max(diff, d), max(size, math.Abs(w))
	}
	if size == 0 {
		size = 1
	}
	return diff / size, nil
}
