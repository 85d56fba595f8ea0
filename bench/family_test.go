package bench

import (
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
)

// batchAll has rows instead of pairs, 4 of each label. Its mean over active triplets would jump where one ceases to be.
var batchAll = subject{
	batch: labelled,
	new:   func(workers int, _ int64) infonce.Loss { return &infonce.BatchAll{All: true, Workers: workers} },
	truth: func(b infonce.Batch) (float64, ref.Grad) {
		return ref.BatchAll(mat(b.Q), b.Labels, ref.TripletOptions{Margin: 1}, true)
	},
	flops: dense,
}

// family are the losses besides those that have a benchmark of their own.
var family = []struct {
	name string
	subject
}{
	{"SupCon", subject{
		batch: labelled,
		new: func(workers int, budget int64) infonce.Loss {
			return &infonce.SupCon{Workers: workers, MemoryBudget: budget}
		},
		truth: func(b infonce.Batch) (float64, ref.Grad) {
			return ref.SupCon(mat(b.Q), b.Labels, float64(float32(0.1)), true, false)
		},
		flops: dense,
	}},
	{"DCL", subject{
		batch: pairs,
		new: func(workers int, budget int64) infonce.Loss {
			return &infonce.DCL{Workers: workers, MemoryBudget: budget}
		},
		truth: func(b infonce.Batch) (float64, ref.Grad) {
			return ref.DCL(mat(b.Q), mat(b.K), float64(float32(0.1)), 0, true, false)
		},
		flops: func(n, d float64) float64 { return dense(2*n, d) },
	}},
	{"SigLIP", subject{
		batch: pairs,
		new:   func(workers int, _ int64) infonce.Loss { return &infonce.SigLIP{Workers: workers} },
		truth: func(b infonce.Batch) (float64, ref.Grad) {
			return ref.SigLIP(mat(b.Q), mat(b.K), float64(float32(0.1)), -10, true)
		},
		flops: dense,
	}},
	{"HCL", subject{
		batch: pairs,
		new: func(workers int, _ int64) infonce.Loss {
			return &infonce.HCL{Concentration: 1, PriorPositive: 0.01, Workers: workers}
		},
		truth: func(b infonce.Batch) (float64, ref.Grad) {
			return ref.HCL(mat(b.Q), mat(b.K), 0.5, 1, float64(float32(0.01)), true)
		},
		flops: func(n, d float64) float64 { return dense(2*n, d) },
	}},
	{"NPair", subject{
		batch: pairs,
		new:   func(workers int, _ int64) infonce.Loss { return &infonce.NPair{Regularization: 0.02, Workers: workers} },
		truth: func(b infonce.Batch) (float64, ref.Grad) {
			return ref.NPair(mat(b.Q), mat(b.K), float64(float32(0.02)))
		},
		flops: dense,
	}},
	{"AlignUniform", subject{ // of two matrices
		batch: pairs,
		new:   func(workers int, _ int64) infonce.Loss { return &infonce.AlignUniform{Workers: workers} },
		truth: func(b infonce.Batch) (float64, ref.Grad) {
			loss, g := ref.Align(mat(b.Q), mat(b.K), 2)
			uq, hq := ref.Uniform(mat(b.Q), 2)
			uk, hk := ref.Uniform(mat(b.K), 2)
			for i := range g.DQ.Data {
				g.DQ.Data[i] += hq.DQ.Data[i] / 2
				g.DK.Data[i] += hk.DQ.Data[i] / 2
			}
			return loss + (uq+uk)/2, g
		},
		flops: func(n, d float64) float64 { return 2 * dense(n, d) },
	}},
	{"MNR", subject{ // multiple-negatives ranking, one hard negative a query
		batch: triplets,
		new: func(workers int, _ int64) infonce.Loss {
			return &infonce.InfoNCE{InBatch: true, Temperature: 0.05, Workers: workers}
		},
		truth: func(b infonce.Batch) (float64, ref.Grad) {
			k := ref.NewMat(b.K.Rows+b.Negatives.Rows, b.K.Cols)
			n := copy(k.Data, mat(b.K).Data)
			copy(k.Data[n:], mat(b.Negatives).Data)
			loss, g := ref.SoftmaxRows(mat(b.Q), k, float64(float32(0.05)), true, ref.RowOptions{})
			g.DNeg = ref.Mat{Rows: b.Negatives.Rows, Cols: k.Cols, Data: g.DK.Data[n:]}
			g.DK = ref.Mat{Rows: b.K.Rows, Cols: k.Cols, Data: g.DK.Data[:n]}
			return loss, g
		},
		flops: func(n, d float64) float64 { return 2 * dense(n, d) },
	}},
	{"Circle", subject{
		batch: labelled,
		new:   func(workers int, _ int64) infonce.Loss { return &infonce.Circle{Workers: workers} },
		truth: func(b infonce.Batch) (float64, ref.Grad) {
			return ref.Circle(mat(b.Q), b.Labels, 0.25, 256)
		},
		flops:    dense,
		rounding: 1e-4, // the scale times that of a cosine
		detached: true,
	}},
	{"MultiSimilarity", subject{
		batch: labelled,
		new:   func(workers int, _ int64) infonce.Loss { return &infonce.MultiSimilarity{Workers: workers} },
		truth: func(b infonce.Batch) (float64, ref.Grad) {
			return ref.MultiSimilarity(mat(b.Q), b.Labels, 2, 50, 0.5)
		},
		flops: dense,
	}},
	{"ArcFace", subject{
		batch: classified,
		new:   func(workers int, _ int64) infonce.Loss { return &infonce.ArcFace{Workers: workers} },
		truth: func(b infonce.Batch) (float64, ref.Grad) {
			return ref.ArcFace(mat(b.Q), mat(b.K), b.Labels, 0.5, 64)
		},
		flops:    dense,
		rounding: 3e-5,
	}},
	{"CosFace", subject{
		batch: classified,
		new:   func(workers int, _ int64) infonce.Loss { return &infonce.CosFace{Workers: workers} },
		truth: func(b infonce.Batch) (float64, ref.Grad) {
			return ref.CosFace(mat(b.Q), mat(b.K), b.Labels, float64(float32(0.35)), 64)
		},
		flops:    dense,
		rounding: 3e-5,
	}},
	{"BatchAll", batchAll},
	{"SemiHard", subject{
		batch: labelled,
		new: func(workers int, _ int64) infonce.Loss {
			return &infonce.SemiHard{Farthest: true, Workers: workers}
		},
		truth: func(b infonce.Batch) (float64, ref.Grad) {
			return ref.SemiHard(mat(b.Q), b.Labels, ref.TripletOptions{Margin: 1}, ref.Farthest)
		},
		flops:    dense,
		detached: true, // a step changes negatives
	}},
	{"MarginLoss", subject{ // of all pairs, all of which are active: the mean would jump where one ceases to be
		batch: labelled,
		new: func(workers int, _ int64) infonce.Loss {
			return &infonce.MarginLoss{Boundary: 16, Margin: 100, Workers: workers}
		},
		truth: func(b infonce.Batch) (float64, ref.Grad) { return ref.MarginPairs(mat(b.Q), b.Labels, 16, 100) },
		flops: dense,
	}},
	{"Lifted", subject{
		batch: labelled,
		new: func(workers int, budget int64) infonce.Loss {
			return &infonce.Lifted{Workers: workers, MemoryBudget: budget}
		},
		truth: func(b infonce.Batch) (float64, ref.Grad) { return ref.Lifted(mat(b.Q), b.Labels, 1) },
		flops: dense,
	}},
	{"BatchAllSoft", subject{
		batch: labelled,
		new:   func(workers int, _ int64) infonce.Loss { return &infonce.BatchAll{Soft: true, Workers: workers} },
		truth: func(b infonce.Batch) (float64, ref.Grad) {
			return ref.BatchAll(mat(b.Q), b.Labels, ref.TripletOptions{Soft: true}, false)
		},
		flops: dense,
	}},
	{"ContrastivePair", subject{
		batch: labelledPairs(0, 1),
		new: func(workers int, _ int64) infonce.Loss {
			return &infonce.ContrastivePair{Margin: 10, Workers: workers}
		},
		truth: func(b infonce.Batch) (float64, ref.Grad) {
			return ref.ContrastivePair(mat(b.Q), mat(b.K), ones(b.Labels), 10)
		},
		flops: linear,
	}},
	{"CosineEmbedding", subject{
		batch: labelledPairs(-1, 1),
		new:   func(workers int, _ int64) infonce.Loss { return &infonce.CosineEmbedding{Workers: workers} },
		truth: func(b infonce.Batch) (float64, ref.Grad) {
			return ref.CosineEmbedding(mat(b.Q), mat(b.K), ones(b.Labels), 0)
		},
		flops: linear,
	}},
	{"MarginRanking", subject{ // of scores, d a row
		batch: pairs,
		new:   func(workers int, _ int64) infonce.Loss { return &infonce.MarginRanking{Margin: 0.5, Workers: workers} },
		truth: func(b infonce.Batch) (float64, ref.Grad) {
			return ref.MarginRanking(mat(b.Q), mat(b.K), nil, 0.5)
		},
		flops: func(n, d float64) float64 { return linear(n, d) / 2 },
	}},
	{"BPR", subject{
		batch: triplets,
		new:   func(workers int, _ int64) infonce.Loss { return &infonce.LogisticRanking{Workers: workers} },
		truth: bpr,
		flops: func(n, d float64) float64 { return 2 * linear(n, d) },
	}},
}

