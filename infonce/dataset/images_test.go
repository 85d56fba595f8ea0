package dataset

import (
	"fmt"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// numbered returns n images of one pixel: image i has value i and class i%classes + 3.
func numbered(n, classes int) images.Set {
	m := images.Set{Width: 1, Height: 1, Channels: 1}
	for i := range n {
		m.Pixels = append(m.Pixels, uint8(i))
		m.Labels = append(m.Labels, i%classes+3)
	}
	return m
}

// next returns the numbers and labels of the images in a step.
func next(t testing.TB, s Source, step, rows int) (images, labels []int) {
	t.Helper()
	x := simd.NewMatrix(rows, 1)
	labels, err := s.Next(step, x)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range x.Data {
		images = append(images, int(v*255+0.5))
	}
	return images, slices.Clone(labels)
}

func distinct(x []int) int {
	x = slices.Clone(x)
	slices.Sort(x)
	return len(slices.Compact(x))
}

func TestViewsEpochs(t *testing.T) {
	const images, n = 50, 8 // six steps an epoch, two images left out
	s := &Views{Images: numbered(images, 7), Augment: unchanged, Seed: 5}
	var orders []string
	for epoch := range 4 {
		var all []int
		for i := range 6 {
			got, labels := next(t, s, 6*epoch+i, 2*n)
			if !slices.Equal(got[:n], got[n:]) {
				t.Fatalf("epoch %d, step %d: views of images %v and %v", epoch, i, got[:n], got[n:])
			}
			for row, image := range got {
				if labels[row] != image%7+3 {
					t.Errorf("label of image %d is %d", image, labels[row])
				}
			}
			all = append(all, got[:n]...)
		}
		if distinct(all) != 6*n {
			t.Errorf("epoch %d has %d images, want %d", epoch, distinct(all), 6*n)
		}
		orders = append(orders, fmt.Sprint(all))
	}
	if slices.Sort(orders); len(slices.Compact(orders)) != 4 {
		t.Error("two epochs have the same order")
	}
}

// With Match the second view is of another image of the class.
func TestViewsMatch(t *testing.T) {
	images := numbered(41, 20) // two images a class, three of class 3
	images.Labels[40], images.Labels[39] = 99, 98
	s := &Views{Images: images, Augment: unchanged, Seed: 5, Match: true}
	partners := make(map[[2]int]int)
	for step := range 200 {
		got, labels := next(t, s, step, 40)
		for i := range 20 {
			a, b := got[i], got[20+i]
			if labels[i] != labels[20+i] || labels[i] != images.Labels[a] || labels[i] != images.Labels[b] {
				t.Fatalf("step %d: images %d and %d, labels %d and %d", step, a, b, labels[i], labels[20+i])
			}
			alone := a == 39 || a == 40 || a == 19
			if (a == b) != alone {
				t.Fatalf("step %d: image %d is matched with %d", step, a, b)
			}
			partners[[2]int{a, b}]++
		}
	}
	// Every ordered pair of one class comes up.
	if want := 19*2 + 3; len(partners) != want {
		t.Errorf("%d pairs, want %d", len(partners), want)
	}
}

func TestClasses(t *testing.T) {
	const classes, k = 10, 3
	images := numbered(25, classes) // classes 3 to 7 have three images, 8 to 12 two
	s := &Classes{Images: images, Augment: unchanged, Seed: 5, PerClass: k}
	var epoch []int
	for step := range 15 { // five epochs of three steps
		if step%3 == 0 {
			epoch = nil
		}
		got, labels := next(t, s, step, 3*k)
		for p := range 3 {
			group := got[p*k : (p+1)*k]
			label := labels[p*k]
			for i, image := range group {
				if labels[p*k+i] != label || images.Labels[image] != label {
					t.Fatalf("step %d: images %v, labels %v", step, got, labels)
				}
			}
			if want := min(k, len(s.pk.members.classes[label-3])); distinct(group) != want {
				t.Errorf("step %d: images %v of class %d, want %d different ones", step, group, label, want)
			}
			epoch = append(epoch, label)
		}
		if distinct(epoch) != len(epoch) {
			t.Errorf("step %d: classes %v in one epoch", step, epoch)
		}
	}
}

// A step does not depend on earlier calls or on the number of workers.
func TestSourceStepsStandAlone(t *testing.T) {
	images := testkit.Bars(40, 5)
	for name, fresh := range map[string]func(workers int) Source{
		"views": func(w int) Source { return &Views{Images: images, Seed: 2, Workers: w} },
		"match": func(w int) Source { return &Views{Images: images, Seed: 2, Workers: w, Match: true} },
		"distinct": func(w int) Source {
			return &Views{Images: testkit.Bars(40, 10), Seed: 2, Workers: w, NoDuplicates: true}
		},
		"classes": func(w int) Source { return &Classes{Images: images, Seed: 2, Workers: w} },
	} {
		x := simd.NewMatrix(20, 30)
		var want [][]float32
		var labels [][]int
		s := fresh(1)
		for step := range 12 {
			l, err := s.Next(step, x)
			if err != nil {
				t.Fatal(err)
			}
			want, labels = append(want, slices.Clone(x.Data)), append(labels, slices.Clone(l))
			if step > 0 && slices.Equal(want[step], want[step-1]) {
				t.Errorf("%s: steps %d and %d are equal", name, step-1, step)
			}
		}
		for _, workers := range []int{2, 7} {
			s := fresh(workers)
			for _, step := range []int{11, 0, 5, 4, 10, 10} {
				l, err := s.Next(step, x)
				if err != nil {
					t.Fatal(err)
				}
				check.SameBits(t, fmt.Sprintf("%s, step %d, workers %d", name, step, workers), x.Data, want[step])
				if !slices.Equal(l, labels[step]) {
					t.Errorf("%s: labels %v, want %v", name, l, labels[step])
				}
			}
		}
	}
}

func TestSourceRefuses(t *testing.T) {
	images := numbered(10, 5)
	bare := images
	bare.Labels = nil
	short := images
	short.Labels = images.Labels[:9]
	for _, c := range []struct {
		s          Source
		rows, cols int
		want       string
	}{
		{&Views{Images: images}, 4, 2, "images of 1×1×1 = 1 values, want the 2 of a sample"},
		{&Views{Images: images}, 22, 1, "11 samples a step, want 1 to 10, as many as there are images"},
		{&Views{Images: images}, 0, 1, "0 samples a step, want 1 to 10, as many as there are images"},
		{&Views{Images: images}, 3, 1, "3 rows, want a multiple of the 2 views of each sample"},
		{&Views{Images: bare, Match: true}, 4, 1, "images without labels, want a class for each"},
		{&Views{Images: bare, NoDuplicates: true}, 4, 1, "images without labels, want a class for each"},
		{&Views{Images: images, NoDuplicates: true}, 12, 1, "6 samples a step of different IDs, want 1 to the 5 IDs that there are"},
		{&Views{Images: short}, 4, 1, "9 labels, want one for each of 10 images"},
		{&Views{Images: images, Augment: augment.Image{Scale: 2}}, 4, 1, "augmentation: scale is 2, want at most 0.9"},
		{&Classes{Images: bare}, 4, 1, "images without labels, want a class for each"},
		{&Classes{Images: images}, 6, 1, "6 samples a step, want a multiple of the 4 of each class"},
		{&Classes{Images: images}, 24, 1, "6 classes a step, want 1 to the 5 that there are"},
		{&Classes{Images: images, PerClass: -1}, 4, 1, "4 samples a step, want a multiple of the -1 of each class"},
		{&Classes{Images: images}, 0, 1, "0 classes a step, want 1 to the 5 that there are"},
	} {
		if _, err := c.s.Next(0, simd.NewMatrix(c.rows, c.cols)); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	// Views do not need labels.
	if labels, err := (&Views{Images: bare}).Next(0, simd.NewMatrix(4, 1)); labels != nil || err != nil {
		t.Errorf("labels %v, error %v, want neither", labels, err)
	}
}

func TestViewsIDs(t *testing.T) {
	images := numbered(20, 4)
	for _, match := range []bool{false, true} {
		s := &Views{Images: images, Augment: unchanged, Seed: 5, Match: match}
		for step := range 4 {
			shown, labels := next(t, s, step, 12)
			want := shown
			if match {
				want = labels
			}
			if got := s.IDs(); !slices.Equal(got, want) {
				t.Errorf("match %v: IDs %v, want %v", match, got, want)
			}
		}
	}
}

// unchanged is the augmentation that changes nothing.
var unchanged = augment.Image{Rotation: -1, Scale: -1, Shear: -1, Shift: -1, Blur: -1, Contrast: -1, Brightness: -1, Noise: -1}
