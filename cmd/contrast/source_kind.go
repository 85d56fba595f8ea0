package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// A sourceKind is what the flags name as samples.
type sourceKind int

const (
	imageSource   sourceKind = iota
	rowSource                // embeddings in a file
	pairSource               // in two files, row by row
	tripletSource            // in a file, and a list of triplets
)

func (s *settings) sourceKind() sourceKind {
	switch {
	case len(s.Pairs) > 0:
		return pairSource
	case s.Triplets != "":
		return tripletSource
	case isImages(s.Data):
		return imageSource
	}
	return rowSource
}

// isImages reports whether --data names images: glyphs, a folder with its format, or just a folder.
func isImages(source string) bool {
	if source == "glyphs" {
		return true
	}
	if format, _ := cutFormat(source); format != "" {
		return true
	}
	info, err := os.Stat(source)
	return err == nil && info.IsDir()
}

// imageFormats are those that can stand before the name of a folder.
var imageFormats = []string{"idx", "cifar", "images"}

// cutFormat parts "idx:DIR".
func cutFormat(source string) (format, dir string) {
	for _, f := range imageFormats {
		if dir, ok := strings.CutPrefix(source, f+":"); ok {
			return f, dir
		}
	}
	return "", source
}

// nameFormat puts the format before the name of a folder of images that comes without, so that it is known as such
// where the folder is not.
func (s *settings) nameFormat() {
	if format, _ := cutFormat(s.Data); format == "" && s.Data != "glyphs" && s.sourceKind() == imageSource {
		s.Data = "images:" + s.Data
	}
}

// Defaults of the runs on embeddings, where they differ from those on images.
const (
	rowBatch   = 256
	rowHoldout = 0.1
)

// sourceDefaults returns the values of flags, by name, that follow from the samples where they were not given, and what
// it opened to see.
func (s settings) sourceDefaults(given func(flag string) bool, opened *corpus) (map[string]string, error) {
	kind := s.sourceKind()
	if kind == imageSource {
		return s.imageDefaults(opened)
	}
	if !given("holdout") {
		s.Holdout = rowHoldout
	}
	if kind == pairSource && !given("data") {
		s.Data = ""
	}
	d, err := s.openRows()
	if err != nil {
		return nil, err
	}
	*opened = d
	q, k := d.dims()
	defaults := map[string]string{
		"data": s.Data, "holdout": fmt.Sprint(s.Holdout),
		"steps": "1000", "lr": "0.003", "decay": "0.01", "temperature": "0.05",
		"arch": "linear", "hidden": "", "dim": strconv.Itoa(min(q, k)),
		"batch": strconv.Itoa(max(powerOf2(min(d.samples(), d.documents(), rowBatch)), 2)),
	}
	if s.Arch == "mlp" || given("hidden") || given("head") {
		defaults["arch"], defaults["hidden"] = "mlp", "512"
	}
	// An adapter of embeddings that are good already begins with what they are.
	if q == k && len(s.Head) == 0 && (!given("dim") || s.Dim == q) {
		defaults["residual"] = "true"
	}
	switch {
	case kind == pairSource:
		defaults["loss"] = "clip"
	case kind == tripletSource:
		defaults["loss"] = "triplet"
	case d.labels != nil:
		defaults["loss"], defaults["temperature"] = "supcon", "0.1"
	default:
		defaults["augment"] = "noise=0.3,dropout=0.2"
	}
	return defaults, nil
}

// imageDefaults is sourceDefaults for images.
func (s *settings) imageDefaults(opened *corpus) (map[string]string, error) {
	if s.Data == "glyphs" && s.Split == "" && s.Arch != "cnn" {
		return nil, nil
	}
	d, err := openImages(s)
	if err != nil {
		return nil, err
	}
	*opened = d
	defaults := make(map[string]string)
	batch := s.Batch
	if s.Arch == "cnn" {
		defaults["steps"], defaults["lr"], batch = "1500", "0.0015", 128
	}
	if n := d.samples(); n < batch || s.Arch == "cnn" {
		defaults["batch"] = strconv.Itoa(max(powerOf2(min(n, batch)), 2))
	}
	switch {
	case d.train.Channels == 3: // what changes between photographs of one thing
		defaults["augment"] = "rotation=5,shear=0,blur=0,crop=0.3,flip=0.5,saturation=0.4,hue=20,grey=0.2"
	case s.Arch == "cnn": // which learns more of views that stray far; chosen on digits
		defaults["augment"] = "rotation=25,shear=0.3,scale=0.3,crop=0.4,cut-out=0.3"
	}
	return defaults, nil
}

// powerOf2 returns the largest one that is not above n, or 1.
func powerOf2(n int) int {
	p := 1
	for p <= n/2 {
		p *= 2
	}
	return p
}
