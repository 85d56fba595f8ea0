package infonce_test

import (
	"fmt"
	"math"
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/catalog"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// likenesses returns the cosines of rows of q with those of k.
func likenesses(q, k simd.Matrix) func(i, j int) float64 {
	x, _ := ref.Normalize(mat(q))
	y, _ := ref.Normalize(mat(k))
	return func(i, j int) float64 { return ref.Dot(x.Row(i), y.Row(j)) }
}

// TestFalseNegatives: the rules take out what their formulas say, by the similarities of the loss
// and by those of a guide, for all kinds of candidates and also where the positive is unlike its
// query (sentence-transformers once kept g·(1−m) as the limit, which is above a negative g).
func TestFalseNegatives(t *testing.T) {
	r := check.NewRand(96)
	const τ = 0.5
	for _, c := range []struct{ n, extra, negatives int }{{40, 0, 0}, {33, 20, 0}, {30, 0, 50}, {230, 0, 300}} {
		for _, inBatch := range []bool{false, true} {
			if c.negatives == 0 && inBatch {
				continue
			}
			for _, guided := range []bool{false, true} {
				for _, rule := range []FalseNegatives{
					{Rule: AbsoluteMargin}, {Rule: AbsoluteMargin, Margin: 0.3}, {Rule: RelativeMargin, Margin: 0.4}, {Similar: 0.2}, {Rule: RelativeMargin, Margin: 0.1, Similar: 0.3},
				} {
					const d = 12
					random := func(n int) simd.Matrix { return gaps(n, d, 1, r.Normals32(n*d)) }
					b := Batch{Q: random(c.n), K: random(c.n + c.extra), Negatives: random(c.negatives)}
					if guided {
						b.Guide = &Batch{Q: random(c.n), K: random(c.n + c.extra), Negatives: random(c.negatives)}
					}
					judge := b
					if guided {
						judge = *b.Guide
					}
					keys, negatives := likenesses(judge.Q, judge.K), likenesses(judge.Q, judge.Negatives)
					unlike, dropped := 0, 0
					drop := func(i, j int) bool {
						g := 0.0
						switch m := b.K.Rows; {
						case j >= m:
							g = negatives(i, j-m)
						case c.negatives > 0 && !inBatch:
							return true // keys of others are no candidates
						default:
							g = keys(i, j)
						}
						own := keys(i, i)
						if own < 0 {
							unlike++
						}
						out := rule.Similar != 0 && g >= float64(rule.Similar)
						switch rule.Rule {
						case AbsoluteMargin:
							out = out || g > own-float64(rule.Margin)
						case RelativeMargin:
							out = out || g > own-math.Abs(own)*float64(rule.Margin)
						}
						if out {
							dropped++
						}
						return out
					}
					v := variant{catalog.Case{
						Name:     fmt.Sprintf("%+v inBatch=%v guided=%v %+v", c, inBatch, guided, rule),
						Rounding: catalog.Rounding{Queries: 1, Beta: 1 / τ, Cosine: true},
					}}
					k := ref.Mat{Rows: b.K.Rows + b.Negatives.Rows, Cols: b.K.Cols, Data: append(mat(b.K).Data, mat(b.Negatives).Data...)}
					loss, g := ref.SoftmaxRows(mat(b.Q), k, τ, true, ref.RowOptions{Drop: drop})
					end := len(mat(b.K).Data)
					g.DNeg = ref.Mat{Rows: b.Negatives.Rows, Cols: b.K.Cols, Data: g.DK.Data[end:]}
					g.DK = ref.Mat{Rows: b.K.Rows, Cols: b.K.Cols, Data: g.DK.Data[:end]}
					if unlike == 0 || dropped == 0 {
						t.Fatalf("%s: %d candidates of unlike positives, %d dropped: the test sees nothing", v.Name, unlike, dropped)
					}
					tr := trial{variant: v, name: v.Name, b: b, want: truth{loss, g}, base: gradFor(b), scale: 1}
					tr.tol = v.published(b, tr.want)
					tr.run(t, &InfoNCE{Temperature: τ, InBatch: inBatch, FalseNegatives: rule, Workers: 2})
				}
			}
		}
	}
}

// TestFalseNegativesKeepThePositive: a rule that would take out everything leaves the positive, and
// a loss of 0, also with more keys than queries (sentence-transformers took another column for the
// positive where keys of other processes came first).
func TestFalseNegativesKeepThePositive(t *testing.T) {
	r := check.NewRand(97)
	all := func(i, j int) bool {
		if i == j {
			t.Errorf("asked about the positive of row %d", i)
		}
		return true
	}
	for _, keys := range []int{9, 14} {
		b := Batch{Q: gaps(9, 5, 0, r.Normals32(45)), K: gaps(keys, 5, 0, r.Normals32(5*keys))}
		for _, l := range []*InfoNCE{{FalseNegatives: FalseNegatives{Similar: -2}}, {FalseNegatives: FalseNegatives{Rule: AbsoluteMargin, Margin: 9}}, {Exclude: all}} {
			g := gradFor(b)
			if res := evaluate(t, "InfoNCE", l, b, &g, 1); res.Loss != 0 || res.Valid != 9 {
				t.Errorf("%+v, %d keys: %+v, want loss 0 over 9 rows", l.FalseNegatives, keys, res)
			}
			for p := range 2 {
				for _, v := range part(g, p).Data {
					if v != 0 {
						t.Fatalf("%+v, %d keys: gradient %v, want 0", l.FalseNegatives, keys, v)
					}
				}
			}
		}
	}
}

// TestDuplicateKeys: two copies of a key share the probability, so the loss can not go below ln 2,
// unless identities tell that they are the same.
func TestDuplicateKeys(t *testing.T) {
	x := []float32{1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}
	b := Batch{Q: gaps(4, 3, 0, x), K: gaps(4, 3, 0, x)}
	for _, symmetric := range []bool{false, true} {
		l := &InfoNCE{Temperature: 0.02, Symmetric: symmetric}
		b.IDs = nil
		if res := evaluate(t, "without", l, b, nil, 1); math.Abs(res.Loss-math.Ln2/2) > 1e-6 {
			t.Errorf("symmetric=%v: %v without identities, want ln 2 for two rows of four", symmetric, res.Loss)
		}
		b.IDs = []int{5, 5, 6, 7}
		if res := evaluate(t, "with", l, b, nil, 1); res.Loss > 1e-20 {
			t.Errorf("symmetric=%v: %v with identities, want nearly 0", symmetric, res.Loss)
		}
	}
}
