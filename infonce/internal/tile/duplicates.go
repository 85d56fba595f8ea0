package tile

// Duplicates tell which candidates are the same thing as the positive of a row and therefore no
// negatives. nil stands for none.
type Duplicates struct{ groups LabelGroups }

// Load returns s for candidates with these IDs, or nil where there are none.
func (s *Duplicates) Load(ids []int) *Duplicates {
	if len(ids) == 0 {
		return nil
	}
	s.groups.Sort(ids)
	return s
}

// Exclude removes from z, the logits of row i starting at column j, what is the same thing as the
// positive, which stays. With views both views of a sample are removed; row i is one of them.
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

// Count returns how many candidates are the same thing as candidate i, itself included.
func (s *Duplicates) Count(i int) int {
	if s == nil {
		return 1
	}
	return len(s.groups.Of(i))
}
