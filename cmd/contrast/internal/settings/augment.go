package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/infonce/augment"
)

// An Augmentation holds the strengths of transformations by name. 0 turns one off.
type Augmentation map[string]float32

// Images returns the augmentation of images, with defaults for what is not named.
func (a Augmentation) Images() (augment.Image, error) {
	var t augment.Image
	err := a.fill([]strength{
		{"rotation", &t.Rotation}, {"scale", &t.Scale}, {"shear", &t.Shear}, {"shift", &t.Shift},
		{"blur", &t.Blur}, {"contrast", &t.Contrast}, {"brightness", &t.Brightness}, {"noise", &t.Noise},
		{"crop", &t.Crop}, {"flip", &t.Flip}, {"saturation", &t.Saturation}, {"hue", &t.Hue}, {"grey", &t.Grey}, {"cut-out", &t.CutOut},
	})
	return t, err
}

// Vectors returns the augmentation of embeddings; what is not named is off.
func (a Augmentation) Vectors() (augment.Vector, error) {
	var t augment.Vector
	err := a.fill([]strength{{"noise", &t.Noise}, {"dropout", &t.Dropout}, {"crop", &t.Crop}})
	t.Noise, t.Dropout, t.Crop = max(t.Noise, 0), max(t.Dropout, 0), max(t.Crop, 0)
	return t, err
}

type strength struct {
	name  string
	value *float32
}

// fill stores the strengths that a names, and 0 as −1, which turns a transformation off.
func (a Augmentation) fill(strengths []strength) error {
	var names []string
	for _, s := range strengths {
		names = append(names, s.name)
		switch v, ok := a[s.name]; {
		case ok && !(v >= 0):
			return fmt.Errorf("--augment: %s is %v, want 0 or above", s.name, v)
		case ok && v == 0:
			*s.value = -1
		case ok:
			*s.value = v
		}
	}
	for name := range a {
		if !slices.Contains(names, name) {
			return fmt.Errorf("--augment: got %q, want some of %s", name, strings.Join(names, ", "))
		}
	}
	return nil
}
