package nn

import (
	"fmt"
	"strings"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/simd"
)

// A Dual is a two-tower model: it embeds pairs of two kinds, such as texts and images, in one
// space, each kind by a model of its own (Radford et al. 2021, section 2.3).
//
// The first half of the rows are queries, the second half documents, as in dataset.VectorPairs. A
// tower that takes fewer numbers than a row has reads the first ones. A Dual holds scratch memory:
// neither it nor one of its towers may be used by two goroutines at the same time. [NewDual] makes
// one.
type Dual struct {
	towers [2]Model
	params *Params
	in     int
	out    int
	passed int // rows of the last Forward, for Backward to check; 0 after Represent and Embed

	z simd.Matrix
}

var towerNames = [2]string{"query.", "document."}

// NewDual returns a Dual of two models whose embeddings have the same width. It takes them over as
// its towers: their parameters keep their values but move to one block of memory. The tensors are
// those of both towers, with names that begin with "query." and "document.".
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

// appendPrefixed appends tensors to dst with a prefix before their names.
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

// Dims returns the numbers in a sample, those of the wider tower, and the width of the embedding.
func (d *Dual) Dims() (in, out int) { return d.in, d.out }

// MixesRows returns true: which tower embeds a row depends on the number of rows.
func (d *Dual) MixesRows() bool { return true }

// SetWorkers sets the workers of both towers.
func (d *Dual) SetWorkers(n int) {
	for _, tower := range d.towers {
		tower.SetWorkers(n)
	}
}

// State returns the state of both towers.
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

// Clone returns a copy of d that shares no memory with it.
func (d *Dual) Clone() *Dual {
	c, err := NewDual(d.towers[0].clone(), d.towers[1].clone())
	if err != nil {
		panic(err) // unreachable: d was made of such towers
	}
	return c
}

func (d *Dual) clone() Model { return d.Clone() }

// Forward returns the embeddings of the rows of x, whose number must be even. The result lies in
// memory of d, which the next call overwrites; x must not change before [Dual.Backward].
func (d *Dual) Forward(x simd.Matrix) simd.Matrix {
	d.z = d.z.Reshape(x.Rows, d.out)
	d.each("nn.Dual.Forward", x, Model.Forward)
	d.passed = x.Rows
	return d.z
}

// Embed is [Dual.Forward] for inference: no Backward may follow. To embed only queries or only
// documents, use [Dual.Query] or [Dual.Document].
func (d *Dual) Embed(x simd.Matrix) simd.Matrix {
	d.z = d.z.Reshape(x.Rows, d.out)
	d.each("nn.Dual.Embed", x, Model.Embed)
	return d.z
}

// Represent is [Dual.Embed] without the projection heads. If the representations of the towers
// differ in width, the narrower ones are padded with zeros.
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

// each calls pass for each tower with its half of x and stores the results in d.z.
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

// halves panics unless x has the shape of samples and an even number of rows.
func (d *Dual) halves(op string, x simd.Matrix) {
	x.Check(op, "x", -1, d.in)
	if x.Rows%2 != 0 {
		panic(&simd.ShapeError{Op: op, Arg: "x", Got: fmt.Sprintf("%d rows", x.Rows), Want: "an even number"})
	}
}

// half returns the rows of x for a tower, with as many columns as it takes.
func (d *Dual) half(x simd.Matrix, tower int) simd.Matrix {
	n := x.Rows / 2
	h := x.Slice(tower*n, (tower+1)*n)
	h.Cols, _ = d.towers[tower].Dims()
	return h
}

// Backward adds the gradients of the parameters of both towers, given dz, the gradient with respect
// to the output of the last [Dual.Forward].
func (d *Dual) Backward(dz simd.Matrix) {
	dz.Check("nn.Dual.Backward", "dz", d.passed, d.out)
	n := dz.Rows / 2
	for i, tower := range d.towers {
		tower.Backward(dz.Slice(i*n, (i+1)*n))
	}
}

// ActivationBytes estimates the memory that d holds after a Forward and Backward of rows, without
// its parameters and gradients.
func (d *Dual) ActivationBytes(rows int) int64 {
	total := 4 * int64(rows) * int64(d.out)
	for _, tower := range d.towers {
		total += ActivationBytes(tower, rows/2)
	}
	return total
}

// dualKind is the kind of a Dual in files.
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

// A dualBlueprint is the blueprints of both towers.
type dualBlueprint [2]blueprint

// parseDual is the inverse of describe.
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
		widths[i] = own[len(own)-1].Shape[0] // the last tensor is the bias or shift of the embedding
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
		own, _ := b[i].tensors() // no error: b.tensors had none
		towers[i] = b[i].build(own)
	}
	d, _ := NewDual(towers[0], towers[1]) // no error, for the same reason
	return d
}
