package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/infonce/augment"
)

// An augmentation is how far views may stray from samples, by the names that follow. 0 means none.
type augmentation map[string]float32

// images returns that of images, with defaults for what is not named.
func (a augmentation) images() (augment.Image, error) {
	var t augment.Image
	err := a.fill([]strength{
		{"rotation", &t.Rotation}, {"scale", &t.Scale}, {"shear", &t.Shear}, {"shift", &t.Shift},
		{"blur", &t.Blur}, {"contrast", &t.Contrast}, {"brightness", &t.Brightness}, {"noise", &t.Noise},
		{"crop", &t.Crop}, {"flip", &t.Flip}, {"saturation", &t.Saturation}, {"hue", &t.Hue}, {"grey", &t.Grey}, {"cut-out", &t.CutOut},
	})
	return t, err
}

// vectors returns that of embeddings; what is not named is off.
func (a augmentation) vectors() (augment.Vector, error) {
	var t augment.Vector
	err := a.fill([]strength{{"noise", &t.Noise}, {"dropout", &t.Dropout}, {"crop", &t.Crop}})
	t.Noise, t.Dropout, t.Crop = max(t.Noise, 0), max(t.Dropout, 0), max(t.Crop, 0)
	return t, err
}

type strength struct {
	name  string
	value *float32
}

// fill stores the strengths that a names, none as −1.
func (a augmentation) fill(strengths []strength) error {
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
