package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/catalog"
)

// loss returns the loss that s names, which exists.
func (s *Settings) loss() catalog.Command {
	all := catalog.Commands()
	return all[slices.IndexFunc(all, func(l catalog.Command) bool { return l.Name == s.Loss })]
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
	return s.loss().New(catalog.Settings{Temperature: s.Temperature, Margin: s.Margin, Seed: s.Seed, Workers: workers})
}

// LossTitle returns the name of the loss for people.
func (s *Settings) LossTitle() string { return s.loss().Title }

// LossNames lists the losses that read labels, or those that do not.
func LossNames(labelled bool) string {
	var names []string
	for _, l := range catalog.Commands() {
		if l.Labelled == labelled {
			names = append(names, l.Name)
		}
	}
	return strings.Join(names, ", ")
}

func lossNames() (names []string) {
	for _, l := range catalog.Commands() {
		names = append(names, l.Name)
	}
	return names
}

// Describe says in a few words what is trained, and how long.
func (s *Settings) Describe() string {
	text := s.loss().Title
	if s.loss().Margin {
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
	return text + fmt.Sprintf("; %d steps of %d samples by %s", s.Steps, s.Batch, s.optimizer().Title)
}
