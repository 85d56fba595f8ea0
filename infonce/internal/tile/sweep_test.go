package tile

import (
	"fmt"
	"testing"

	"github.com/contrast-go/contrast/simd"
)

// TestCut: pieces and strips have something for each worker, end where tiles and pairs do, fit
// into what holds them, and strips of symmetric logits begin where packed matrices may be cut.
func TestCut(t *testing.T) {
	// The number of workers decides how many rows a strip has.
	for _, c := range []struct {
		workers int
		half    bool
		strips  int
	}{{1, false, 4}, {2, false, 2}, {7, false, 1}, {1, true, 8}, {7, true, 2}} {
		if got := pieces(700, cutUp(700, 700, c.workers, c.half, true).height); got != c.strips {
			t.Errorf("%d strips for %d workers, want %d", got, c.workers, c.strips)
		}
	}
	for _, workers := range []int{1, 2, 3, 16} {
		for _, n := range []int{0, 1, 100, 256, 280, 512, 1024, 4096, 1 << 14, 1 << 20} {
			for _, half := range []bool{false, true} {
				c := cutUp(n, n, workers, half, true)
				name := fmt.Sprintf("cutUp(%d, %d, %d, %v) = %+v", n, n, workers, half, c)
				if c.height <= 0 || c.height%4 != 0 || c.rows <= 0 || c.rows%4 != 0 || c.cols <= 0 || c.cols%4 != 0 {
					t.Errorf("%s: not multiples of 4", name)
				}
				if c.rows > StripRows+4 || c.cols > pieceCols {
					t.Errorf("%s: larger pieces than there is room for", name)
				}
				if half && c.height%simd.PackAlign != 0 {
					t.Errorf("%s: strips end where packed matrices can not be cut", name)
				}
				if least := min(n, simd.PackAlign*workers); n < 1<<14 && (pieces(c.height, c.rows) < min(workers, n/4) || c.height < least) {
					t.Errorf("%s: nothing to do for some workers", name)
				}
				if bytes := 4 * c.height * logitStride(n); bytes > max(stripBytes, 4*simd.PackAlign*workers*logitStride(n)) {
					t.Errorf("%s: strips take %d bytes", name, bytes)
				}
			}
		}
	}
	if got := logitStride(2048); got%1024 == 0 || got < 2048 {
		t.Errorf("logitStride(2048) = %d", got)
	}
}
