package infonce

import (
	"cmp"
	"slices"
)

// labelGroups are the rows of a batch by label.
type labelGroups struct {
	order []int // all rows, by label and then by index
	lo    []int // the group of row i is order[lo[i]:hi[i]]
	hi    []int
}

// sort groups the rows of which labels are given.
func (g *labelGroups) sort(labels []int) {
	n := len(labels)
	g.order, g.lo, g.hi = grow(g.order, n), grow(g.lo, n), grow(g.hi, n)
	for i := range g.order {
		g.order[i] = i
	}
	slices.SortFunc(g.order, func(a, b int) int { return cmp.Or(cmp.Compare(labels[a], labels[b]), a-b) })
	for lo := 0; lo < n; {
		hi := lo + 1
		for hi < n && labels[g.order[hi]] == labels[g.order[lo]] {
			hi++
		}
		for _, i := range g.order[lo:hi] {
			g.lo[i], g.hi[i] = lo, hi
		}
		lo = hi
	}
}

// of returns the rows with the label of row i, which is one of them, in ascending order.
func (g *labelGroups) of(i int) []int { return g.order[g.lo[i]:g.hi[i]] }