// BenchmarkFamily measures value and gradients of n pairs, or rows, of 128 numbers.
func BenchmarkFamily(b *testing.B) {
	for _, s := range family {
		b.Run("loss="+s.name, func(b *testing.B) {
			for _, n := range []int{256, 1024, 4096} {
				b.Run(size("n", n)+"/d=128", func(b *testing.B) { s.measure(b, n, 128, 1, 0, true) })
			}
		})
	}
}

// BenchmarkBatchAll scores all triplets of a large batch, with 4 rows of each label or with 8 labels.
func BenchmarkBatchAll(b *testing.B) {
	const n = 8192
	for _, labels := range []int{n / 4, 8} {
		s := batchAll
		s.batch = func(n, d int) infonce.Batch {
			batch := labelled(n, d)
			for i := range batch.Labels {
				batch.Labels[i] = i % min(labels, n/4)
			}
			return batch
		}
		for _, workers := range []int{1, 2} {
			b.Run(size("n", n)+"/d=128/"+size("labels", labels)+"/"+size("workers", workers), func(b *testing.B) {
				s.measure(b, n, 128, workers, 0, true)
				reportRate(b, n*(n/labels-1)*(n-n/labels), "triplets")
			})
		}
	}
}

// classified returns rows and as many centres of classes, of which each fourth has rows.
func classified(n, d int) infonce.Batch {
	b := pairs(n, d)
	b.Labels = labelled(n, d).Labels
	return b
}

