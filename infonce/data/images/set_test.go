package images

import (
	"reflect"
	"testing"
)

func TestImagesSubset(t *testing.T) {
	m := Set{
		Width: 2, Height: 1, Channels: 3,
		Pixels:  []uint8{0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25},
		Labels:  []int{7, 8, 9},
		Classes: []string{"a"},
	}
	if m.Len() != 3 {
		t.Fatalf("Len() = %d, want 3", m.Len())
	}
	got := m.Subset([]int{2, 0, 2})
	want := Set{
		Width: 2, Height: 1, Channels: 3,
		Pixels:  []uint8{20, 21, 22, 23, 24, 25, 0, 1, 2, 3, 4, 5, 20, 21, 22, 23, 24, 25},
		Labels:  []int{9, 7, 9},
		Classes: []string{"a"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Subset(2, 0, 2) = %v, want %v", got, want)
	}
	got.Pixels[0], got.Labels[0] = 99, 99
	if m.Pixels[12] != 20 || m.Labels[2] != 9 {
		t.Error("Subset shares memory with its source")
	}
	m.Labels = nil
	if got := m.Subset([]int{1}); got.Labels != nil || got.At(0)[5] != 15 {
		t.Errorf("Subset(1) of unlabelled images = %v", got)
	}
}

func TestImagesBounds(t *testing.T) {
	var zero Set
	if zero.Len() != 0 || zero.Subset(nil).Len() != 0 {
		t.Error("the zero value holds images")
	}
	m := Set{Width: 1, Height: 1, Channels: 1, Pixels: []uint8{1, 2}}
	if x := m.At(0); cap(x) != 1 {
		t.Errorf("an image can be appended to, over the next one: cap %d", cap(x))
	}
	for _, i := range []int{-1, 2} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("At(%d) of 2 images did not panic", i)
				}
			}()
			m.At(i)
		}()
	}
}
