package dataset

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// streamed is Vectors that are not in memory and may fail.
type streamed struct {
	Table
	err   error
	reads int
}

func (s *streamed) Gather(dst simd.Matrix, indices []int) error {
	s.reads++
	if s.err != nil {
		return s.err
	}
	return s.Table.Gather(dst, indices)
}

// counted returns n rows of the given width: row i has i, i+1/width, ….
func counted(n, width int) Table {
	m := simd.NewMatrix(n, width)
	for i := range n {
		for j := range width {
			m.Row(i)[j] = float32(i) + float32(j)/float32(width)
		}
	}
	return Table{m}
}

// shown returns the rows of counted that a step has, and their labels.
func shown(t testing.TB, s Source, step, rows, width int) (which, labels []int) {
	t.Helper()
	x := simd.NewMatrix(rows, width)
	for i := range x.Data {
		x.Data[i] = -1
	}
	labels, err := s.Next(step, x)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		row := x.Row(i)
		for j, v := range row {
			if want := row[0] + float32(j)/float32(width); v != want {
				t.Fatalf("row %d has %v at column %d, want %v", i, v, j, want)
			}
		}
		which = append(which, int(row[0]))
	}
	return which, slices.Clone(labels)
}

// classesOf returns n labels of the given number of classes.
func classesOf(n, classes int) (l []int) {
	for i := range n {
		l = append(l, i%classes+3)
	}
	return l
}

// Sources of vectors choose the same samples as sources of images.
func TestVectorSourcesChooseAsThoseOfImages(t *testing.T) {
	const n, classes, width = 50, 10, 2
	rows, labels, images := counted(n, width), classesOf(n, classes), numbered(n, classes)
	for _, c := range []struct {
		name       string
		a, b       Source
		batch      int
		identities bool
	}{
		{"views", &Views{Images: images, Augment: unchanged, Seed: 5}, &VectorViews{Rows: rows, Labels: labels, Seed: 5}, 16, true},
		{"three views", &Views{Images: images, Augment: unchanged, Seed: 5, Each: 3}, &VectorViews{Rows: rows, Labels: labels, Seed: 5, Each: 3}, 15, true},
		{"match", &Views{Images: images, Augment: unchanged, Match: true}, &VectorViews{Rows: rows, Labels: labels, Match: true}, 16, true},
		{"distinct", &Views{Images: images, Augment: unchanged, NoDuplicates: true}, &VectorViews{Rows: rows, Labels: labels, NoDuplicates: true}, 16, true},
		{"classes", &Classes{Images: images, Augment: unchanged, PerClass: 3}, &VectorClasses{Rows: rows, Labels: labels, PerClass: 3}, 15, false},
	} {
		for step := range 20 {
			want, wantLabels := next(t, c.a, step, c.batch)
			got, gotLabels := shown(t, c.b, step, c.batch, width)
			if !slices.Equal(got, want) || !slices.Equal(gotLabels, wantLabels) {
				t.Fatalf("%s, step %d: rows %v, labels %v, want %v, %v", c.name, step, got, gotLabels, want, wantLabels)
			}
			if c.identities && !slices.Equal(c.a.(Identifier).IDs(), c.b.(Identifier).IDs()) {
				t.Errorf("%s, step %d: IDs %v, want %v", c.name, step, c.b.(Identifier).IDs(), c.a.(Identifier).IDs())
			}
		}
	}
}

// The views of all samples come in blocks: first views, second views, ….
func TestViewsEach(t *testing.T) {
	for _, each := range []int{1, 2, 3, 5} {
		const n = 4
		s := &Views{Images: numbered(50, 7), Augment: unchanged, Each: each}
		got, labels := next(t, s, 3, each*n)
		for i, image := range got {
			if image != got[i%n] || labels[i] != image%7+3 {
				t.Errorf("%d views: images %v, labels %v", each, got, labels)
			}
		}
		if distinct(got) != n {
			t.Errorf("%d views: images %v, want %d different ones", each, got, n)
		}
	}
	// The views after the second are of further partners.
	s := &Views{Images: numbered(50, 5), Augment: unchanged, Each: 4, Match: true}
	got, labels := next(t, s, 0, 16)
	for i := range got {
		if labels[i] != labels[i%4] || i >= 4 && got[i] == got[i%4] {
			t.Errorf("row %d: images %v, labels %v", i, got, labels)
		}
	}
	if slices.Equal(got[4:8], got[8:12]) {
		t.Errorf("the same partners twice: %v", got)
	}
}

