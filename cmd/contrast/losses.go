package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/infonce"
)

// A lossKind is a loss that train knows.
type lossKind struct {
	name, title string
	labelled    bool // it reads labels: a batch has some images of each class, and no two views
	margin      bool // it has the margin of the settings

	// defaults are the flags that have others than their tags say.
	defaults map[string]string

	// new returns the loss, and where its temperature is, or nil where it has none.
	new func(s *settings, workers int) (infonce.Loss, *float32)
}

// With large batches the hardest positive of many is always farther than the hardest negative, so the way down is
// to move all to one point: the embeddings collapse.
var hardDefaults = map[string]string{"steps": "6000", "batch": "24", "lr": "0.002"}

var lossKinds = []lossKind{
	{name: "ntxent", title: "NT-Xent", new: func(s *settings, workers int) (infonce.Loss, *float32) {
		l := &infonce.NTXent{Temperature: s.Temperature, Workers: workers}
		return l, &l.Temperature
	}},
	{name: "infonce", title: "InfoNCE", new: func(s *settings, workers int) (infonce.Loss, *float32) {
		l := &infonce.InfoNCE{Temperature: s.Temperature, InBatch: true, Workers: workers}
		return l, &l.Temperature
	}},
	{name: "clip", title: "InfoNCE both ways (CLIP)", new: func(s *settings, workers int) (infonce.Loss, *float32) {
		l := &infonce.InfoNCE{Temperature: s.Temperature, Symmetric: true, Workers: workers}
		return l, &l.Temperature
	}},
	// With momentum 0 it collapses, as He et al. (2020, section 4.1) found.
	{name: "moco", title: "InfoNCE against a queue (MoCo)", defaults: map[string]string{"queue": "1024", "momentum": "0.995"}, new: func(s *settings, workers int) (infonce.Loss, *float32) {
		l := &infonce.InfoNCE{Temperature: s.Temperature, Workers: workers}
		return l, &l.Temperature
	}},
	{name: "dcl", title: "decoupled contrastive loss", new: func(s *settings, workers int) (infonce.Loss, *float32) {
		l := &infonce.DCL{Temperature: s.Temperature, Workers: workers}
		return l, &l.Temperature
	}},
	{name: "hcl", title: "hard negatives (HCL)", new: func(s *settings, workers int) (infonce.Loss, *float32) {
		l := &infonce.HCL{Temperature: s.Temperature, Concentration: 1, PriorPositive: 0.01, Workers: workers}
		return l, &l.Temperature
	}},
	{name: "siglip", title: "SigLIP", new: func(s *settings, workers int) (infonce.Loss, *float32) {
		l := &infonce.SigLIP{Temperature: s.Temperature, Workers: workers}
		return l, &l.Temperature
	}},
	{name: "supcon", title: "supervised contrastive loss", labelled: true, new: func(s *settings, workers int) (infonce.Loss, *float32) {
		l := &infonce.SupCon{Temperature: s.Temperature, Workers: workers}
		return l, &l.Temperature
	}},
	{name: "circle", title: "Circle loss", labelled: true, new: func(_ *settings, workers int) (infonce.Loss, *float32) {
		return &infonce.Circle{Workers: workers}, nil
	}},
	{name: "multi-similarity", title: "Multi-Similarity", labelled: true, new: func(_ *settings, workers int) (infonce.Loss, *float32) {
		return &infonce.MultiSimilarity{Workers: workers}, nil
	}},
	{name: "triplet", title: "triplet, hardest of the batch", labelled: true, margin: true, defaults: hardDefaults, new: func(s *settings, workers int) (infonce.Loss, *float32) {
		return &infonce.BatchHard{Margin: s.Margin, Normalize: true, Workers: workers}, nil
	}},
	{name: "triplet-all", title: "triplet, all of the batch", labelled: true, margin: true, new: func(s *settings, workers int) (infonce.Loss, *float32) {
		return &infonce.BatchAll{Margin: s.Margin, Normalize: true, Workers: workers}, nil
	}},
	{name: "semi-hard", title: "triplet, semi-hard", labelled: true, margin: true, new: func(s *settings, workers int) (infonce.Loss, *float32) {
		return &infonce.SemiHard{Margin: s.Margin, Normalize: true, Workers: workers}, nil
	}},
	{name: "lifted", title: "lifted structure", labelled: true, margin: true, defaults: map[string]string{"margin": "1"}, new: func(s *settings, workers int) (infonce.Loss, *float32) {
		return &infonce.Lifted{Margin: s.Margin, Workers: workers}, nil
	}},
	{name: "margin", title: "margin, negatives drawn by distance", labelled: true, margin: true, defaults: map[string]string{"margin": "0.2"}, new: func(s *settings, workers int) (infonce.Loss, *float32) {
		return &drawnMargin{infonce.DistanceWeightedMiner{Seed: s.Seed, Workers: workers}, infonce.MarginLoss{Margin: s.Margin, Normalize: true, Workers: workers}, nil}, nil
	}},
}

