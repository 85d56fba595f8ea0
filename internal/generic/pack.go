package generic

// Copy copies a block of a matrix:
//
//	for i := range rows { for j := range cols { dst[i*ldd+j] = src[i*lds+j] } }
//
// cols must be a multiple of 4. This body takes any number.
func Copy(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	for i := range rows {
		copy(dst[i*ldd:][:cols], src[i*lds:])
	}
}

// Transpose stores the transpose of a block of a matrix:
//
//	for i := range rows { for j := range cols { dst[j*ldd+i] = src[i*lds+j] } }
//
// rows and cols must be multiples of 8. This body takes any numbers.
func Transpose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	i := 0
	for ; i+4 <= rows; i += 4 {
		r0, r1 := src[i*lds:][:cols], src[(i+1)*lds:][:cols]
		r2, r3 := src[(i+2)*lds:][:cols], src[(i+3)*lds:][:cols]
		for j := range r0 {
			d := (*[4]float32)(dst[j*ldd+i:])
			d[0], d[1], d[2], d[3] = r0[j], r1[j], r2[j], r3[j]
		}
	}
	for ; i < rows; i++ {
		for j, v := range src[i*lds:][:cols] {
			dst[j*ldd+i] = v
		}
	}
}
