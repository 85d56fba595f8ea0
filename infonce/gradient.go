package infonce

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/contrast-go/contrast/simd"
)

// CheckGradient returns an error unless the gradient of l at b, with respect to Q, K and Negatives,
// is that of its value. It serves for losses of your own, and for all of this package.
//
// It compares central differences of the value with the gradient: along single elements, along
// random directions in one row, in one matrix and in all at once. The steps shrink until two of
// them agree on the difference, so it finds by itself where the value is neither curved nor rounded
// too much. Of a large batch it looks at the first and last rows and at some in between, always the
// same ones. The error names the worst element, or else row or direction, that is off by more than
// 1 % of the largest of its kind, in proportion to the norms of the rows; smaller errors go
// unnoticed. A second kind of error says that most differences tell nothing.
//
// It cannot find faults in rows of norm 0, which it does not move, nor in DTemperature and DBias.
// It does not suit losses whose gradient differs from the derivative by design, such as [Circle]
// and others that treat weights as constants, nor products in BFloat16, which change in jumps.
// Hinges are no obstacle, nor is a search for the hardest rows, unless the whole batch lies in
// kinks.
//
// It takes a few thousand evaluations of the value, fewer for batches with few elements. It does
// not change b, and panics where Evaluate does.
func CheckGradient(l Loss, b Batch) error {
	c := gradientCheck{loss: l, rand: rand.New(rand.NewPCG(1, 2))}
	if err := c.load(b); err != nil {
		return err
	}
	for part := range c.x {
		if err := c.elements(part); err != nil {
			return err
		}
		if err := c.rows(part); err != nil {
			return err
		}
		c.kind = oneMatrix
		if err := c.directions(part, part+1); err != nil {
			return err
		}
	}
	c.kind = allMatrices
	if err := c.directions(0, len(c.x)); err != nil {
		return err
	}
	switch {
	case c.worst != "":
		return fmt.Errorf("infonce: the gradient of %T is wrong: %s", l, c.worst)
	case 2*c.rough > c.probes:
		return fmt.Errorf("infonce: the gradient of %T cannot be checked here: the value is too rough or too flat for %d of %d differences", l, c.rough, c.probes)
	}
	return nil
}

const (
	gradientTolerance = 0.01 // of the largest of its kind
	gradientElements  = 64   // of a matrix, unless it has few
	gradientFew       = 1024
	gradientRows      = 16 // of a matrix
	gradientTries     = 3  // random directions of a matrix
	gradientSteps     = 13 // from a quarter of a norm to 2⁻¹⁴ of it
)

// A gradientCheck compares a gradient with differences of the value.
type gradientCheck struct {
	loss     Loss
	rand     *rand.Rand
	b        Batch          // its matrices are copies, which move
	x, g, to [3]simd.Matrix // what they were, the gradient, and a direction
	norms    [3][]float64   // of the rows
	kind     probeKind
	region   []region // where the direction is not 0

	value         float64
	rounding      float64 // what is left of a gradient whose terms cancel
	probes, rough int
	worst         string // what is wrong, of the least kind
	worstKind     probeKind
	excess        float64 // by how much the worst is off, in tolerances
}

// A probeKind says where the direction of a probe is not 0.
type probeKind int

const (
	oneElement probeKind = iota
	oneRow
	oneMatrix
	allMatrices
)

// partNames are the matrices of a batch.
var partNames = [3]string{"Q", "K", "Negatives"}

// A region is rows i0 to i1−1 and columns j0 to j1−1 of a matrix of the batch.
type region struct{ part, i0, i1, j0, j1 int }