func TestVectorPairs(t *testing.T) {
	const n, batch = 50, 8
	queries, documents := counted(n, 2), counted(n, 2)
	for i := range documents.Data {
		documents.Data[i] += 1000
	}
	ids := classesOf(n, 20)
	for _, c := range []struct {
		s    *VectorPairs
		name string
	}{
		{&VectorPairs{Queries: queries, Documents: documents, Seed: 3}, "all differ"},
		{&VectorPairs{Queries: queries, Documents: documents, Seed: 3, DocumentIDs: ids}, "some are the same"},
		{&VectorPairs{Queries: queries, Documents: documents, Seed: 3, DocumentIDs: ids, NoDuplicates: true}, "none in a step is the same"},
	} {
		var epoch []int
		for step := range n / batch {
			got, labels := shown(t, c.s, step, 2*batch, 2)
			for i, q := range got[:batch] {
				if got[batch+i] != q+1000 {
					t.Fatalf("%s: query %d with document %d", c.name, q, got[batch+i])
				}
				want := q
				if c.s.DocumentIDs != nil {
					want = ids[q]
				}
				if labels[i] != want || labels[batch+i] != want {
					t.Errorf("%s: labels %v of queries %v", c.name, labels, got[:batch])
				}
			}
			if !slices.Equal(c.s.IDs(), labels) {
				t.Errorf("%s: IDs %v, labels %v", c.name, c.s.IDs(), labels)
			}
			if c.s.NoDuplicates && distinct(labels[:batch]) != batch {
				t.Errorf("%s: labels %v", c.name, labels)
			}
			epoch = append(epoch, got[:batch]...)
		}
		if distinct(epoch) != len(epoch) {
			t.Errorf("%s: queries %v in an epoch", c.name, epoch)
		}
	}
}

// Narrower rows are padded with zeros, which augmentation does not change.
func TestVectorPairsOfTwoWidths(t *testing.T) {
	for _, widths := range [][2]int{{3, 5}, {5, 3}} {
		s := &VectorPairs{Queries: counted(6, widths[0]), Documents: counted(6, widths[1]), Augment: augment.Vector{Noise: 1}}
		x := simd.NewMatrix(8, 5)
		for step := range 3 {
			if _, err := s.Next(step, x); err != nil {
				t.Fatal(err)
			}
			for i := range 8 {
				for j, v := range x.Row(i) {
					if beyond := j >= widths[i/4]; beyond != (v == 0) {
						t.Errorf("widths %v: row %d has %v at column %d", widths, i, v, j)
					}
				}
			}
		}
	}
}

func TestVectorTriplets(t *testing.T) {
	r := check.NewRand(3)
	var list [][3]int
	for i := range 20 {
		list = append(list, [3]int{i, r.IntN(30), r.IntN(30)})
	}
	s := &VectorTriplets{Rows: counted(30, 2), Triplets: list, Seed: 4}
	var epoch []int
	for step := range 3 {
		got, labels := shown(t, s, step, 18, 2)
		if labels != nil {
			t.Errorf("labels %v", labels)
		}
		for i, a := range got[:6] {
			if want := list[a]; got[6+i] != want[1] || got[12+i] != want[2] {
				t.Errorf("rows %d, %d and %d, want %v", a, got[6+i], got[12+i], want)
			}
		}
		epoch = append(epoch, got[:6]...)
	}
	if distinct(epoch) != 18 {
		t.Errorf("anchors %v in an epoch", epoch)
	}
}

// A step does not depend on earlier calls, on the number of workers, or on whether rows are in
// memory.
func TestVectorStepsStandAlone(t *testing.T) {
	const n, width = 40, 7
	m := Table{testkit.Normals(check.NewRand(2), n, width)}
	labels := classesOf(n, 5)
	augment := augment.Vector{Noise: 0.3, Dropout: 0.2, Crop: 0.4}
	var list [][3]int
	for i := range n {
		list = append(list, [3]int{i, (i + 1) % n, (i + 2) % n})
	}
	for name, fresh := range map[string]func(r Vectors, workers int) Source{
		"views": func(r Vectors, w int) Source { return &VectorViews{Rows: r, Augment: augment, Seed: 2, Workers: w} },
		"match": func(r Vectors, w int) Source {
			return &VectorViews{Rows: r, Augment: augment, Labels: labels, Match: true, Workers: w}
		},
		"classes": func(r Vectors, w int) Source {
			return &VectorClasses{Rows: r, Augment: augment, Labels: labels, PerClass: 9, Workers: w}
		},
		"pairs": func(r Vectors, w int) Source {
			return &VectorPairs{Queries: r, Documents: r, Augment: augment, Workers: w}
		},
		"triplets": func(r Vectors, w int) Source {
			return &VectorTriplets{Rows: r, Triplets: list, Augment: augment, Workers: w}
		},
	} {
		x := simd.NewMatrix(36, width)
		var want [][]float32
		s := fresh(m, 1)
		for step := range 6 {
			if _, err := s.Next(step, x); err != nil {
				t.Fatal(err)
			}
			want = append(want, slices.Clone(x.Data))
			if step > 0 && slices.Equal(want[step], want[step-1]) {
				t.Errorf("%s: steps %d and %d are equal", name, step-1, step)
			}
		}
		check.EachLevel(t, func(t *testing.T) {
			for _, workers := range []int{2, 7} {
				s := fresh(&streamed{Table: m}, workers)
				for _, step := range []int{5, 0, 3, 2, 4, 4} {
					if _, err := s.Next(step, x); err != nil {
						t.Fatal(err)
					}
					check.SameBits(t, fmt.Sprintf("%s, step %d, workers %d", name, step, workers), x.Data, want[step])
				}
			}
		})
	}
}

