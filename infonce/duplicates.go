package infonce

// duplicates tell which candidates are the same thing as the positive of a row and so no negatives.
// nil stands for none.
type duplicates struct{ groups labelGroups }

// load returns s for candidates of these ids, or nil where there are none. Other than as many
// as n panic.
func (s *duplicates) load(op string, ids []int, n int) *duplicates {
	if len(ids) == 0 {
		return nil
	}
	checkLen(op, "IDs", len(ids), n)
	s.groups.sort(ids)
	return s
}

// exclude takes from z, the logits of row i from column j on, what is the same thing as the positive,
// which stays. With views both views of a sample are, of which row i is one.
func (s *duplicates) exclude(z []float32, i, j, views int) {
	if s == nil {
		return
	}
	if views > 0 {
		i %= views
	}
	for _, c := range s.groups.of(i) {
		if c == i {
			continue
		}
		if c >= j && c-j < len(z) {
			z[c-j] = negInf
		}
		if views > 0 && c+views >= j {
			z[c+views-j] = negInf
		}
	}
}

// count returns how many candidates are the same thing as candidate i, itself among them.
func (s *duplicates) count(i int) int {
	if s == nil {
		return 1
	}
	return len(s.groups.of(i))
}
