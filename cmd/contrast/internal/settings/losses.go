package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/infonce"
)

// A loss is one that can be named.
type loss struct {
	name, title string
	labelled    bool // it reads labels: a batch has several samples of each class, one view each
	margin      bool // it has the margin of the settings

	// defaults are those that differ from the general ones.
	defaults Values

	// new returns the loss and the address of its temperature, nil if it has none.
	new func(s *Settings, workers int) (infonce.Loss, *float32)
}

// In large batches the hardest positive of many is always farther than the hardest
// negative, so the loss falls by moving all embeddings to one point: they collapse.
var hardDefaults = Values{"steps": 6000, "batch": 24, "lr": 0.002}

var losses = []loss{
	{name: "ntxent", title: "NT-Xent", new: func(s *Settings, workers int) (infonce.Loss, *float32) {
		l := &infonce.NTXent{Temperature: s.Temperature, Workers: workers}
		return l, &l.Temperature
	}},
	{name: "infonce", title: "InfoNCE", new: func(s *Settings, workers int) (infonce.Loss, *float32) {
		l := &infonce.InfoNCE{Temperature: s.Temperature, InBatch: true, Workers: workers}
		return l, &l.Temperature
	}},
	{name: "clip", title: "InfoNCE both ways (CLIP)", new: func(s *Settings, workers int) (infonce.Loss, *float32) {
		l := &infonce.InfoNCE{Temperature: s.Temperature, Symmetric: true, Workers: workers}
		return l, &l.Temperature
	}},
	// With momentum 0 it collapses, as He et al. (2020, section 4.1) found.
	{name: "moco", title: "InfoNCE against a queue (MoCo)", defaults: Values{"queue": 1024, "ema": 0.995}, new: func(s *Settings, workers int) (infonce.Loss, *float32) {
		l := &infonce.InfoNCE{Temperature: s.Temperature, Workers: workers}
		return l, &l.Temperature
	}},
	{name: "dcl", title: "decoupled contrastive loss", new: func(s *Settings, workers int) (infonce.Loss, *float32) {
		l := &infonce.DCL{Temperature: s.Temperature, Workers: workers}
		return l, &l.Temperature
	}},
	{name: "hcl", title: "hard negatives (HCL)", new: func(s *Settings, workers int) (infonce.Loss, *float32) {
		l := &infonce.HCL{Temperature: s.Temperature, Concentration: 1, PriorPositive: 0.01, Workers: workers}
		return l, &l.Temperature
	}},
	{name: "siglip", title: "SigLIP", new: func(s *Settings, workers int) (infonce.Loss, *float32) {
		l := &infonce.SigLIP{Temperature: s.Temperature, Workers: workers}
		return l, &l.Temperature
	}},
	{name: "supcon", title: "supervised contrastive loss", labelled: true, new: func(s *Settings, workers int) (infonce.Loss, *float32) {
		l := &infonce.SupCon{Temperature: s.Temperature, Workers: workers}
		return l, &l.Temperature
	}},
	{name: "circle", title: "Circle loss", labelled: true, new: func(_ *Settings, workers int) (infonce.Loss, *float32) {
		return &infonce.Circle{Workers: workers}, nil
	}},
	{name: "multi-similarity", title: "Multi-Similarity", labelled: true, new: func(_ *Settings, workers int) (infonce.Loss, *float32) {
		return &infonce.MultiSimilarity{Workers: workers}, nil
	}},
	{name: "triplet", title: "triplet, hardest of the batch", labelled: true, margin: true, defaults: hardDefaults, new: func(s *Settings, workers int) (infonce.Loss, *float32) {
		return &infonce.BatchHard{Margin: s.Margin, Normalize: true, Workers: workers}, nil
	}},
	{name: "triplet-all", title: "triplet, all of the batch", labelled: true, margin: true, new: func(s *Settings, workers int) (infonce.Loss, *float32) {
		return &infonce.BatchAll{Margin: s.Margin, Normalize: true, Workers: workers}, nil
	}},
	{name: "semi-hard", title: "triplet, semi-hard", labelled: true, margin: true, new: func(s *Settings, workers int) (infonce.Loss, *float32) {
		return &infonce.SemiHard{Margin: s.Margin, Normalize: true, Workers: workers}, nil
	}},
	{name: "lifted", title: "lifted structure", labelled: true, margin: true, defaults: Values{"margin": 1}, new: func(s *Settings, workers int) (infonce.Loss, *float32) {
		return &infonce.Lifted{Margin: s.Margin, Workers: workers}, nil
	}},
	{name: "margin", title: "margin, negatives drawn by distance", labelled: true, margin: true, defaults: Values{"margin": 0.2}, new: func(s *Settings, workers int) (infonce.Loss, *float32) {
		return &drawnMargin{infonce.DistanceWeightedMiner{Seed: s.Seed, Workers: workers}, infonce.MarginLoss{Margin: s.Margin, Normalize: true, Workers: workers}, nil}, nil
	}},
}

// A drawnMargin is MarginLoss with negatives drawn by distance. Each step uses the same random
// numbers, on other samples.
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

// loss returns the loss that s names, which exists.
func (s *Settings) loss() loss {
	return losses[slices.IndexFunc(losses, func(l loss) bool { return l.name == s.Loss })]
}

// NewLoss returns the loss and the address of its temperature, nil if it has none.
func (s *Settings) NewLoss(workers int) (infonce.Loss, *float32) {
	switch {
	case s.Triplets != "" && s.Loss == "triplet": // the list has what would be mined
		return &infonce.Triplet{Margin: s.Margin, Normalize: true, Workers: workers}, nil
	case s.Triplets != "": // the negatives of the list, and the other positives
		l := &infonce.InfoNCE{Temperature: s.Temperature, InBatch: true, Workers: workers}
		return l, &l.Temperature
	}
	return s.loss().new(s, workers)
}

// LossTitle returns the name of the loss for people.
func (s *Settings) LossTitle() string { return s.loss().title }

// LossNames lists the losses that read labels, or those that do not.
func LossNames(labelled bool) string {
	var names []string
	for _, l := range losses {
		if l.labelled == labelled {
			names = append(names, l.name)
		}
	}
	return strings.Join(names, ", ")
}

func lossNames() (names []string) {
	for _, l := range losses {
		names = append(names, l.name)
	}
	return names
}

// Describe says in a few words what is trained, and how long.
func (s *Settings) Describe() string {
	text := s.LossTitle()
	if s.loss().margin {
		text += fmt.Sprintf(", margin %v", s.Margin)
	}
	if _, temperature := s.NewLoss(1); temperature != nil {
		text += fmt.Sprintf(", temperature %v", s.Temperature)
	}
	if s.LearnTemperature {
		text += " and learned"
	}
	if s.Queue > 0 {
		text += fmt.Sprintf(", queue of %d", s.Queue)
	}
	if s.QueueAfter > 0 {
		text += fmt.Sprintf(" after %d steps", s.QueueAfter)
	}
	if s.Loss == "moco" {
		text += fmt.Sprintf(", EMA %v", s.EMA)
	}
	if s.Supervised {
		text += ", pairs by label"
	}
	if s.Distinct {
		text += ", one sample of a class"
	}
	return text + fmt.Sprintf("; %d steps of %d samples by %s", s.Steps, s.Batch, s.optimizer().title)
}
