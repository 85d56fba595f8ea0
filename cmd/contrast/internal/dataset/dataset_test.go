package dataset

import (
	"slices"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/images"
)

func TestSpread(t *testing.T) {
	m := images.Set{Width: 1, Height: 1, Channels: 1}
	for i := range 10 {
		m.Pixels, m.Labels = append(m.Pixels, byte(i)), append(m.Labels, i)
	}
	for n, want := range map[int][]int{1: {0}, 3: {0, 3, 6}, 4: {0, 2, 5, 7}, 10: m.Labels, 11: m.Labels} {
		if got := Spread(m, n); !slices.Equal(got.Labels, want) || got.Len() != len(want) {
			t.Errorf("%d of 10: got %v, want %v", n, got.Labels, want)
		}
	}
}

func TestSamplesPerClass(t *testing.T) {
	for _, c := range []struct{ rows, classes, want int }{
		{48, 62, 2}, {48, 10, 6}, {512, 62, 16}, {4, 2, 2}, {4, 1, 0}, {118, 1, 0}, {118, 2, 59}, {20, 6, 4}, {4, 0, 0},
	} {
		if got := samplesPerClass(c.rows, c.classes); got != c.want {
			t.Errorf("%d rows of %d classes: got %d, want %d", c.rows, c.classes, got, c.want)
		}
	}
}
