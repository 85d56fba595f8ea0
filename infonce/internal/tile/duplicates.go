package tile

// duplicates tell which candidates are the same thing as the positive of a row and so no negatives.
// nil stands for none.
type Duplicates struct{ groups LabelGroups }

// load returns s for candidates of these ids, or nil where there are none.
func (s *Duplicates) Load(ids []int) *Duplicates {
	if len(ids) == 0 {
		return nil
	}
	s.groups.Sort(ids)
	return s
}

// exclude takes from z, the logits of row i from column j on, what is the same thing as the positive,
// which stays. With views both views of a sample are, of which row i is one.
func (s *Duplicates) Exclude(z []float32, i, j, views int) {
	if s == nil {
		return
	}
	if views > 0 {
		i %= views
	}
	for _, c := range s.groups.Of(i) {
		if c == i {
			continue
		}
		if c >= j && c-j < len(z) {
			z[c-j] = NegInf
		}
		if views > 0 && c+views >= j {
			z[c+views-j] = NegInf
		}
	}
}

// count returns how many candidates are the same thing as candidate i, itself among them.
func (s *Duplicates) Count(i int) int {
	if s == nil {
		return 1
	}
	return len(s.groups.Of(i))
}
