package infonce

import (
	"github.com/contrast-go/contrast/internal/par"
)

// BatchHard scores each labelled row against its farthest positive and its nearest
// negative in the batch (Hermans, Beyer and Leibe 2017, eq. 5):
//
//	L = mean_i max(0, v_i),  v_i = max_p d(x_i, x_p) − min_n d(x_i, x_n) + margin
//
// over the anchors that have a positive, another row of the same label, and a
// negative, a row of another label; Result.Valid counts them. Among equal distances the
// lowest row counts. Distances are computed from differences, so near duplicates are exact.
//
// It reads Q (n×d) and Labels (n). With no valid anchor the loss is 0.
// The zero value is ready to use.
type BatchHard struct {
	Margin    float32 // 0 means 1, and 0 with Soft
	Squared   bool    // squared distances
	Soft      bool    // ln(1 + e^v) instead of max(0, v)
	Normalize bool    // bring the rows to norm 1 first
	Workers   int     // 0 means GOMAXPROCS; the result does not depend on it

	x      embeddings
	pass   pass
	search search
	rank   ranking
	far    []float64 // distance to the hardest positive
	near   []float64 // distance to the hardest negative
	loss   []float64
	diff   []float32
}

// Evaluate returns the loss of b and adds its gradient to grad; see [Loss].
func (l *BatchHard) Evaluate(b Batch, grad *Batch, scale float32) (Result, error) {
	const op = "infonce.BatchHard"
	n := b.Q.Rows
	b.Q.Check(op, "Q", -1, -1)
	checkLen(op, "Labels", len(b.Labels), n)
	want := grad != nil
	if want {
		checkGrad(op, "grad.Q", grad.Q, b.Q)
	}
	rank, err := newRanking(op, l.Margin, l.Squared, l.Soft)
	if err != nil {
		return Result{}, err
	}

	r := Result{ZeroNorm: l.x.load(l.Workers, b.Q, l.Normalize, want)}
	if err := l.x.checkFinite(op, "Q", b.Q, 0); err != nil {
		return Result{}, err
	}
	l.search.run(&l.pass, l.Workers, l.x.x, l.Normalize && r.ZeroNorm == 0, b.Labels)
	for _, h := range l.search.best {
		if h.valid() {
			r.Valid++
		}
	}
	l.rank, l.far, l.near = rank, grow(l.far, n), grow(l.near, n)
	par.Do(l.Workers, pieces(n, pieceRows), (*hardestDistances)(l))
	l.loss, l.diff = grow(l.loss, n)[:0], grow(l.diff, b.Q.Cols)
	if want {
		clear(l.x.g.Data)
	}
	x, g := l.x.x, l.x.g
	for i, h := range l.search.best {
		if !h.valid() {
			continue
		}
		far, near := l.far[i], l.near[i]
		loss, w := rank.score(far, near)
		l.loss = append(l.loss, loss)
		if w > 0 {
			r.Active++
		}
		if want {
			w /= float64(r.Valid)
			rank.pull(g.Row(i), g.Row(h.positive), x.Row(i), x.Row(h.positive), w, far, l.diff)
			rank.pull(g.Row(i), g.Row(h.negative), x.Row(i), x.Row(h.negative), -w, near, l.diff)
		}
	}
	r.Loss = mean(l.loss)
	if err := finiteLoss(op, r.Loss); err != nil {
		return Result{}, err
	}
	if want {
		l.x.addGrad(grad.Q, scale, 0)
	}
	return r, nil
}

// hardestDistances is BatchHard as a task that measures the distances which are scored.
type hardestDistances BatchHard

// Run measures for the anchors of a piece.
func (l *hardestDistances) Run(_, piece int) {
	x := l.x.x
	for i := piece * pieceRows; i < min((piece+1)*pieceRows, x.Rows); i++ {
		if h := l.search.best[i]; h.valid() {
			l.far[i], l.near[i] = l.rank.distance(x.Row(i), x.Row(h.positive)), l.rank.distance(x.Row(i), x.Row(h.negative))
		}
	}
}