func TestVectorSourcesRefuse(t *testing.T) {
	rows, labels := counted(10, 2), classesOf(10, 5)
	broken := errors.New("disk on fire")
	for _, c := range []struct {
		s          Source
		rows, cols int
		want       string
	}{
		{&VectorViews{}, 4, 2, "no rows"},
		{&VectorViews{Rows: rows}, 4, 3, "rows of 2 numbers, want the 3 of a sample"},
		{&VectorViews{Rows: rows}, 22, 2, "11 samples a step, want 1 to 10, as many as there are rows"},
		{&VectorViews{Rows: rows, Each: 3}, 4, 2, "4 rows, want a multiple of the 3 views of each sample"},
		{&VectorViews{Rows: rows, Each: -1}, 4, 2, "4 rows, want a multiple of the -1 views of each sample"},
		{&VectorViews{Rows: rows, Match: true}, 4, 2, "rows without labels, want a class for each"},
		{&VectorViews{Rows: rows, NoDuplicates: true}, 4, 2, "rows without labels, want a class for each"},
		{&VectorViews{Rows: rows, Labels: labels[:9]}, 4, 2, "9 labels, want one for each of 10 rows"},
		{&VectorViews{Rows: rows, Augment: augment.Vector{Noise: -1}}, 4, 2, "augmentation: noise is -1, want 0 to 10"},
		{&VectorViews{Rows: rows, Augment: augment.Vector{Dropout: 1}}, 4, 2, "augmentation: dropout is 1, want 0 to 0.9"},
		{&VectorViews{Rows: &streamed{Table: rows, err: broken}}, 4, 2, "disk on fire"},
		{&VectorClasses{}, 4, 2, "no rows"},
		{&VectorClasses{Rows: rows}, 4, 2, "rows without labels, want a class for each"},
		{&VectorClasses{Rows: rows, Labels: labels}, 6, 2, "6 samples a step, want a multiple of the 4 of each class"},
		{&VectorClasses{Rows: &streamed{Table: rows, err: broken}, Labels: labels}, 4, 2, "disk on fire"},
		{&VectorPairs{Queries: rows}, 4, 2, "no queries or no documents"},
		{&VectorPairs{Queries: rows, Documents: counted(9, 2)}, 4, 2, "10 queries and 9 documents, want as many"},
		{&VectorPairs{Queries: rows, Documents: rows}, 4, 3, "queries of 2 and documents of 2 numbers, want the 3 of a sample"},
		{&VectorPairs{Queries: rows, Documents: rows, NoDuplicates: true}, 4, 2, "documents without IDs, want one for each"},
		{&VectorPairs{Queries: rows, Documents: rows, DocumentIDs: labels[:9]}, 4, 2, "9 IDs, want one for each of 10 documents"},
		{&VectorPairs{Queries: rows, Documents: rows, DocumentIDs: labels, NoDuplicates: true}, 12, 2, "6 samples a step of different IDs, want 1 to the 5 IDs that there are"},
		{&VectorPairs{Queries: rows, Documents: &streamed{Table: rows, err: broken}}, 4, 2, "disk on fire"},
		{&VectorTriplets{Rows: rows}, 3, 2, "no triplets"},
		{&VectorTriplets{Rows: rows, Triplets: [][3]int{{1, 2, 3}, {0, 10, 1}}}, 3, 2, "triplet 1 is [0 10 1], want indices of 10 rows"},
		{&VectorTriplets{Rows: rows, Triplets: [][3]int{{0, -1, 1}}}, 3, 2, "triplet 0 is [0 -1 1], want indices of 10 rows"},
		{&VectorTriplets{Rows: rows, Triplets: [][3]int{{0, 2, 1}}}, 4, 2, "4 rows, want a multiple of the 3 views of each sample"},
	} {
		if _, err := c.s.Next(0, simd.NewMatrix(c.rows, c.cols)); err == nil || err.Error() != c.want {
			t.Errorf("%T: %v, want %s", c.s, err, c.want)
		}
	}
}
