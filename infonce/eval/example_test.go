package eval_test

import (
	"fmt"

	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/simd"
)

func Example() {
	gallery := simd.Matrix{Rows: 3, Cols: 2, Stride: 2, Data: []float32{
		1, 0, // a cat
		0, 1, // a dog
		3, 1, // a cat
	}}
	labels := []string{"cat", "dog", "cat"}
	query := simd.Matrix{Rows: 1, Cols: 2, Stride: 2, Data: []float32{2, 1}}
	for _, n := range eval.Neighbors(query, gallery, 2, 0)[0] {
		fmt.Printf("%s in row %d, cosine %.3f\n", labels[n.Row], n.Row, n.Cosine)
	}
	// Output:
	// cat in row 2, cosine 0.990
	// cat in row 0, cosine 0.894
}

func ExampleRanking() {
	// Row i of the answers is that to question i.
	questions := simd.Matrix{Rows: 3, Cols: 2, Stride: 2, Data: []float32{1, 0, 0, 1, 3, 4}}
	answers := simd.Matrix{Rows: 3, Cols: 2, Stride: 2, Data: []float32{5, 1, 1, 1, 0, 1}}
	found := eval.Ranking{Queries: questions, Gallery: answers, At: []int{1, 2}}.Measure()
	fmt.Println("ranks", found.Ranks)
	fmt.Printf("MRR %.3f\n", found.MRR)
	for _, c := range found.At {
		fmt.Printf("recall@%d %.3f, NDCG@%d %.3f\n", c.K, c.Recall, c.K, c.NDCG)
	}
	// Output:
	// ranks [1 2 2]
	// MRR 0.667
	// recall@1 0.333, NDCG@1 0.333
	// recall@2 1.000, NDCG@2 0.754
}

func ExampleRanking_labels() {
	// Each row looks for the others of its label.
	x := simd.Matrix{Rows: 5, Cols: 1, Stride: 1, Data: []float32{0, 1, 2.5, 10, 12}}
	found := eval.Ranking{Queries: x, Itself: true, QueryLabels: []int{0, 0, 1, 1, 1}, Metric: eval.Euclidean}.Measure()
	fmt.Printf("MAP@R %.3f, R-precision %.3f\n", found.MAPR, found.RPrecision)
	// Output:
	// MAP@R 0.800, R-precision 0.800
}

func ExamplePCA() {
	x := simd.Matrix{Rows: 4, Cols: 3, Stride: 3, Data: []float32{
		7, 1, 2,
		7, 1, -2,
		7, -1, 2,
		7, -1, -2,
	}}
	p := eval.PCA(x, 2)
	fmt.Printf("shares %.1f\n", p.Share)
	for i := range x.Rows {
		fmt.Printf("%+.1f\n", p.Points.Row(i))
	}
	// Output:
	// shares [0.8 0.2]
	// [+2.0 +1.0]
	// [-2.0 +1.0]
	// [+2.0 -1.0]
	// [-2.0 -1.0]
}

func ExampleVerify() {
	faces := simd.Matrix{Rows: 4, Cols: 2, Stride: 2, Data: []float32{5, 1, 5, 2, 1, 4, 3, 5}}
	people := []int{1, 1, 2, 2}
	pairs := eval.AllPairs(people)
	v, err := eval.Verify(pairs.Scores(faces, eval.Cosine, 0), pairs.Same, []float64{0.25, 0.1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d same, %d different pairs: AUC %.3f, EER %.3f\n", v.Same, v.Different, v.AUC, v.EER)
	for _, a := range v.At {
		fmt.Printf("TAR %.2f at FAR %v (%d false accepts; too few pairs: %v)\n", a.TAR, a.FAR, a.FalseAccepts, a.TooFew)
	}
	// Output:
	// 2 same, 4 different pairs: AUC 1.000, EER 0.000
	// TAR 1.00 at FAR 0.25 (1 false accepts; too few pairs: false)
	// TAR 1.00 at FAR 0.1 (0 false accepts; too few pairs: true)
}

func ExampleMeasureSpread() {
	x := simd.Matrix{Rows: 4, Cols: 2, Stride: 2, Data: []float32{
		10, 0.1,
		10, 0,
		10, -0.1,
		20, 0.1,
	}}
	s := eval.MeasureSpread(x, 0)
	fmt.Printf("mean distance %.4f, mean cosine %.4f, effective rank %.1f\n", s.Distance, s.Cosine, s.EffectiveRank)
	fmt.Println("collapsed:", s.Collapsed)
	// Output:
	// mean distance 0.0108, mean cosine 0.9999, effective rank 1.0
	// collapsed: true
}

func ExampleProbe() {
	// The classes differ in the second column, which is small; a plane finds it, the nearest
	// neighbour does not.
	x := simd.Matrix{Rows: 6, Cols: 2, Stride: 2, Data: []float32{10, 0.1, 40, 0.2, 70, 0.1, 20, -0.1, 50, -0.2, 80, -0.1}}
	labels := []int{1, 1, 1, 2, 2, 2}
	c, err := eval.Probe{}.Fit(x, labels)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Predict(simd.Matrix{Rows: 2, Cols: 2, Stride: 2, Data: []float32{21, 0.1, 69, -0.2}}, 0))
	fmt.Println(c.Accuracy(x, labels, 0))
	// Output:
	// [1 2] <nil>
	// 1 <nil>
}
