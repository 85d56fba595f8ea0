package tile

import (
	"cmp"
	"slices"
)

// LabelGroups are the rows of a batch by label.
type LabelGroups struct {
	Order []int // all rows, by label and then by index
	Lo    []int // the group of row i is order[lo[i]:hi[i]]
	Hi    []int
}

// Sort groups the rows with the given labels.
func (g *LabelGroups) Sort(labels []int) {
	n := len(labels)
	g.Order, g.Lo, g.Hi = Grow(g.Order, n), Grow(g.Lo, n), Grow(g.Hi, n)
	for i := range g.Order {
		g.Order[i] = i
	}
	slices.SortFunc(g.Order, func(a, b int) int { return cmp.Or(cmp.Compare(labels[a], labels[b]), a-b) })
	for lo := 0; lo < n; {
		hi := lo + 1
		for hi < n && labels[g.Order[hi]] == labels[g.Order[lo]] {
			hi++
		}
		for _, i := range g.Order[lo:hi] {
			g.Lo[i], g.Hi[i] = lo, hi
		}
		lo = hi
	}
}

// Of returns the rows with the label of row i, itself included, in ascending order.
func (g *LabelGroups) Of(i int) []int { return g.Order[g.Lo[i]:g.Hi[i]] }