// labelledPairs returns pairs with labels a and b in turn.
func labelledPairs(a, b int) func(n, d int) infonce.Batch {
	return func(n, d int) infonce.Batch {
		batch := pairs(n, d)
		for i := range n {
			batch.Labels = append(batch.Labels, a+(b-a)*(i%2))
		}
		return batch
	}
}

// ones reports which labels are 1.
func ones(labels []int) []bool {
	is := make([]bool, len(labels))
	for i, y := range labels {
		is[i] = y == 1
	}
	return is
}

// bpr is ref.LogisticRanking of dot products.
func bpr(b infonce.Batch) (float64, ref.Grad) {
	q, k, n := mat(b.Q), mat(b.K), mat(b.Negatives)
	x1, x2 := ref.NewMat(q.Rows, 1), ref.NewMat(q.Rows, 1)
	for i := range q.Rows {
		x1.Data[i], x2.Data[i] = ref.Dot(q.Row(i), k.Row(i)), ref.Dot(q.Row(i), n.Row(i))
	}
	loss, s := ref.LogisticRanking(x1, x2, nil)
	g := ref.Grad{DQ: ref.NewMat(q.Rows, q.Cols), DK: ref.NewMat(q.Rows, q.Cols), DNeg: ref.NewMat(q.Rows, q.Cols)}
	for i, ds := range s.DQ.Data {
		for j, x := range q.Row(i) {
			g.DQ.Row(i)[j] = ds * (k.At(i, j) - n.At(i, j))
			g.DK.Row(i)[j], g.DNeg.Row(i)[j] = ds*x, -ds*x
		}
	}
	return loss, g
}
