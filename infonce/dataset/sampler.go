package dataset

import (
	"fmt"
	"slices"
	"sort"

	"github.com/contrast-go/contrast/infonce/internal/random"
)

// A sampler chooses the samples of each step by index. Its choice follows from the number of the
// step and its settings, not from earlier calls, so a resumed run needs no state of it. Its memory
// grows with the number of samples.

// A PKSampler chooses PerClass samples of each of P classes, as in the batches of Hermans, Beyer
// and Leibe (2017, section 2). Within an epoch no class comes twice. The samples of a class are
// drawn anew in each step, without replacement; if the class has fewer than PerClass, they are
// repeated as evenly as possible. A PKSampler must not be used by two goroutines at the same time.
type PKSampler struct {
	Labels   []int // the class of each sample; must not change
	PerClass int   // samples of each class; 0 means 4
	Seed     uint64

	random  random.Stream
	members members
	order   order
	scratch []int
}

// Indices fills dst with the samples of a step, counted from 0. Those in [p·PerClass,
// (p+1)·PerClass) are of one class. It is an error if the length of dst is no multiple of PerClass,
// or if that takes more classes than there are.
func (s *PKSampler) Indices(step int, dst []int) error {
	k := s.PerClass
	if k == 0 {
		k = 4
	}
	if k < 1 || len(dst)%k != 0 {
		return fmt.Errorf("%d samples a step, want a multiple of the %d of each class", len(dst), k)
	}
	s.members.group(s.Labels)
	p := len(dst) / k
	if p < 1 || p > len(s.members.classes) {
		return fmt.Errorf("%d classes a step, want 1 to the %d that there are", p, len(s.members.classes))
	}
	classes := s.order.batch(&s.random, s.Seed, step, p, len(s.members.classes))
	s.random.Seed(s.Seed, random.ForPartner, step, 0)
	for i, c := range classes {
		s.scratch = append(s.scratch[:0], s.members.classes[c]...)
		s.random.Choose(s.scratch, min(k, len(s.scratch)))
		for j := range k {
			dst[i*k+j] = s.scratch[j%len(s.scratch)]
		}
	}
	return nil
}

// NoDuplicates chooses the samples of each step such that no two have the same ID. In a loss that
// uses the other samples of a batch as negatives, two such samples would be false negatives of each
// other.
//
// Within an epoch no sample comes twice, and an epoch has as many steps as possible. So each sample
// comes once an epoch, except those that do not fill a batch, and except those of an ID that has
// more samples than the epoch has steps. NoDuplicates must not be used by two goroutines at the
// same time.
type NoDuplicates struct {
	IDs  []int // of each sample; must not change
	Seed uint64

	random  random.Stream
	members members
	scratch []int

	// The epoch at hand: its step s has the samples items[turn[s]], items[turn[s]+steps], ….
	items, turn  []int
	batch, steps int
	epoch        int
	seed         uint64
}

// Indices fills dst with the samples of a step, counted from 0. It is an error if there are fewer
// IDs than samples in dst.
func (s *NoDuplicates) Indices(step int, dst []int) error {
	n := len(dst)
	fresh := s.members.group(s.IDs)
	if n < 1 || n > len(s.members.classes) {
		return fmt.Errorf("%d samples a step of different IDs, want 1 to the %d IDs that there are", n, len(s.members.classes))
	}
	if fresh || s.batch != n || s.seed != s.Seed {
		s.batch, s.steps, s.epoch, s.seed = n, s.members.batches(n), -1, s.Seed
	}
	if epoch := step / s.steps; s.epoch != epoch {
		s.deal(epoch)
	}
	at := s.turn[step%s.steps]
	for i := range dst {
		dst[i] = s.items[at+i*s.steps]
	}
	return nil
}

// deal lists the samples of an epoch by ID, in random order, and deals them out to the steps in
// turn. No ID has more samples in the list than there are steps, so no step gets two of them.
func (s *NoDuplicates) deal(epoch int) {
	s.epoch = epoch
	s.random.Seed(s.Seed, random.ForShuffle, epoch, 0)
	s.turn = upTo(s.turn, len(s.members.classes))
	s.random.Shuffle(s.turn)
	s.items = s.items[:0]
	for _, c := range s.turn {
		s.scratch = append(s.scratch[:0], s.members.classes[c]...)
		n := min(len(s.scratch), s.steps)
		s.random.Choose(s.scratch, n)
		s.items = append(s.items, s.scratch[:n]...)
	}
	s.turn = upTo(s.turn, s.steps)
	s.random.Shuffle(s.turn)
}

