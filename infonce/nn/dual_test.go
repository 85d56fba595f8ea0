package nn

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

func mustDual(t testing.TB, query, document Model) *Dual {
	t.Helper()
	d, err := NewDual(query, document)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// towers returns a CNN with batch norm and an MLP whose embeddings have width 3.
func towers(t testing.TB, seed uint64) (*CNN, *MLP) {
	c := CNNConfig{Width: 4, Height: 3, Channels: 1, Filters: []int{3, 4}, Norm: BatchNorm, Head: []int{3}}
	return c.mustNew(t, seed), mustMLP(t, seed+1, []int{7, 5}, []int{3})
}

// A Dual does with each half what its tower would do alone.
func TestDualIsItsTowers(t *testing.T) {
	query, document := towers(t, 1)
	d := mustDual(t, query.Clone(), document.Clone())
	if in, out := d.Dims(); in != 12 || out != 3 {
		t.Fatalf("dims %d, %d, want 12, 3", in, out)
	}
	r := check.NewRand(3)
	for range 2 {
		x, dz := testkit.Normals(r, 10, 12), testkit.Normals(r, 10, 3)
		docs := simd.NewMatrix(5, 7)
		for i := range 5 {
			copy(docs.Row(i), x.Row(5+i))
		}
		z := d.Forward(x)
		check.SameBits(t, "queries", z.Slice(0, 5).Data, query.Forward(x.Slice(0, 5)).Data)
		check.SameBits(t, "documents", z.Slice(5, 10).Data, document.Forward(docs).Data)
		d.Backward(dz)
		query.Backward(dz.Slice(0, 5))
		document.Backward(dz.Slice(5, 10))
		check.SameBits(t, "gradients", d.Params().Grads, slices.Concat(query.params.Grads, document.params.Grads))
		z = d.Embed(x)
		check.SameBits(t, "embedded queries", z.Slice(0, 5).Data, query.Embed(x.Slice(0, 5)).Data)
		check.SameBits(t, "embedded queries alone", d.Query().Embed(x.Slice(0, 5)).Data, query.Embed(x.Slice(0, 5)).Data)
		check.SameBits(t, "embedded documents alone", d.Document().Embed(docs).Data, document.Embed(docs).Data)
		represented := d.Represent(x)
		for i := range 5 {
			want := slices.Concat(query.Represent(x.Slice(i, i+1)).Data, make([]float32, 1))
			check.SameBits(t, "represented query", represented.Row(i), want)
			check.SameBits(t, "represented document", represented.Row(5+i), document.Represent(docs.Slice(i, i+1)).Data)
		}
		for i := range d.params.Values {
			d.params.Values[i] -= 0.01 * d.params.Grads[i]
		}
		for _, p := range []*Params{query.params, document.params} {
			for i := range p.Values {
				p.Values[i] -= 0.01 * p.Grads[i]
			}
		}
	}
	check.SameBits(t, "parameters", d.params.Values, slices.Concat(query.params.Values, document.params.Values))
	if &d.params.Values[0] != &d.Query().Params().Values[0] || &d.params.Grads[len(d.params.Grads)-1] != &d.Document().Params().Tensors[3].Grads[2] {
		t.Error("the towers have parameters of their own")
	}
}

func TestDualRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	query, document := towers(t, 1)
	for _, d := range []*Dual{
		mustDual(t, query, document),
		mustDual(t, MLPConfig{Body: []int{3, 3}, Residual: true, Activation: GELU}.mustNew(t, 4), mustMLP(t, 5, []int{4, 3}, nil)),
	} {
		r := check.NewRand(6)
		in, out := d.Dims()
		d.Forward(testkit.Normals(r, 6, in))
		d.Backward(testkit.Normals(r, 6, out))
		if err := WriteModel(path, d); err != nil {
			t.Fatal(err)
		}
		got, err := ReadModel(path)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, d)
		same(t, CloneModel(d), d)
		for i, tower := range []Model{got.(*Dual).Query(), got.(*Dual).Document()} {
			same(t, tower, d.towers[i])
		}
	}
}

func TestReadDualRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	query, document := towers(t, 1)
	if err := WriteModel(path, mustDual(t, query, document)); err != nil {
		t.Fatal(err)
	}
	good := testkit.ReadFile(t, path)
	for _, c := range []struct{ key, value, want string }{
		{"query.kind", "", `query.kind: got nothing, want one of ["mlp" `},
		{"document.kind", "dual", `document.kind: got "dual", want one of ["mlp" `},
		{"query.image", "[0,1,1]", "query.cnn: image of 0×1×1"},
		{"document.body", "[8,5]", "tensor document.encoder.0.weight: got shape [5 7], want [5 8]"},
		{"document.head", "[4]", "dual: embeddings of 3 and of 4 numbers, want as many"},
		{"query.norm", "layer", `tensor "query.norm.`},
	} {
		refusesMetadata(t, path, good, c.key, c.value, c.want)
	}
}

func TestDualRefuses(t *testing.T) {
	query, document := towers(t, 1)
	for _, c := range []struct {
		query, document Model
		want            string
	}{
		{query, query, "dual: the query tower is the document tower, want two models"},
		{query, mustMLP(t, 1, []int{4, 2}, nil), "dual: embeddings of 3 and of 2 numbers, want as many"},
		{nil, document, "dual: tower query is <nil>, want an MLP or a CNN"},
		{query, mustDual(t, query.Clone(), document.Clone()), "dual: tower document is *nn.Dual, want an MLP or a CNN"},
	} {
		if _, err := NewDual(c.query, c.document); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	d := mustDual(t, query, document)
	for name, f := range map[string]func(){
		"odd rows":       func() { d.Forward(simd.NewMatrix(3, 12)) },
		"x of 7 columns": func() { d.Forward(simd.NewMatrix(4, 7)) },
		"Backward after Embed": func() {
			d.Forward(simd.NewMatrix(4, 12))
			d.Embed(simd.NewMatrix(4, 12))
			d.Backward(simd.NewMatrix(4, 3))
		},
	} {
		testkit.PanicsOnShape(t, name, f)
	}
}
