package ref

// BatchAll returns the mean triplet loss over all triplets of rows of x in which
// a and p ≠ a have one label and n has another (Hermans et al. 2017, eq. 6). The
// mean is over those with a loss above 0, or with all over every triplet; with
// Soft they are the same. Without any the loss is 0. DQ is with respect to x.
func BatchAll(x Mat, labels []int, o TripletOptions, all bool) (float64, Grad) {
	dx := NewMat(x.Rows, x.Cols)
	loss, count := 0.0, 0
	for a := range x.Rows {
		ofAnchor := 0.0
		for p := range x.Rows {
			if p == a || labels[p] != labels[a] {
				continue
			}
			ofPair := 0.0
			for n := range x.Rows {
				if labels[n] == labels[a] {
					continue
				}
				l := o.term(x.Row(a), x.Row(p), x.Row(n), dx.Row(a), dx.Row(p), dx.Row(n), 1)
				ofPair += l
				if l > 0 || o.Soft || all {
					count++
				}
			}
			ofAnchor += ofPair
		}
		loss += ofAnchor
	}
	if count == 0 {
		return 0, Grad{DQ: dx} // zeros, as no triplet is active
	}
	for i := range dx.Data {
		dx.Data[i] /= float64(count)
	}
	return loss / float64(count), Grad{DQ: dx}
}
