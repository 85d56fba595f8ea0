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

// streamed are Rows that are read when asked for, and that may fail.
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

// shown returns which rows of counted a step shows.
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

// classesOf returns n labels of so many classes.
func classesOf(n, classes int) (l []int) {
	for i := range n {
		l = append(l, i%classes+3)
	}
	return l
}

// Vectors come in the order of images.
func TestRowSourcesChooseAsThoseOfImages(t *testing.T) {
	const n, classes, width = 50, 10, 2
	rows, labels, images := counted(n, width), classesOf(n, classes), numbered(n, classes)
	for _, c := range []struct {
		name       string
		a, b       Source
		batch      int
		identities bool
	}{
		{"views", &Views{Images: images, Augment: unchanged, Seed: 5}, &RowViews{Rows: rows, Labels: labels, Seed: 5}, 16, true},
		{"three views", &Views{Images: images, Augment: unchanged, Seed: 5, Each: 3}, &RowViews{Rows: rows, Labels: labels, Seed: 5, Each: 3}, 15, true},
		{"match", &Views{Images: images, Augment: unchanged, Match: true}, &RowViews{Rows: rows, Labels: labels, Match: true}, 16, true},
		{"distinct", &Views{Images: images, Augment: unchanged, Distinct: true}, &RowViews{Rows: rows, Labels: labels, Distinct: true}, 16, true},
		{"classes", &Classes{Images: images, Augment: unchanged, PerClass: 3}, &RowClasses{Rows: rows, Labels: labels, PerClass: 3}, 15, false},
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

// All views of a sample are of it, in blocks.
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

func TestRowPairs(t *testing.T) {
	const n, batch = 50, 8
	queries, documents := counted(n, 2), counted(n, 2)
	for i := range documents.Data {
		documents.Data[i] += 1000
	}
	ids := classesOf(n, 20)
	for _, c := range []struct {
		s    *RowPairs
		name string
	}{
		{&RowPairs{Queries: queries, Documents: documents, Seed: 3}, "all differ"},
		{&RowPairs{Queries: queries, Documents: documents, Seed: 3, DocumentIDs: ids}, "some are the same"},
		{&RowPairs{Queries: queries, Documents: documents, Seed: 3, DocumentIDs: ids, Distinct: true}, "none in a step is the same"},
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
			if c.s.Distinct && distinct(labels[:batch]) != batch {
				t.Errorf("%s: labels %v", c.name, labels)
			}
			epoch = append(epoch, got[:batch]...)
		}
		if distinct(epoch) != len(epoch) {
			t.Errorf("%s: queries %v in an epoch", c.name, epoch)
		}
	}
}

// Zeros follow the narrower rows, and stay there.
func TestRowPairsOfTwoWidths(t *testing.T) {
	for _, widths := range [][2]int{{3, 5}, {5, 3}} {
		s := &RowPairs{Queries: counted(6, widths[0]), Documents: counted(6, widths[1]), Augment: augment.Vector{Noise: 1}}
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

func TestRowTriplets(t *testing.T) {
	r := check.NewRand(3)
	var list [][3]int
	for i := range 20 {
		list = append(list, [3]int{i, r.IntN(30), r.IntN(30)})
	}
	s := &RowTriplets{Rows: counted(30, 2), Triplets: list, Seed: 4}
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

// A step is the same whatever was asked for before, for any number of workers, and from a file.
func TestRowStepsStandAlone(t *testing.T) {
	const n, width = 40, 7
	m := Table{testkit.Normals(check.NewRand(2), n, width)}
	labels := classesOf(n, 5)
	augment := augment.Vector{Noise: 0.3, Dropout: 0.2, Crop: 0.4}
	var list [][3]int
	for i := range n {
		list = append(list, [3]int{i, (i + 1) % n, (i + 2) % n})
	}
	for name, fresh := range map[string]func(r Rows, workers int) Source{
		"views": func(r Rows, w int) Source { return &RowViews{Rows: r, Augment: augment, Seed: 2, Workers: w} },
		"match": func(r Rows, w int) Source {
			return &RowViews{Rows: r, Augment: augment, Labels: labels, Match: true, Workers: w}
		},
		"classes": func(r Rows, w int) Source {
			return &RowClasses{Rows: r, Augment: augment, Labels: labels, PerClass: 9, Workers: w}
		},
		"pairs":    func(r Rows, w int) Source { return &RowPairs{Queries: r, Documents: r, Augment: augment, Workers: w} },
		"triplets": func(r Rows, w int) Source { return &RowTriplets{Rows: r, Triplets: list, Augment: augment, Workers: w} },
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

func TestRowSourcesRefuse(t *testing.T) {
	rows, labels := counted(10, 2), classesOf(10, 5)
	broken := errors.New("disk on fire")
	for _, c := range []struct {
		s          Source
		rows, cols int
		want       string
	}{
		{&RowViews{}, 4, 2, "no rows"},
		{&RowViews{Rows: rows}, 4, 3, "rows of 2 numbers, want the 3 of a sample"},
		{&RowViews{Rows: rows}, 22, 2, "11 samples a step, want 1 to 10, as many as there are rows"},
		{&RowViews{Rows: rows, Each: 3}, 4, 2, "4 rows, want a multiple of the 3 views of each sample"},
		{&RowViews{Rows: rows, Each: -1}, 4, 2, "4 rows, want a multiple of the -1 views of each sample"},
		{&RowViews{Rows: rows, Match: true}, 4, 2, "rows without labels, want a class for each"},
		{&RowViews{Rows: rows, Distinct: true}, 4, 2, "rows without labels, want a class for each"},
		{&RowViews{Rows: rows, Labels: labels[:9]}, 4, 2, "9 labels, want one for each of 10 rows"},
		{&RowViews{Rows: rows, Augment: augment.Vector{Noise: -1}}, 4, 2, "augmentation: noise is -1, want 0 to 10"},
		{&RowViews{Rows: rows, Augment: augment.Vector{Dropout: 1}}, 4, 2, "augmentation: dropout is 1, want 0 to 0.9"},
		{&RowViews{Rows: &streamed{Table: rows, err: broken}}, 4, 2, "disk on fire"},
		{&RowClasses{}, 4, 2, "no rows"},
		{&RowClasses{Rows: rows}, 4, 2, "rows without labels, want a class for each"},
		{&RowClasses{Rows: rows, Labels: labels}, 6, 2, "6 samples a step, want a multiple of the 4 of each class"},
		{&RowClasses{Rows: &streamed{Table: rows, err: broken}, Labels: labels}, 4, 2, "disk on fire"},
		{&RowPairs{Queries: rows}, 4, 2, "no queries or no documents"},
		{&RowPairs{Queries: rows, Documents: counted(9, 2)}, 4, 2, "10 queries and 9 documents, want as many"},
		{&RowPairs{Queries: rows, Documents: rows}, 4, 3, "queries of 2 and documents of 2 numbers, want the 3 of a sample"},
		{&RowPairs{Queries: rows, Documents: rows, Distinct: true}, 4, 2, "documents without IDs, want one for each"},
		{&RowPairs{Queries: rows, Documents: rows, DocumentIDs: labels[:9]}, 4, 2, "9 IDs, want one for each of 10 documents"},
		{&RowPairs{Queries: rows, Documents: rows, DocumentIDs: labels, Distinct: true}, 12, 2, "6 samples a step of different IDs, want 1 to the 5 IDs that there are"},
		{&RowPairs{Queries: rows, Documents: &streamed{Table: rows, err: broken}}, 4, 2, "disk on fire"},
		{&RowTriplets{Rows: rows}, 3, 2, "no triplets"},
		{&RowTriplets{Rows: rows, Triplets: [][3]int{{1, 2, 3}, {0, 10, 1}}}, 3, 2, "triplet 1 is [0 10 1], want indices of 10 rows"},
		{&RowTriplets{Rows: rows, Triplets: [][3]int{{0, -1, 1}}}, 3, 2, "triplet 0 is [0 -1 1], want indices of 10 rows"},
		{&RowTriplets{Rows: rows, Triplets: [][3]int{{0, 2, 1}}}, 4, 2, "4 rows, want a multiple of the 3 views of each sample"},
	} {
		if _, err := c.s.Next(0, simd.NewMatrix(c.rows, c.cols)); err == nil || err.Error() != c.want {
			t.Errorf("%T: %v, want %s", c.s, err, c.want)
		}
	}
}