// A drawnMargin is MarginLoss with negatives drawn by distance. Each step has the same random numbers: it has other images.
type drawnMargin struct {
	miner infonce.DistanceWeightedMiner
	loss  infonce.MarginLoss
	list  []infonce.Triple
}

func (l *drawnMargin) Evaluate(b infonce.Batch, grad *infonce.Batch, scale float32) (infonce.Result, error) {
	var err error
	if l.list, err = l.miner.Mine(l.list[:0], b.Q, b.Labels); err != nil {
		return infonce.Result{}, err
	}
	b.Triplets = l.list
	return l.loss.Evaluate(b, grad, scale)
}

// kind returns the kind of the loss, whose name is known.
func (s *settings) kind() lossKind {
	return lossKinds[slices.IndexFunc(lossKinds, func(k lossKind) bool { return k.name == s.Loss })]
}

// newLoss returns the loss, and where its temperature is, or nil where it has none.
func (s *settings) newLoss(workers int) (infonce.Loss, *float32) {
	switch {
	case s.Triplets != "" && s.Loss == "triplet": // the list has what would be mined
		return &infonce.Triplet{Margin: s.Margin, Normalize: true, Workers: workers}, nil
	case s.Triplets != "": // the negatives of the list, and the other positives
		l := &infonce.InfoNCE{Temperature: s.Temperature, InBatch: true, Workers: workers}
		return l, &l.Temperature
	}
	return s.kind().new(s, workers)
}

// byLabel reports whether the loss reads the labels of samples. With more than two views it reads
// which sample they are of.
func (s *settings) byLabel() bool { return s.kind().labelled && s.Views <= 2 }

// perClass returns how many samples of a class a step has.
func (s *settings) perClass(classes int) (int, error) {
	n := imagesPerClass(2*s.Batch, classes)
	if n == 0 {
		return 0, fmt.Errorf("--batch is %d, want one whose %d views are 2 or more of each of 2 to %d classes", s.Batch, 2*s.Batch, classes)
	}
	return n, nil
}

// checkDistinct returns an error where a step wants samples of more classes than there are.
func (s *settings) checkDistinct(labels []int) error {
	if classes := distinct(labels); s.Distinct && s.Batch > classes {
		return fmt.Errorf("--batch is %d, want at most %d with --distinct, the classes that there are", s.Batch, classes)
	}
	return nil
}

// imagesPerClass returns the fewest images of a class, 2 or more, by which the rows
// of a batch show 2 classes or more and no more than there are; 0 if there is no such number.
func imagesPerClass(rows, classes int) int {
	for n := 2; n <= rows/2; n++ {
		if rows%n == 0 && rows/n <= classes {
			return n
		}
	}
	return 0
}

// lossNames lists the losses that read labels, or those that do not.
func lossNames(labelled bool) string {
	var names []string
	for _, k := range lossKinds {
		if k.labelled == labelled {
			names = append(names, k.name)
		}
	}
	return strings.Join(names, ", ")
}
