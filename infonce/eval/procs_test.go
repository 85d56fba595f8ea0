package eval

import (
	"reflect"
	"runtime"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// TestChangingGOMAXPROCS changes GOMAXPROCS while measures run, as Go does by itself where the limit of a
// container changes. A measure that asked for it more than once would have scratch memory for fewer
// workers than it starts, sooner or later.
func TestChangingGOMAXPROCS(t *testing.T) {
	const n, d = 700, 24
	rounds := 200
	if testing.Short() {
		rounds = 30
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
		{"Neighbors", func() any { return Neighbors(x, y, 7, 0) }},
		{"Ranking", func() any { return Ranking{Queries: x, Gallery: y}.Measure() }},
		{"Ranking by labels", func() any { return Ranking{Queries: x, Itself: true, QueryLabels: labels, Metric: Euclidean}.Measure() }},
		{"Pairs.Scores", func() any { return AllPairs(labels[:200]).Scores(x, Cosine, 0) }},
		{"Probe.Fit", func() any { return must(Probe{Steps: 5}.Fit(x, labels)) }},
		{"LinearClassifier.Predict", func() any { return must(linear.Predict(x, 0)) }},
		{"Alignment", func() any { return must(Alignment(x, y, 0)) }},
		{"Uniformity", func() any { return must(Uniformity(x, 0)) }},
		{"MeasureSpread", func() any { return MeasureSpread(x, 0) }},
		{"PCA", func() any { return PCA(x, 3) }},
	} {
		t.Run(measure.name, func(t *testing.T) {
			want := measure.run()
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for procs := 8; ; procs = 9 - procs {
					select {
					case <-stop:
						return
					default:
						runtime.GOMAXPROCS(procs)
						for range 10 {
							runtime.Gosched()
						}
					}
				}
			}()
			for range rounds {
				if got := measure.run(); !reflect.DeepEqual(got, want) {
					t.Error("another result")
					break
				}
			}
			close(stop)
			<-stopped
		})
	}
}
