package bench

import (
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
)

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
