package ref

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"
)

// An array of losses.json. Inputs are float32 numbers in their shortest form:
// they stand for the float32 nearest to what is printed.
type array struct {
	Shape []int         `json:"shape"`
	Data  []json.Number `json:"data"`
}

// numbers parses the elements with so many bits of precision.
func (a array) numbers(t *testing.T, bits int) []float64 {
	t.Helper()
	x := make([]float64, len(a.Data))
	for i, s := range a.Data {
		v, err := strconv.ParseFloat(s.String(), bits)
		if err != nil {
			t.Fatal(err)
		}
		x[i] = v
	}
	return x
}

// mat returns the array as a matrix; all but the last of its dimensions are rows.
func (a array) mat(t *testing.T) Mat {
	t.Helper()
	m := Mat{Cols: a.Shape[len(a.Shape)-1], Data: a.numbers(t, 32)}
	m.Rows = len(m.Data) / m.Cols
	return m
}

type goldenCase struct {
	Loss   string `json:"loss"`
	Case   string `json:"case"`
	Params struct {
		Temperature float64 `json:"temperature"`
		Normalize   bool    `json:"normalize"`
		Margin      float64 `json:"margin"`
		Squared     bool    `json:"squared"`
		Swap        bool    `json:"swap"`
		Soft        bool    `json:"soft"`
		Bias        float64 `json:"bias"`
		Alpha       float64 `json:"alpha"`
		Beta        float64 `json:"beta"`
		Base        float64 `json:"base"`
		Gamma       float64 `json:"gamma"`
	} `json:"params"`
	Inputs map[string]array `json:"inputs"`
	Value  float64          `json:"value"`
	Grads  map[string]array `json:"grads"`
}