// load copies b and evaluates its gradient.
func (c *gradientCheck) load(b Batch) error {
	c.b = b
	var grad Batch
	for i, m := range []*simd.Matrix{&c.b.Q, &c.b.K, &c.b.Negatives} {
		if m.Rows == 0 {
			continue
		}
		m.Check("infonce.CheckGradient", partNames[i], -1, -1)
		c.x[i] = *m
		*m = simd.NewMatrix(m.Rows, m.Cols)
		c.g[i], c.to[i] = simd.NewMatrix(m.Rows, m.Cols), simd.NewMatrix(m.Rows, m.Cols)
		for r := range m.Rows {
			copy(m.Row(r), c.x[i].Row(r))
			square := 0.0
			for _, v := range m.Row(r) {
				square += float64(float64(v) * float64(v))
			}
			c.norms[i] = append(c.norms[i], math.Sqrt(square))
		}
	}
	grad.Q, grad.K, grad.Negatives = c.g[0], c.g[1], c.g[2]
	r, err := c.loss.Evaluate(c.b, &grad, 1)
	if err != nil {
		return err
	}
	for part, g := range c.g {
		for i := range g.Rows {
			for j, v := range g.Row(i) {
				if v-v != 0 {
					return fmt.Errorf("infonce: the gradient of %T is wrong: %s[%d, %d] is %v", c.loss, partNames[part], i, j, v)
				}
			}
		}
	}
	c.value, c.rounding = r.Loss, 0x1p-18*math.Abs(r.Loss)/float64(max(b.Q.Rows, 1))+0x1p-126
	return nil
}

// moved returns the matrix of the batch that moves.
func (c *gradientCheck) moved(part int) simd.Matrix {
	return [...]simd.Matrix{c.b.Q, c.b.K, c.b.Negatives}[part]
}

// elements compares single elements: all of a small matrix, otherwise the first, the last and
// random ones.
func (c *gradientCheck) elements(part int) error {
	g := c.g[part]
	c.kind = oneElement
	largest := 0.0
	for i := range g.Rows {
		for _, v := range g.Row(i) {
			largest = max(largest, math.Abs(float64(v))*c.norms[part][i])
		}
	}
	n := g.Rows * g.Cols
	for k := range n {
		e := k
		if n > gradientFew {
			if k == gradientElements {
				break
			}
			e = [...]int{0, n - 1, c.rand.IntN(n)}[min(k, 2)]
		}
		i, j := e/g.Cols, e%g.Cols
		if c.norms[part][i] == 0 {
			continue
		}
		c.region = append(c.region[:0], region{part, i, i + 1, j, j + 1})
		if err := c.probe(largest); err != nil {
			return err
		}
	}
	return nil
}

// rows compares random directions in one row: the first, the last and random ones.
func (c *gradientCheck) rows(part int) error {
	g := c.g[part]
	c.kind = oneRow
	largest := 0.0
	for i := range g.Rows {
		square := 0.0
		for _, v := range g.Row(i) {
			square += float64(float64(v) * float64(v))
		}
		largest = max(largest, math.Sqrt(square/float64(max(g.Cols, 1)))*c.norms[part][i])
	}
	for k := range min(g.Rows, gradientRows) {
		i := k
		if g.Rows > gradientRows {
			i = [...]int{0, g.Rows - 1, c.rand.IntN(g.Rows)}[min(k, 2)]
		}
		if c.norms[part][i] == 0 {
			continue
		}
		c.region = append(c.region[:0], region{part, i, i + 1, 0, g.Cols})
		if err := c.probe(largest); err != nil {
			return err
		}
	}
	return nil
}

// directions compares random directions in parts from to to−1 together.
func (c *gradientCheck) directions(from, to int) error {
	c.region = c.region[:0]
	for part := from; part < to; part++ {
		if g := c.g[part]; slices.Max(append(c.norms[part], 0)) > 0 {
			c.region = append(c.region, region{part, 0, g.Rows, 0, g.Cols})
		}
	}
	if len(c.region) == 0 {
		return nil
	}
	for range gradientTries {
		if err := c.probe(0); err != nil {
			return err
		}
	}
	return nil
}

// each calls f for the elements of the region.
func (c *gradientCheck) each(f func(part, i, j int)) {
	for _, r := range c.region {
		for i := r.i0; i < r.i1; i++ {
			for j := r.j0; j < r.j1; j++ {
				f(r.part, i, j)
			}
		}
	}
}

