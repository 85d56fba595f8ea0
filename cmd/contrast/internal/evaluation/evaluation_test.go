package evaluation

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/cmd/contrast/internal/dataset"
	"github.com/contrast-go/contrast/simd"
)

func TestRawPixelsAreCentred(t *testing.T) {
	x := simd.Matrix{Rows: 2, Cols: 4, Stride: 4, Data: []float32{1, 2, 3, 6, 5, 5, 5, 5}}
	if got, want := centred(x).Data, []float32{-2, -1, 0, 3, 0, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTableSaysByHowMuch(t *testing.T) {
	of := func(name string, knn, recall float64) Answer {
		m := Metrics{{"knn", knn}, {"recall@1", recall}}
		return Answer{Name: name, Eval: m, Clean: m}
	}
	raw, untrained, trained := of("raw pixels", 0.5, 0.25), of("untrained encoder", 0.125, 1), of("trained encoder", 0.75, 0.625)
	text := Table("3 views", []Answer{raw, untrained, trained})
	for _, want := range []string{"3 views:\n", "augmented queries", "kNN (5)    Recall@1", "raw pixels              50.0 %      25.0 %        50.0 %", "trained encoder         75.0 %      62.5 %"} {
		if !strings.Contains(text, want) {
			t.Errorf("table lacks %q:\n%s", want, text)
		}
	}
	raw.Clean = nil
	if text := Table("3 views", []Answer{raw}); strings.Contains(text, "clean") || strings.Count(text, "kNN") != 1 {
		t.Errorf("the table of one question is\n%s", text)
	}
	if got, want := Gain(raw, trained, ""), "By kNN (5) the trained encoder is 25.0 points above raw pixels.\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := Gain(trained, raw, " on augmented queries"), "By kNN (5) the raw pixels is 25.0 points below trained encoder on augmented queries.\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestErrorsThatAreNotFiniteAreNull(t *testing.T) {
	for x, want := range map[Number]string{Number(math.Inf(1)): "null", 0.25: "0.25"} {
		if got, err := x.MarshalJSON(); string(got) != want || err != nil {
			t.Errorf("%v: got %s, %v, want %s", x, got, err, want)
		}
	}
	if got, err := Number(math.NaN()).MarshalJSON(); string(got) != "null" || err != nil {
		t.Errorf("NaN: got %s, %v, want null", got, err)
	}
}

// An encoder that gives the same for everything is told from one that learned.
func TestScoreOfCollapsed(t *testing.T) {
	x := simd.NewMatrix(40, 8)
	h := &HeldOut{HeldOut: &dataset.HeldOut{Q: x, Labels: make([]int, 40)}}
	for i := range x.Data {
		x.Data[i] = 1 + float32(i%7)/1000
	}
	for i := range h.Labels {
		h.Labels[i] = i % 4
	}
	f, err := h.Score(Embedder{"rows", unchanged, unchanged})
	if err != nil || f.Get("collapsed") != 1 {
		t.Errorf("got %v, %v, want a collapse", f, err)
	}
	x.Data[3] = float32(math.NaN())
	if _, err := h.Score(Embedder{"rows", unchanged, unchanged}); err == nil || !strings.HasPrefix(err.Error(), "rows: ") {
		t.Errorf("error %v, want one of rows that are not finite", err)
	}
}
