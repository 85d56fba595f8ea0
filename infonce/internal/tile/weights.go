package tile

// weightOf returns the weight of term i, where terms past the last weight begin anew.
func WeightOf(w []float32, i int) float64 {
	if len(w) == 0 {
		return 1
	}
	return float64(w[i%len(w)])
}

// weightIn returns x times the weight of row i.
func WeightIn(x float32, w []float32, i int) float32 {
	if len(w) == 0 {
		return x
	}
	return x * w[i%len(w)]
}
