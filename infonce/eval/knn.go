package eval

import (
	"fmt"

	"github.com/contrast-go/contrast/simd"
)

// KNN returns the accuracy of k-nearest-neighbour classification: the share of queries whose label
// wins the vote of their k nearest neighbours, or 0 without queries.
//
// near is what [Neighbors] returned for k or more; gallery and queries are the labels of the rows.
// The label with the most votes wins; among equals the one with the larger sum of cosines, and then
// the one with the nearest neighbour. A query without neighbours counts as wrong.
func KNN(near [][]Neighbor, k int, gallery, queries []int) float64 {
	checkLabels("eval.KNN", near, k, queries)
	right := 0
	for i, n := range near {
		n = n[:min(k, len(n))]
		if len(n) > 0 && vote(n, gallery) == queries[i] {
			right++
		}
	}
	return float64(right) / float64(max(len(near), 1))
}

// RecallAt returns the share of queries with a row of their own label among their k nearest
// neighbours. The arguments are those of [KNN].
func RecallAt(near [][]Neighbor, k int, gallery, queries []int) float64 {
	checkLabels("eval.RecallAt", near, k, queries)
	found := 0
	for i, n := range near {
		for _, row := range n[:min(k, len(n))] {
			if gallery[row.Row] == queries[i] {
				found++
				break
			}
		}
	}
	return float64(found) / float64(max(len(near), 1))
}

// vote returns the label that most neighbours have.
func vote(near []Neighbor, labels []int) int {
	type tally struct {
		label, votes int
		cosines      float64
	}
	var tallies []tally // in order of the nearest
	for _, n := range near {
		at := 0
		for at < len(tallies) && tallies[at].label != labels[n.Row] {
			at++
		}
		if at == len(tallies) {
			tallies = append(tallies, tally{label: labels[n.Row]})
		}
		tallies[at].votes++
		tallies[at].cosines += float64(n.Cosine)
	}
	best := tallies[0]
	for _, t := range tallies[1:] {
		if t.votes > best.votes || t.votes == best.votes && t.cosines > best.cosines {
			best = t
		}
	}
	return best.label
}

func checkLabels(op string, near [][]Neighbor, k int, queries []int) {
	if k < 1 {
		panic(&simd.ShapeError{Op: op, Arg: "k", Got: fmt.Sprint(k), Want: "at least 1"})
	}
	if len(queries) != len(near) {
		panic(&simd.ShapeError{Op: op, Arg: "queries", Got: fmt.Sprintf("of length %d", len(queries)), Want: fmt.Sprintf("of length %d", len(near))})
	}
}
