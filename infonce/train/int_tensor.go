package train

// An intTensor holds integers as float32, the one type of the tensors of a checkpoint. An integer
// takes intLen elements of 22 bits each, which a float32 represents exactly, the lowest bits first.
type intTensor []float32

const (
	intLen  = 3
	intBits = 22
)

// newIntTensor returns n integers that are 0.
func newIntTensor(n int) intTensor { return make(intTensor, n*intLen) }

// set makes v integer i.
func (x intTensor) set(i int, v uint64) {
	for j := range intLen {
		x[i*intLen+j] = float32(v & (1<<intBits - 1))
		v >>= intBits
	}
}

// at returns integer i.
func (x intTensor) at(i int) (v uint64) {
	for j := intLen - 1; j >= 0; j-- {
		v = v<<intBits | uint64(x[i*intLen+j])&(1<<intBits-1)
	}
	return v
}
