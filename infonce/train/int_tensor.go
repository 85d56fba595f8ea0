package train

// The tensors of a checkpoint are of float32. An integer is three of them, each of which
// holds 22 of its bits exactly, the lowest first.
const (
	digits   = 3
	digitLen = 22
)

// putInt stores v in the first elements of dst.
func putInt(dst []float32, v uint64) {
	for i := range digits {
		dst[i] = float32(v & (1<<digitLen - 1))
		v >>= digitLen
	}
}

// getInt returns what putInt stored.
func getInt(src []float32) (v uint64) {
	for i := digits - 1; i >= 0; i-- {
		v = v<<digitLen | uint64(src[i])&(1<<digitLen-1)
	}
	return v
}
