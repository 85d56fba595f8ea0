package ref

// A Grad is the gradient of a loss. A loss leaves empty what it does not have.
type Grad struct {
	DQ, DK, DNeg Mat // with respect to q or the anchors, k or the positives, the negatives
	DTemperature float64
	DBias        float64 // with respect to the bias of the logits, or the boundary of distances
}
