package infonce

import "github.com/contrast-go/contrast/simd"

// softplusChunk is how many numbers softplusRow works on at a time, so that its scratch memory stays in the
// first-level cache. It decides the order of the sum.
const softplusChunk = 1024

// A softplusRoom is the scratch memory of softplusRow.
type softplusRoom struct{ up, down, u, log, one [softplusChunk]float32 }

// softplusRow replaces x = z + bias by the slope 1/(1 + e^−x) of ln(1 + e^x), and returns Σ ln(1 + e^x) and the sum
// of the slopes. A z of −Inf adds nothing.
//
// With e = e^−|x| and l = ln(1 + e) the terms are max(0, x) + l and the slopes e^−(max(0, −x) + l). A small e is
// lost in u = 1 + e, so l is ln u + (e − (u − 1)), where the last term is exact.
func softplusRow(z []float32, bias float32, t *softplusRoom) (sum, slopes float64) {
	fill(t.one[:], 1)
	for len(z) > 0 {
		x := z[:min(len(z), softplusChunk)]
		z = z[len(x):]
		up, down, u, l, one := t.up[:len(x)], t.down[:len(x)], t.u[:len(x)], t.log[:len(x)], t.one[:len(x)]
		clear(up)
		clear(down)
		simd.Raise(up, x, 1, bias)
		simd.Raise(down, x, -1, -bias)
		simd.Add(x, up, down)
		simd.Scale(x, -1, x)
		simd.Exp(x, x)
		simd.Add(u, x, one)
		simd.Log(l, u)
		simd.Axpy(u, -1, one)
		simd.Axpy(x, -1, u)
		simd.Add(l, l, x)
		simd.Add(up, up, l)
		sum += float64(simd.Sum(up))
		simd.Add(down, down, l)
		simd.Scale(x, -1, down)
		slopes += float64(simd.ExpSum(x, x, 0))
	}
	return sum, slopes
}
