package dataset

import (
	"fmt"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// labelled returns labels in random order, sizes[c] of them 10·c − 7.
func labelled(r *check.Rand, sizes ...int) (labels []int) {
	for c, n := range sizes {
		for range n {
			labels = append(labels, 10*c-7)
		}
	}
	for i := range labels {
		j := i + r.IntN(len(labels)-i)
		labels[i], labels[j] = labels[j], labels[i]
	}
	return labels
}

func mustIndices(t testing.TB, s interface{ Indices(int, []int) error }, step, n int) []int {
	t.Helper()
	dst := make([]int, n)
	for i := range dst {
		dst[i] = -1
	}
	if err := s.Indices(step, dst); err != nil {
		t.Fatal(err)
	}
	return dst
}

func labelsOf(labels, samples []int) (x []int) {
	for _, i := range samples {
		x = append(x, labels[i])
	}
	return x
}

func TestPKSampler(t *testing.T) {
	labels := labelled(check.NewRand(1), 4, 5, 9, 1, 2, 4, 7)
	sizes := make(map[int]int)
	for _, l := range labels {
		sizes[l]++
	}
	for _, k := range []int{1, 2, 4, 5} {
		s := &PKSampler{Labels: labels, PerClass: k, Seed: 3}
		const p, epochs = 3, 40 // two steps an epoch, a class left out
		classes, samples := make(map[int]int), make(map[int]int)
		var epoch []int
		for step := range 2 * epochs {
			if step%2 == 0 {
				epoch = nil
			}
			got := mustIndices(t, s, step, p*k)
			for g := range slices.Chunk(got, k) {
				of := labelsOf(labels, g)
				if distinct(of) != 1 {
					t.Fatalf("k %d, step %d: classes %v, want one", k, step, of)
				}
				if want := min(k, sizes[of[0]]); distinct(g) != want {
					t.Errorf("k %d, step %d: samples %v, want %d different ones", k, step, g, want)
				}
				times := make(map[int]int)
				for _, i := range g {
					times[i]++
					samples[i]++
				}
				for _, n := range times {
					if most := (k + sizes[of[0]] - 1) / sizes[of[0]]; n > most || n < k/sizes[of[0]] {
						t.Errorf("k %d, step %d: samples %v, want none more often than %d", k, step, g, most)
					}
				}
				epoch = append(epoch, of[0])
				classes[of[0]]++
			}
			if distinct(epoch) != len(epoch) {
				t.Errorf("k %d, step %d: classes %v in one epoch", k, step, epoch)
			}
		}
		if len(classes) != len(sizes) || len(samples) != len(labels) {
			t.Errorf("k %d: %d classes and %d samples in %d epochs, want all %d and %d", k, len(classes), len(samples), epochs, len(sizes), len(labels))
		}
	}
}

// mostBatches returns the largest number of batches of n samples of different classes. It is
// greedy: each batch takes a sample of each of the n largest remaining classes.
func mostBatches(sizes []int, n int) (batches int) {
	left := slices.Clone(sizes)
	for {
		slices.SortFunc(left, func(a, b int) int { return b - a })
		if len(left) < n || left[n-1] == 0 {
			return batches
		}
		for i := range n {
			left[i]--
		}
		batches++
	}
}

func TestNoDuplicates(t *testing.T) {
	r := check.NewRand(2)
	cases := [][]int{
		{1}, {3}, {1, 1}, {5, 1}, {2, 2, 2}, {9, 1, 1, 1}, {4, 4, 4, 1, 1}, {20, 3, 2, 2, 1, 1, 1},
		slices.Repeat([]int{1}, 50), slices.Repeat([]int{7}, 12),
	}
	for range 30 {
		sizes := make([]int, 1+r.IntN(15))
		for c := range sizes {
			sizes[c] = 1 + r.IntN(1+r.IntN(12))
		}
		cases = append(cases, sizes)
	}
	for _, sizes := range cases {
		ids := labelled(r, sizes...)
		for n := 1; n <= len(sizes); n++ {
			name := fmt.Sprintf("IDs of %v samples, %d a step", sizes, n)
			s := &NoDuplicates{IDs: ids, Seed: 4}
			steps := mostBatches(sizes, n)
			var orders []string
			ever := make(map[int]bool)
			for epoch := range 8 {
				var all []int
				for i := range steps {
					got := mustIndices(t, s, epoch*steps+i, n)
					if of := labelsOf(ids, got); distinct(of) != n {
						t.Fatalf("%s: step %d has IDs %v", name, i, of)
					}
					all = append(all, got...)
				}
				if distinct(all) != len(all) {
					t.Fatalf("%s: epoch %d has a sample twice: %v", name, epoch, all)
				}
				for _, i := range all {
					ever[i] = true
				}
				orders = append(orders, fmt.Sprint(all))
			}
			if slices.Sort(orders); len(ids) > 9 && n > 1 && len(slices.Compact(orders)) < 8 {
				t.Errorf("%s: two epochs have the same order", name)
			}
			if left := len(ids) - n*steps; left == 0 && len(ever) != len(ids) {
				t.Errorf("%s: %d samples in 8 epochs, want all", name, len(ever))
			}
		}
	}
}

// Samples that do not fit in one epoch take turns over many.
func TestNoDuplicatesIsFair(t *testing.T) {
	ids := labelled(check.NewRand(5), 12, 3, 3, 2, 1, 1)
	s := &NoDuplicates{IDs: ids, Seed: 4}
	steps := mostBatches([]int{12, 3, 3, 2, 1, 1}, 4) // 3 steps: nine samples of the first are left out
	times := make(map[int]float64)
	const epochs = 3000
	for step := range steps * epochs {
		for _, i := range mustIndices(t, s, step, 4) {
			times[i]++
		}
	}
	// Within a class all are alike: a binomial count, within 5 standard deviations of
	// the mean of the class.
	mean, size := make(map[int]float64), make(map[int]float64)
	for i, id := range ids {
		mean[id] += times[i]
		size[id]++
	}
	for i, id := range ids {
		m := mean[id] / size[id]
		if d := times[i] - m; d*d > 25*m*(1-m/epochs)+1e-9 {
			t.Errorf("sample %d comes %v times in %d epochs, those of its ID %v times", i, times[i], epochs, m)
		}
	}
}

// A step follows from the seed and does not depend on earlier calls.
func TestSamplerStepsStandAlone(t *testing.T) {
	labels := labelled(check.NewRand(3), slices.Repeat([]int{1, 2, 5}, 6)...)
	type sampler interface{ Indices(int, []int) error }
	for name, fresh := range map[string]func(seed uint64) sampler{
		"PK":       func(seed uint64) sampler { return &PKSampler{Labels: labels, PerClass: 2, Seed: seed} },
		"distinct": func(seed uint64) sampler { return &NoDuplicates{IDs: labels, Seed: seed} },
	} {
		var want [][]int
		s := fresh(1)
		for step := range 20 {
			want = append(want, mustIndices(t, s, step, 8))
		}
		if slices.Equal(want[0], want[1]) {
			t.Errorf("%s: steps 0 and 1 are equal", name)
		}
		s = fresh(1)
		for _, step := range []int{19, 3, 0, 7, 7, 12} {
			mustIndices(t, s, step, 4) // of another size
			if got := mustIndices(t, s, step, 8); !slices.Equal(got, want[step]) {
				t.Errorf("%s: step %d is %v, want %v", name, step, got, want[step])
			}
		}
		switch s := s.(type) {
		case *PKSampler:
			s.Seed = 2
		case *NoDuplicates:
			s.Seed = 2
		}
		if got := mustIndices(t, s, 12, 8); slices.Equal(got, want[12]) || !slices.Equal(got, mustIndices(t, fresh(2), 12, 8)) {
			t.Errorf("%s: another seed gives %v", name, got)
		}
	}
}

func TestSamplersRefuse(t *testing.T) {
	labels := []int{5, 5, 6, 7, 6}
	for _, c := range []struct {
		s    interface{ Indices(int, []int) error }
		n    int
		want string
	}{
		{&PKSampler{Labels: labels}, 6, "6 samples a step, want a multiple of the 4 of each class"},
		{&PKSampler{Labels: labels, PerClass: -1}, 4, "4 samples a step, want a multiple of the -1 of each class"},
		{&PKSampler{Labels: labels, PerClass: 2}, 8, "4 classes a step, want 1 to the 3 that there are"},
		{&PKSampler{Labels: labels}, 0, "0 classes a step, want 1 to the 3 that there are"},
		{&PKSampler{}, 4, "1 classes a step, want 1 to the 0 that there are"},
		{&NoDuplicates{IDs: labels}, 4, "4 samples a step of different IDs, want 1 to the 3 IDs that there are"},
		{&NoDuplicates{IDs: labels}, 0, "0 samples a step of different IDs, want 1 to the 3 IDs that there are"},
		{&NoDuplicates{}, 1, "1 samples a step of different IDs, want 1 to the 0 IDs that there are"},
	} {
		if err := c.s.Indices(0, make([]int, c.n)); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

func TestViewsNoDuplicates(t *testing.T) {
	images := numbered(30, 6)
	s := &Views{Images: images, Augment: unchanged, Seed: 5, NoDuplicates: true}
	var all []int
	for step := range 6 {
		got, labels := next(t, s, step, 10)
		if !slices.Equal(got[:5], got[5:]) || distinct(labels) != 5 {
			t.Errorf("step %d: images %v of classes %v", step, got, labels)
		}
		all = append(all, got[:5]...)
	}
	if distinct(all) != 30 {
		t.Errorf("%d images in an epoch, want all 30", distinct(all))
	}
	s.Match = true
	for step := range 6 {
		got, labels := next(t, s, step, 10)
		if distinct(labels[:5]) != 5 || !slices.Equal(labels[:5], labels[5:]) || distinct(got) != 10 {
			t.Errorf("step %d: images %v of classes %v", step, got, labels)
		}
	}
}
