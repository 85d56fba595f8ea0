package nn

import (
	"fmt"
	"strings"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/simd"
)

// A Dual is two models, called towers, that embed pairs of different kinds in one space, such as
// texts and images (Radford et al. 2021, section 2.3).
//
// The first half of the rows are queries, the second half documents, as in [dataset.VectorPairs]; where one
// tower takes fewer numbers than a row has, it takes the first. A Dual keeps scratch memory: two
// goroutines must not use one, or one of its towers, at once.
type Dual struct {
	towers [2]Model
	params *Params
	in     int
	out    int
	passed int // rows that the last Forward took; 0 after Represent and Embed

	z simd.Matrix
}

var towerNames = [2]string{"query.", "document."}

// NewDual returns a Dual of two models whose embeddings are of the same width. They are its towers
// from now on: their parameters move to one block of memory, and keep their values. The tensors are those
// of both, with query. and document. before their names.
func NewDual(query, document Model) (*Dual, error) {
	d := &Dual{towers: [2]Model{query, document}}
	for i, tower := range d.towers {
		if _, ok := tower.(*Dual); ok || tower == nil {
			return nil, fmt.Errorf("dual: tower %s is %T, want an MLP or a CNN", strings.TrimSuffix(towerNames[i], "."), tower)
		}
	}
	if query == document {
		return nil, fmt.Errorf("dual: the query tower is the document tower, want two models")
	}
	in, out := query.Dims()
	width, other := document.Dims()
	if out != other {
		return nil, fmt.Errorf("dual: embeddings of %d and of %d numbers, want as many", out, other)
	}
	d.in, d.out = max(in, width), out
	var tensors []Tensor
	for i, tower := range d.towers {
		tensors = appendPrefixed(tensors, towerNames[i], tower.Params().Tensors)
	}
	p := NewParams(tensors)
	for i, t := range tensors {
		copy(p.Tensors[i].Values, t.Values)
	}
	d.adopt(p)
	return d, nil
}

// appendPrefixed appends tensors to dst, with a prefix before their names.
func appendPrefixed(dst []Tensor, prefix string, tensors []Tensor) []Tensor {
	for _, t := range tensors {
		t.Name = prefix + t.Name
		dst = append(dst, t)
	}
	return dst
}

func (d *Dual) adopt(p *Params) {
	d.params = p
	first, at := 0, 0
	for i, tower := range d.towers {
		own := &Params{}
		size := 0
		for _, t := range p.Tensors[first : first+len(tower.Params().Tensors)] {
			t.Name = strings.TrimPrefix(t.Name, towerNames[i])
			own.Tensors = append(own.Tensors, t)
			size += len(t.Values)
		}
		own.Values, own.Grads = p.Values[at:at+size:at+size], p.Grads[at:at+size:at+size]
		first, at = first+len(own.Tensors), at+size
		tower.adopt(own)
	}
}

// Query returns the tower that embeds queries. It shares the memory of d.
func (d *Dual) Query() Model { return d.towers[0] }

// Document returns the tower that embeds documents. It shares the memory of d.
func (d *Dual) Document() Model { return d.towers[1] }

// Params returns the parameters of both towers.
func (d *Dual) Params() *Params { return d.params }

// Dims returns the numbers of a sample, those of the wider tower, and the width of the embedding.
func (d *Dual) Dims() (in, out int) { return d.in, d.out }

// MixesRows returns true: the tower of a row depends on how many rows there are.
func (d *Dual) MixesRows() bool { return true }

// SetWorkers sets the workers of both towers.
func (d *Dual) SetWorkers(n int) {
	for _, tower := range d.towers {
		tower.SetWorkers(n)
	}
}

// State returns what both towers remember.
func (d *Dual) State() (state []data.Tensor) {
	for i, tower := range d.towers {
		s, ok := tower.(Stateful)
		if !ok {
			continue
		}
		for _, t := range s.State() {
			t.Name = towerNames[i] + t.Name
			state = append(state, t)
		}
	}
	return state
}

// Clone returns a Dual with clones of both towers.
func (d *Dual) Clone() *Dual {
	c, err := NewDual(d.towers[0].clone(), d.towers[1].clone())
	if err != nil {
		panic(err) // d is such a Dual
	}
	return c
}

func (d *Dual) clone() Model { return d.Clone() }

// Forward returns the embeddings of the rows of x, of which there is an even number, in memory of d that
// the next call overwrites. x must not change before [Dual.Backward].
func (d *Dual) Forward(x simd.Matrix) simd.Matrix {
	d.z = d.z.Reshape(x.Rows, d.out)
	d.each("nn.Dual.Forward", x, Model.Forward)
	d.passed = x.Rows
	return d.z
}