// probe compares the derivative in a direction in the region, in which each row moves by its norm.
// The tolerance is in proportion to largest, or to the root of the squares of what is added up in
// the direction.
func (c *gradientCheck) probe(largest float64) error {
	got, square := 0.0, 0.0
	c.each(func(part, i, j int) {
		v := c.norms[part][i]
		if c.kind != oneElement {
			v /= math.Sqrt(float64(c.g[part].Cols))
		}
		if c.rand.Uint64()&1 == 0 {
			v = -v
		}
		c.to[part].Row(i)[j] = float32(v)
		d := float64(float64(c.g[part].Row(i)[j]) * float64(c.to[part].Row(i)[j]))
		got += d
		square += float64(d * d)
	})
	largest = max(largest, math.Sqrt(square))
	c.probes++

	// off is how much the derivative exceeds got, by Richardson's extrapolation of two steps to the
	// fourth order. It speaks for the gradient where it agrees with the one before, and against it
	// where that agrees with its own too: among kinks two may agree by chance.
	var before, bendBefore, offBefore, bestOff, bestTolerance float64
	best, agreed, kink := math.Inf(1), false, false
	step := 0.25
	for k := range gradientSteps {
		d, bend, err := c.difference(step)
		if err != nil {
			return err
		}
		off := (float64(4*d) - before) / 3
		tolerance := float64(gradientTolerance*max(largest, math.Abs(got+off))) + c.rounding
		doubt := math.Abs(off - offBefore)
		agrees := k > 1 && doubt <= tolerance/4
		if agrees && math.Abs(off) <= tolerance {
			return nil
		}
		if agrees && agreed {
			if doubt < best {
				best, bestOff, bestTolerance = doubt, off, tolerance
			}
			// Where the value is smooth the slopes to both sides meet as steps shrink. If
			// they stay apart, any number between them is right.
			kink = bend >= 0.75*bendBefore && math.Abs(off) <= bend
		}
		before, bendBefore, offBefore, agreed = d, bend, off, agrees
		step /= 2
	}
	if math.IsInf(best, 1) || kink {
		c.rough++
		return nil
	}
	excess := math.Abs(bestOff) / bestTolerance
	if c.worst == "" || c.kind < c.worstKind || c.kind == c.worstKind && excess > c.excess {
		c.worst, c.worstKind, c.excess = c.describe(got, got+bestOff, bestTolerance), c.kind, excess
	}
	return nil
}

// difference returns by how much the value changes between −step and step in the direction, beyond
// what the gradient says, for each unit of the step, and how much the slopes to both sides differ.
func (c *gradientCheck) difference(step float64) (d, bend float64, err error) {
	var value [2]float64
	said := 0.0
	for side, t := range [...]float64{step, -step} {
		c.each(func(part, i, j int) {
			x := c.x[part].Row(i)[j]
			to := float32(float64(x) + float64(t*float64(c.to[part].Row(i)[j])))
			c.moved(part).Row(i)[j] = to
			d := float64(float64(c.g[part].Row(i)[j]) * (float64(to) - float64(x))) // of what it moves in float32
			if side > 0 {
				d = -d
			}
			said += d
		})
		r, err := c.loss.Evaluate(c.b, nil, 1)
		if err != nil {
			return 0, 0, err
		}
		value[side] = r.Loss
	}
	c.each(func(part, i, j int) { c.moved(part).Row(i)[j] = c.x[part].Row(i)[j] })
	return (value[0] - value[1] - said) / (2 * step), math.Abs(value[0]+value[1]-float64(2*c.value)) / step, nil
}

// describe says what is wrong, in the units of the gradient where it is a single element.
func (c *gradientCheck) describe(got, want, tolerance float64) string {
	r := c.region[0]
	name := partNames[r.part]
	var what string
	switch c.kind {
	case oneElement:
		what = fmt.Sprintf("%s[%d, %d]", name, r.i0, r.j0)
		v := float64(c.to[r.part].Row(r.i0)[r.j0])
		got, want, tolerance = got/v+0, want/v+0, tolerance/math.Abs(v) // without −0
	case oneRow:
		what = fmt.Sprintf("the derivative in a random direction in row %d of %s", r.i0, name)
	case oneMatrix:
		what = fmt.Sprintf("the derivative in a random direction in %s", name)
	case allMatrices:
		what = "the derivative in a random direction in all matrices"
	}
	return fmt.Sprintf("%s is %.6g, want %.6g within %.2g", what, got, want, tolerance)
}
