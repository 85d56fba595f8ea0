package dataset

import (
	"fmt"
	"slices"
	"sort"

	"github.com/contrast-go/contrast/infonce/internal/random"
)

// A sampler chooses the samples of each step by their indices. What it chooses follows
// from the number of the step and from its settings, and not from what was asked for before: a
// resumed run needs no state of it. Its memory grows with the number of samples.

// A PKSampler chooses PerClass samples of each of P classes, the batches of Hermans, Beyer and
// Leibe (2017, section 2). Within an epoch of classes none comes twice. Samples of a class are
// drawn anew in each step, and within a step none comes twice where its class has PerClass;
// where it has fewer, all come equally often or once more. A PKSampler must not be used by two goroutines at once.
type PKSampler struct {
	Labels   []int // the class of each sample; must not change
	PerClass int   // 0 means 4
	Seed     uint64

	random  random.Stream
	members members
	order   order
	scratch []int
}

// Indices fills dst with the samples of a step, counted from 0: those from p·PerClass to
// (p+1)·PerClass−1 are of one class. It is an error where dst has no multiple of PerClass, or more
// classes than there are.
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

// NoDuplicates chooses the samples of each step so that no two have the same ID: in a loss that uses
// the other samples of a batch as negatives, they would be pushed apart though they belong together.
//
// Within an epoch no sample comes twice, and an epoch has as many steps as can be filled
// in this way. So each sample comes once an epoch, but for those left over by whole batches and for
// those of an ID that more samples have than an epoch has steps. A NoDuplicates must not be used
// by two goroutines at once.
type NoDuplicates struct {
	IDs  []int // of each sample; must not change
	Seed uint64

	random  random.Stream
	members members
	scratch []int

	// The plan of an epoch: its step s has the samples items[turn[s]], items[turn[s]+steps], ….
	items, turn  []int
	batch, steps int
	epoch        int
	seed         uint64
}

// Indices fills dst with the samples of a step, counted from 0. It is an error where there are
// fewer IDs than that.
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
		s.plan(epoch)
	}
	at := s.turn[step%s.steps]
	for i := range dst {
		dst[i] = s.items[at+i*s.steps]
	}
	return nil
}

// plan lists the samples of an epoch, ID after ID in random order, and deals them out to
// the steps in turn. No ID has more samples on the list than there are steps, so it never comes
// round to the same one.
func (s *NoDuplicates) plan(epoch int) {
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

// A chooser chooses the samples of sources whose steps have some views of each.
type chooser struct {
	pick     []int
	random   random.Stream
	members  members
	order    order
	distinct NoDuplicates
}

// A choice is what a chooser chooses from, and how.
type choice struct {
	size   int    // samples
	each   int    // views of a sample
	things string // what errors call samples
	labels []int
	seed   uint64

	distinct bool // of no label two in a step
	match    bool // the views after the first are of other samples of the same label
}

// choose returns the samples of the rows of a step: with rows = each·n the sample of rows i, n+i,
// 2n+i, … is the same, or one of the same label.
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

// batch returns the n of size items that a step takes. An epoch has as many steps as
// there are whole batches.
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

// upTo returns 0, 1, …, n−1 in the memory of x where that suffices.
func upTo(x []int, n int) []int {
	x = x[:0]
	for i := range n {
		x = append(x, i)
	}
	return x
}

// members are the samples of each class that has any, in order of the labels.
type members struct {
	labels  []int   // those that were grouped
	classes [][]int // samples
	class   []int   // of each sample
	place   []int   // of each sample in its class
}

// group sorts samples by label, unless the same were grouped before, and reports whether
// it did.
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

// batches returns the largest number of batches of n samples without two of one class in any.
// That many batches take no more than that many samples of a class, so there must be
//
//	Σ_c min(samples of c, batches) ≥ n·batches
//
// and those can be dealt out. The left side grows by less with each batch: once it falls
// behind, it stays there.
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

// partner returns another sample of the class of sample i, i itself if it is the
// only one.
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