// TestGolden holds the losses to values and gradients by automatic
// differentiation in float64. Both sides round about as often as there are
// terms, at 1.1e-16 each, and the logits, up to 100 after the temperature,
// lose two more digits in the exponential: 1e-12 leaves room for no mistake.
func TestGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/losses.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []goldenCase `json:"cases"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, c := range file.Cases {
		counts[c.Loss]++
		value, grads := evaluate(t, c)
		t.Run(c.Loss+"/"+c.Case, func(t *testing.T) {
			if !(math.Abs(value-c.Value) <= 1e-12*math.Abs(c.Value)) {
				t.Errorf("value %v, want %v", value, c.Value)
			}
			if len(grads) != len(c.Grads) {
				t.Errorf("%d gradients, want %d", len(grads), len(c.Grads))
			}
			for name, a := range c.Grads {
				got, want := grads[name], a.numbers(t, 64)
				if name == "bias" {
					// Its terms are probabilities, up to 1, which may cancel to nothing.
					got, want = append(got, 1), append(want, 1)
				}
				compare(t, name, got, want, 1e-12)
			}
		})
	}
	if len(file.Cases) != 168 {
		t.Errorf("%d cases, want 168", len(file.Cases))
	}
	for loss, want := range map[string]int{
		"infonce": 14, "infonce_negatives": 12, "infonce_paired_negatives": 12, "mnr_hard_negatives": 12,
		"clip": 12, "ntxent": 13, "supcon": 12, "dcl": 12, "siglip": 12,
		"contrastive_pair": 5, "cosine_embedding": 4, "margin_ranking": 4, "triplet": 17, "triplet_batch_hard": 9,
		"triplet_batch_all": 6, "triplet_semi_hard": 6, "multi_similarity": 3, "circle": 3,
	} {
		if counts[loss] != want {
			t.Errorf("%d cases of %s, want %d", counts[loss], loss, want)
		}
	}
}

// evaluate computes the loss of the case with what this package has.
func evaluate(t *testing.T, c goldenCase) (value float64, grads map[string][]float64) {
	t.Helper()
	in := func(name string) Mat { return c.Inputs[name].mat(t) }
	labels := func() []int {
		var l []int
		for _, v := range c.Inputs["labels"].numbers(t, 64) {
			l = append(l, int(v))
		}
		return l
	}
	p := c.Params
	similar := func() []bool {
		var s []bool
		for _, v := range c.Inputs["similar"].numbers(t, 64) {
			s = append(s, v == 1)
		}
		return s
	}
	column := func(name string) Mat {
		x := c.Inputs[name].numbers(t, 32)
		return Mat{len(x), 1, x}
	}
	o := TripletOptions{Margin: p.Margin, Squared: p.Squared, Swap: p.Swap, Soft: p.Soft}
	var g Grad
	switch c.Loss {
	case "infonce":
		value, g = InfoNCE(in("query"), in("key"), p.Temperature, p.Normalize)
		grads = map[string][]float64{"query": g.DQ.Data, "key": g.DK.Data}
	case "infonce_negatives":
		value, g = InfoNCESharedNegatives(in("query"), in("key"), in("negatives"), p.Temperature, p.Normalize)
		grads = map[string][]float64{"query": g.DQ.Data, "key": g.DK.Data, "negatives": g.DNeg.Data}
	case "infonce_paired_negatives":
		value, g = InfoNCEPairedNegatives(in("query"), in("key"), in("negatives"), p.Temperature, p.Normalize)
		grads = map[string][]float64{"query": g.DQ.Data, "key": g.DK.Data, "negatives": g.DNeg.Data}
	case "mnr_hard_negatives":
		// The hard negatives are rows of k past those of q.
		k, hard := in("key"), in("negatives")
		n := len(k.Data)
		k.Data = slices.Concat(k.Data, hard.Data)
		k.Rows += hard.Rows
		value, g = InfoNCE(in("query"), k, p.Temperature, p.Normalize)
		grads = map[string][]float64{"query": g.DQ.Data, "key": g.DK.Data[:n], "negatives": g.DK.Data[n:]}
	case "clip":
		value, g = CLIP(in("image"), in("text"), p.Temperature, p.Normalize)
		grads = map[string][]float64{"image": g.DQ.Data, "text": g.DK.Data}
	case "ntxent":
		value, g = NTXent(in("view1"), in("view2"), p.Temperature, p.Normalize)
		grads = map[string][]float64{"view1": g.DQ.Data, "view2": g.DK.Data}
	case "supcon":
		value, g = SupCon(in("features"), labels(), p.Temperature, p.Normalize, false)
		grads = map[string][]float64{"features": g.DQ.Data}
	case "dcl":
		value, g = DCL(in("view1"), in("view2"), p.Temperature, 0, p.Normalize, true)
		grads = map[string][]float64{"view1": g.DQ.Data, "view2": g.DK.Data}
	case "siglip":
		value, g = SigLIP(in("image"), in("text"), p.Temperature, p.Bias, p.Normalize)
		grads = map[string][]float64{"image": g.DQ.Data, "text": g.DK.Data, "bias": {g.DBias}}
	case "contrastive_pair":
		value, g = ContrastivePair(in("left"), in("right"), similar(), p.Margin)
		grads = map[string][]float64{"left": g.DQ.Data, "right": g.DK.Data}
	case "cosine_embedding":
		value, g = CosineEmbedding(in("left"), in("right"), similar(), p.Margin)
		grads = map[string][]float64{"left": g.DQ.Data, "right": g.DK.Data}
	case "margin_ranking":
		value, g = MarginRanking(column("score1"), column("score2"), c.Inputs["order"].numbers(t, 64), p.Margin)
		grads = map[string][]float64{"score1": g.DQ.Data, "score2": g.DK.Data}
	case "triplet":
		value, g = Triplet(in("anchor"), in("positive"), in("negative"), o)
		grads = map[string][]float64{"anchor": g.DQ.Data, "positive": g.DK.Data, "negative": g.DNeg.Data}
	case "triplet_batch_hard":
		value, g = BatchHard(in("features"), labels(), o)
		grads = map[string][]float64{"features": g.DQ.Data}
	case "multi_similarity":
		value, g = MultiSimilarity(in("features"), labels(), p.Alpha, p.Beta, p.Base)
		grads = map[string][]float64{"features": g.DQ.Data}
	case "circle":
		value, g = Circle(in("features"), labels(), p.Margin, p.Gamma)
		grads = map[string][]float64{"features": g.DQ.Data}
	case "triplet_batch_all":
		value, g = BatchAll(in("features"), labels(), o, false)
		grads = map[string][]float64{"features": g.DQ.Data}
	case "triplet_semi_hard":
		value, g = SemiHard(in("features"), labels(), o, Drop)
		grads = map[string][]float64{"features": g.DQ.Data}
	default:
		t.Fatalf("no such loss: %s", c.Loss)
	}
	if p.Temperature != 0 {
		grads["temperature"] = []float64{g.DTemperature}
	}
	return value, grads
}

// compare reports an error where an element of got is farther from want than
// tolerance times the largest magnitude in want.
func compare(t *testing.T, name string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d elements, want %d", name, len(got), len(want))
		return
	}
	largest := 0.0
	for _, v := range want {
		largest = math.Max(largest, math.Abs(v))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tolerance*largest) {
			t.Errorf("%s[%d] = %v, want %v, largest %v", name, i, got[i], want[i], largest)
			return
		}
	}
}