// Embed is Forward where no Backward follows. [Dual.Query] and [Dual.Document] embed those alone.
func (d *Dual) Embed(x simd.Matrix) simd.Matrix {
	d.z = d.z.Reshape(x.Rows, d.out)
	d.each("nn.Dual.Embed", x, Model.Embed)
	return d.z
}

// Represent is Embed without the heads of the towers. The representation of one may be wider than
// that of the other, which zeros follow then.
func (d *Dual) Represent(x simd.Matrix) simd.Matrix {
	const op = "nn.Dual.Represent"
	width := 0
	d.halves(op, x)
	for i, tower := range d.towers {
		width = max(width, tower.Represent(d.half(x, i).Slice(0, 0)).Cols)
	}
	d.z = d.z.Reshape(x.Rows, width)
	clear(d.z.Data)
	d.each(op, x, Model.Represent)
	return d.z
}

// each stores what pass makes of both halves of x, by the tower of each, in d.z.
func (d *Dual) each(op string, x simd.Matrix, pass func(Model, simd.Matrix) simd.Matrix) {
	d.halves(op, x)
	d.passed = 0
	for i, tower := range d.towers {
		z := pass(tower, d.half(x, i))
		dst := d.z.Slice(i*z.Rows, (i+1)*z.Rows)
		for r := range z.Rows {
			copy(dst.Row(r), z.Row(r))
		}
	}
}

// halves panics unless x has two halves.
func (d *Dual) halves(op string, x simd.Matrix) {
	x.Check(op, "x", -1, d.in)
	if x.Rows%2 != 0 {
		panic(&simd.ShapeError{Op: op, Arg: "x", Got: fmt.Sprintf("%d rows", x.Rows), Want: "an even number"})
	}
}

// half returns the rows of x that are for a tower, of as many columns as it takes.
func (d *Dual) half(x simd.Matrix, tower int) simd.Matrix {
	n := x.Rows / 2
	h := x.Slice(tower*n, (tower+1)*n)
	h.Cols, _ = d.towers[tower].Dims()
	return h
}

// Backward adds the gradients of the parameters of both towers, given the gradient with respect to what the
// last call of [Dual.Forward] returned.
func (d *Dual) Backward(dz simd.Matrix) {
	dz.Check("nn.Dual.Backward", "dz", d.passed, d.out)
	n := dz.Rows / 2
	for i, tower := range d.towers {
		tower.Backward(dz.Slice(i*n, (i+1)*n))
	}
}

// ActivationBytes returns how many bytes d keeps of so many rows beside its parameters.
func (d *Dual) ActivationBytes(rows int) int64 {
	total := 4 * int64(rows) * int64(d.out)
	for _, tower := range d.towers {
		total += ActivationBytes(tower, rows/2)
	}
	return total
}

const dualKind = "dual"

func (d *Dual) describe() map[string]string {
	meta := map[string]string{kindKey: dualKind}
	for i, tower := range d.towers {
		for key, value := range tower.describe() {
			meta[towerNames[i]+key] = value
		}
	}
	return meta
}

// A dualBlueprint is that of each tower.
type dualBlueprint [2]blueprint

// parseDual reads what describe returned.
func parseDual(meta map[string]string) (b dualBlueprint, err error) {
	for i, prefix := range towerNames {
		own := make(map[string]string)
		for key, value := range meta {
			if key, ok := strings.CutPrefix(key, prefix); ok {
				own[key] = value
			}
		}
		if b[i], err = parseTower(own); err != nil {
			return b, fmt.Errorf("%s%w", prefix, err)
		}
	}
	return b, nil
}

func (b dualBlueprint) tensors() (tensors []Tensor, err error) {
	var widths [2]int
	for i, prefix := range towerNames {
		own, err := b[i].tensors()
		if err != nil {
			return nil, fmt.Errorf("%s%w", prefix, err)
		}
		widths[i] = own[len(own)-1].Shape[0] // the last tensor is a bias or a shift of what comes out
		tensors = appendPrefixed(tensors, prefix, own)
	}
	if widths[0] != widths[1] {
		return nil, fmt.Errorf("dual: embeddings of %d and of %d numbers, want as many", widths[0], widths[1])
	}
	return tensors, nil
}

func (b dualBlueprint) state() (state []Tensor) {
	for i, prefix := range towerNames {
		state = appendPrefixed(state, prefix, b[i].state())
	}
	return state
}

func (b dualBlueprint) build([]Tensor) Model {
	var towers [2]Model
	for i := range b {
		own, _ := b[i].tensors() // there is no error, for there was none before
		towers[i] = b[i].build(own)
	}
	d, _ := NewDual(towers[0], towers[1]) // nor here
	return d
}