// A chooser chooses samples for sources that give several views of each.
type chooser struct {
	pick     []int
	random   random.Stream
	members  members
	order    order
	distinct NoDuplicates
}

// A choice has the arguments of a chooser.
type choice struct {
	size   int    // number of samples
	each   int    // views of each sample
	things string // the name of samples in errors
	labels []int
	seed   uint64

	distinct bool // all samples of a step differ in label
	match    bool // the views after the first are of other samples of the same label
}

// choose returns the sample of each row of a step. With n samples, rows i, n+i, 2n+i, … are of the
// same sample, or of the same label.
func (c *chooser) choose(set choice, step, rows int) ([]int, error) {
	if set.each < 1 || rows%set.each != 0 {
		return nil, fmt.Errorf("%d rows, want a multiple of the %d views of each sample", rows, set.each)
	}
	n := rows / set.each
	if n < 1 || n > set.size {
		return nil, fmt.Errorf("%d samples a step, want 1 to %d, as many as there are %s", n, set.size, set.things)
	}
	pick := slices.Grow(c.pick[:0], rows)[:n]
	if set.distinct {
		c.distinct.IDs, c.distinct.Seed = set.labels, set.seed
		if err := c.distinct.Indices(step, pick); err != nil {
			return nil, err
		}
	} else {
		copy(pick, c.order.batch(&c.random, set.seed, step, n, set.size))
	}
	if set.match {
		c.members.group(set.labels)
		c.random.Seed(set.seed, random.ForPartner, step, 0)
	}
	for i := n; i < rows; i++ {
		if sample := pick[i%n]; set.match {
			pick = append(pick, c.members.partner(&c.random, sample))
		} else {
			pick = append(pick, sample)
		}
	}
	c.pick = pick
	return pick, nil
}

// An order is the random order of an epoch.
type order struct {
	items []int
	seed  uint64
	epoch int
}

// batch returns the n of size items that a step takes. An epoch has as many steps as whole batches.
func (o *order) batch(r *random.Stream, seed uint64, step, n, size int) []int {
	steps := size / n
	epoch, at := step/steps, step%steps*n
	if len(o.items) != size || o.seed != seed || o.epoch != epoch {
		o.items, o.seed, o.epoch = upTo(o.items, size), seed, epoch
		r.Seed(seed, random.ForShuffle, epoch, 0)
		r.Shuffle(o.items)
	}
	return o.items[at : at+n]
}

// upTo returns 0, 1, …, n−1, in the memory of x if that suffices.
func upTo(x []int, n int) []int {
	x = x[:0]
	for i := range n {
		x = append(x, i)
	}
	return x
}

// members lists samples by class.
type members struct {
	labels  []int   // the labels of all samples
	classes [][]int // the samples of each class, in order of the labels
	class   []int   // the class of each sample
	place   []int   // the index of each sample in its class
}

// group lists samples by label and returns true, or false if the same slice was grouped before.
func (m *members) group(labels []int) bool {
	if len(labels) == len(m.labels) && (len(labels) == 0 || &labels[0] == &m.labels[0]) {
		return false
	}
	distinct := slices.Clone(labels)
	slices.Sort(distinct)
	distinct = slices.Compact(distinct)
	m.labels = labels
	m.classes = make([][]int, len(distinct))
	m.class, m.place = make([]int, len(labels)), make([]int, len(labels))
	for i, label := range labels {
		c, _ := slices.BinarySearch(distinct, label)
		m.class[i], m.place[i] = c, len(m.classes[c])
		m.classes[c] = append(m.classes[c], i)
	}
	return true
}

// batches returns the largest number of batches of n samples, no two of a batch being of one class.
// A number of batches is possible if and only if
//
//	Σ_c min(samples of c, batches) ≥ n·batches
//
// because each batch takes at most one sample of a class. The left side is concave in the number of
// batches, so once it falls behind it stays behind, and a binary search finds the largest.
func (m *members) batches(n int) int {
	return sort.Search(len(m.labels)/n, func(i int) bool {
		batches := i + 1
		samples := 0
		for _, c := range m.classes {
			samples += min(len(c), batches)
		}
		return samples < n*batches
	})
}

// partner returns another random sample of the class of sample i, or i if there is no other.
func (m *members) partner(r *random.Stream, i int) int {
	class := m.classes[m.class[i]]
	if len(class) == 1 {
		return i
	}
	j := r.IntN(len(class) - 1)
	if j >= m.place[i] {
		j++
	}
	return class[j]
}
