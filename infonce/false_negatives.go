package infonce

import (
	"cmp"
	"fmt"

	"github.com/contrast-go/contrast/infonce/internal/tile"
	"github.com/contrast-go/contrast/simd"
)

// FalseNegatives says which candidates are so similar to the positive that they may be positives
// too, and therefore take no part (Solatorio 2024, GISTEmbed). The likeness g_ij of query i and
// candidate j is the similarity that the loss itself compares or, where the batch has a Guide, the
// cosine of the guide's embeddings. The positive always stays. The zero value removes nothing.
type FalseNegatives struct {
	Rule   MarginRule
	Margin float32 // finite and 0 or above

	// Similar removes candidates with g_ij ≥ Similar, duplicates for example with 0.9999; 0 removes
	// nothing.
	Similar float32
}

// A MarginRule says how close to the likeness g of the positive a candidate may come.
type MarginRule uint8

const (
	NoMargin       MarginRule = iota // not looked at
	AbsoluteMargin                   // g_ij > g − margin
	RelativeMargin                   // g_ij > g − margin·|g|, also for a negative g
)

func (f FalseNegatives) check(op string) error {
	switch {
	case f.Rule > RelativeMargin:
		return fmt.Errorf("%s: rule of false negatives is %d, want NoMargin, AbsoluteMargin or RelativeMargin", op, f.Rule)
	case !(f.Margin >= 0) || f.Margin-f.Margin != 0:
		return fmt.Errorf("%s: margin of false negatives is %v, want a finite number, 0 or above", op, f.Margin)
	case f.Similar-f.Similar != 0:
		return fmt.Errorf("%s: similarity of false negatives is %v, want a finite number", op, f.Similar)
	}
	return nil
}

// falseNegatives removes candidates from strips of logits.
type falseNegatives struct {
	rule    FalseNegatives
	exclude func(i, j int) bool
	inside  bool      // the positive of row i is candidate i
	own     []float32 // likeness of the positives, where they are not inside
	beta    float32   // of the logits

	// The guide's embeddings.
	guided  bool
	q, k, n tile.Embeddings
	keysT   simd.Packed
	room    []simd.Matrix // likenesses of some rows, for each worker
}

// load prepares f for the rows of l and the candidates of b.
func (f *falseNegatives) load(l *InfoNCE, b Batch) error {
	s, stacked := &l.softmax, l.stacks(b)
	f.rule, f.exclude, f.beta, f.guided = l.FalseNegatives, l.Exclude, s.task.Beta, b.Guide != nil
	f.inside = stacked || b.Negatives.Rows == 0
	q, k, scale := &s.q, &s.k, s.task.Beta
	if f.guided {
		if err := f.loadGuide(s.op, *b.Guide, b, stacked, s.workers); err != nil {
			return err
		}
		q, k, scale = &f.q, &f.k, 1
	}
	if !f.inside {
		f.own = tile.Grow(f.own, q.X.Rows)
		for i := range f.own {
			f.own[i] = scale * simd.Dot(q.X.Row(i), k.X.Row(i))
		}
	}
	return nil
}

func (f *falseNegatives) loadGuide(op string, g, b Batch, stacked bool, workers int) error {
	d := g.Q.Cols
	g.Q.Check(op, "Guide.Q", b.Q.Rows, -1)
	g.K.Check(op, "Guide.K", b.K.Rows, d)
	if b.Negatives.Rows > 0 {
		g.Negatives.Check(op, "Guide.Negatives", b.Negatives.Rows, d)
	}
	f.q.Load(workers, g.Q, true, false)
	f.k.Load(workers, g.K, true, false)
	candidates := &f.k
	err := cmp.Or(f.q.CheckFinite(op, "Guide.Q", g.Q, 0), f.k.CheckFinite(op, "Guide.K", g.K, 0))
	if b.Negatives.Rows > 0 {
		candidates = &f.n
		if stacked {
			f.n.Stack(workers, g.K, g.Negatives, true, false)
			err = cmp.Or(err, f.n.CheckFinite(op, "Guide.Negatives", g.Negatives, g.K.Rows))
		} else {
			f.n.Load(workers, g.Negatives, true, false)
			err = cmp.Or(err, f.n.CheckFinite(op, "Guide.Negatives", g.Negatives, 0))
		}
	}
	if err != nil {
		return err
	}
	f.keysT.PackTrans(candidates.X)
	f.room = tile.Grow(f.room, workers)
	return nil
}

// Apply removes candidates from z, the logits of the queries starting at i with all candidates.
func (f *falseNegatives) Apply(worker, i int, z simd.Matrix) {
	g, scale := z, f.beta
	if f.guided {
		room := &f.room[worker]
		*room = room.Reshape(z.Rows, z.Cols)
		f.keysT.Mul(*room, 1, f.q.X.Slice(i, i+z.Rows))
		g, scale = *room, 1
	}
	for r := range z.Rows {
		f.row(z.Row(r), g.Row(r), i+r, scale)
	}
}

// row removes candidates from z, whose likenesses times scale are g.
func (f *falseNegatives) row(z, g []float32, i int, scale float32) {
	self, pos := -1, float32(0)
	if f.inside {
		self, pos = i, g[i]
	} else {
		pos = f.own[i]
	}
	if f.rule.Rule != NoMargin {
		slack := float32(f.rule.Margin * scale)
		if f.rule.Rule == RelativeMargin {
			slack = float32(f.rule.Margin * max(pos, -pos))
		}
		limit := pos - slack
		for j := range tile.AtLeast(g, float64(limit)) {
			if g[j] > limit && j != self {
				z[j] = tile.NegInf
			}
		}
	}
	if f.exclude != nil {
		for j := range z {
			if j != self && f.exclude(i, j) {
				z[j] = tile.NegInf
			}
		}
	}
	if f.rule.Similar != 0 {
		for j := range tile.AtLeast(g, float64(f.rule.Similar*scale)) {
			if j != self {
				z[j] = tile.NegInf
			}
		}
	}
}
