package tile

// WeightOf returns the weight of term i, where terms beyond the last weight start over.
func WeightOf(w []float32, i int) float64 {
	if len(w) == 0 {
		return 1
	}
	return float64(w[i%len(w)])
}

// WeightIn returns x times the weight of row i.
func WeightIn(x float32, w []float32, i int) float32 {
	if len(w) == 0 {
		return x
	}
	return x * w[i%len(w)]
}
