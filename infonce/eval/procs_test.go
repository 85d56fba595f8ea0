package eval

import (
	"reflect"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// TestChangingGOMAXPROCS changes GOMAXPROCS while measures run, as Go does by itself where the
// limit of a container changes. A measure that asked for it more than once would have scratch
// memory for fewer workers than it starts, sooner or later.
func TestChangingGOMAXPROCS(t *testing.T) {
	const n, d, some = 9000, 4, 300 // some rows for what takes time by their square
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	r := check.NewRand(5)
	x := simd.Matrix{Rows: n, Cols: d, Stride: d, Data: r.Normals32(n * d)}
	y := simd.Matrix{Rows: n, Cols: d, Stride: d, Data: r.Normals32(n * d)}
	labels := make([]int, n)
	for i := range labels {
		labels[i] = i % 5
	}
	linear, err := Probe{Steps: 5}.Fit(x, labels)
	if err != nil {
		t.Fatal(err)
	}
	must := func(v any, err error) any {
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, measure := range []struct {
		name string
		run  func() any
	}{
		{"Neighbors", func() any { return Neighbors(x.Slice(0, some), y, 7, 0) }},
		{"Ranking", func() any { return Ranking{Queries: x.Slice(0, some), Gallery: y}.Measure() }},
		{"Ranking by labels", func() any {
			return Ranking{Queries: x.Slice(0, some), Itself: true, QueryLabels: labels[:some], Metric: Euclidean}.Measure()
		}},
		{"Pairs.Scores", func() any { return AllPairs(labels[:some]).Scores(x, Cosine, 0) }},
		{"Probe.Fit", func() any { return must(Probe{Steps: 5}.Fit(x, labels)) }},
		{"LinearClassifier.Predict", func() any { return must(linear.Predict(x, 0)) }},
		{"Alignment", func() any { return must(Alignment(x, y, 0)) }},
		{"Uniformity", func() any { return must(Uniformity(x.Slice(0, some), 0)) }},
		{"MeasureSpread", func() any { return MeasureSpread(x.Slice(0, some), 0) }},
		{"PCA", func() any { return PCA(x, 2) }},
	} {
		t.Run(measure.name, func(t *testing.T) {
			want := measure.run()
			check.ChangeGOMAXPROCS(t)
			for range rounds {
				if got := measure.run(); !reflect.DeepEqual(got, want) {
					t.Error("another result")
					break
				}
			}
		})
	}
}
