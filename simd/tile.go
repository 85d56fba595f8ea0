package simd

// A tile is the block of dst that one call of the gemm kernel updates, and how the kernel wants its
// operands. A Packed matrix is laid out for one tile, and every product with it takes that tile's
// kernel.
type tile struct {
	rows, cols  int
	columnMajor bool // a must be column-major: ars = 1
	format      format
}

// A format is how a gemm kernel takes its operands.
type format uint8

const (
	plain   format = iota
	rounded        // float32 that are bfloat16
	paired         // pairs of bfloat16, neighbours along the inner dimension
)

// tile returns the tile of the kernel for products of precision x.
func (x Precision) tile() tile {
	t := gemmTile()
	switch {
	case x == Float32:
	case x == BFloat16 && multipliesPairs():
		t.format = paired
	case x == BFloat16:
		t.format = rounded
	default:
		panic("simd: unknown " + x.String())
	}
	return t
}

// depth returns how many elements of a packed operand hold k numbers along the inner dimension.
func (t tile) depth(k int) int {
	if t.format == paired {
		return (k + 1) / 2
	}
	return k
}

// gemm calls the kernel.
func (t tile) gemm(
	c []float32, ldc int, a operand, b []float32, depth, rows int, alpha float32, add bool,
) {
	if t.format == paired {
		gemmPairs(c, ldc, a.data, a.rs, a.cs, b, depth, rows, alpha, add)
	} else {
		gemm(c, ldc, a.data, a.rs, a.cs, b, depth, rows, alpha, add)
	}
}
