package main

import (
	"fmt"
	"math"
)

// maxQueue bounds what a queue takes to a few GiB.
const maxQueue = 1 << 22

// check returns an error for a setting out of its range.
func (s *settings) check() error {
	above0 := func(x float32) bool { return x > 0 && !math.IsInf(float64(x), 0) }
	if err := s.checkNames(); err != nil {
		return err
	}
	if _, err := parseSize(s.ImageSize); err != nil {
		return err
	}
	kind := s.kind()
	_, temperature := kind.new(s, 1)
	if err := s.checkSamples(); err != nil {
		return err
	}
	switch {
	case !(s.Holdout >= 0 && s.Holdout < 1):
		return fmt.Errorf("--holdout is %v, want a share from 0 up to 1", s.Holdout)
	case s.Steps < 1:
		return fmt.Errorf("--steps is %d, want at least 1", s.Steps)
	case s.Batch < 2:
		return fmt.Errorf("--batch is %d, want at least 2: a sample is told from the others", s.Batch)
	case !above0(s.Temperature):
		return fmt.Errorf("--temperature is %v, want a finite number above 0", s.Temperature)
	case !above0(s.Margin):
		return fmt.Errorf("--margin is %v, want a finite number above 0", s.Margin)
	case !above0(s.LR):
		return fmt.Errorf("--lr is %v, want a finite number above 0", s.LR)
	case !above0(s.Decay) && s.Decay != 0:
		return fmt.Errorf("--decay is %v, want a finite number, 0 or above", s.Decay)
	case s.Views < 0 || s.Views == 1:
		return fmt.Errorf("--views is %d, want 2 or more", s.Views)
	case s.Views > 2 && !kind.labelled:
		return fmt.Errorf("--views is %d, but %s is for two; want a loss by labels: %s", s.Views, s.Loss, lossNames(true))
	case s.Warmup != nil && (*s.Warmup < 0 || *s.Warmup > s.Steps):
		return fmt.Errorf("--warmup is %d, want 0 to %d, the steps", *s.Warmup, s.Steps)
	case !(s.Clip >= 0) || math.IsInf(s.Clip, 0):
		return fmt.Errorf("--clip is %v, want a finite number, 0 or above", s.Clip)
	case s.Queue < 0 || s.Queue > maxQueue:
		return fmt.Errorf("--queue is %d, want 0 to %d", s.Queue, maxQueue)
	case s.Queue > 0 && s.Loss != "moco" && s.Loss != "infonce":
		return fmt.Errorf("--queue is for infonce and moco")
	case s.QueueAfter < 0:
		return fmt.Errorf("--queue-after is %d, want 0 or more", s.QueueAfter)
	case s.QueueAfter > 0 && s.Queue == 0 && s.Loss != "moco":
		return fmt.Errorf("--queue-after is for a queue: --queue N")
	case !(s.Momentum >= 0 && s.Momentum <= 1):
		return fmt.Errorf("--momentum is %v, want 0 to 1", s.Momentum)
	case s.Momentum > 0 && s.Loss != "moco":
		return fmt.Errorf("--momentum is for moco")
	case s.LearnTemperature && temperature == nil:
		return fmt.Errorf("--learn-temperature: %s has none", s.Loss)
	case s.LearnTemperature && !(s.Temperature >= 0.01 && s.Temperature <= 1):
		return fmt.Errorf("--temperature is %v, want 0.01 to 1 where it is learned", s.Temperature)
	case s.Distinct && s.byLabel():
		return fmt.Errorf("--distinct is for pairs of views: %s needs images of one class", s.Loss)
	case s.Supervised && s.byLabel():
		return fmt.Errorf("--supervised is for pairs of views: %s reads the labels as it is", s.Loss)
	}
	return nil
}

// checkSamples returns an error for flags of samples that do not go together.
func (s *settings) checkSamples() error {
	switch format, dir := cutFormat(s.Data); {
	case format != "" && dir == "":
		return fmt.Errorf("--data is %q, want a folder after %s:", s.Data, format)
	case len(s.Pairs) != 0 && len(s.Pairs) != 2:
		return fmt.Errorf("--pairs has %d files, want two: --pairs questions.npy,answers.npy", len(s.Pairs))
	case len(s.Pairs) > 0 && (s.Triplets != "" || s.Labels != ""):
		return fmt.Errorf("--pairs needs neither --labels nor --triplets")
	}
	return nil
}

// checkKind returns an error for settings that do not go together. It is for those whose defaults are resolved.
func (s *settings) checkKind() error {
	source := s.sourceKind()
	var err error
	if source == imageSource {
		_, err = s.Augment.images()
	} else {
		_, err = s.Augment.vectors()
	}
	labelled := s.kind().labelled
	switch {
	case err != nil:
		return err
	case source == pairSource && s.Data != "":
		return fmt.Errorf("--data and --pairs: want one of them")
	case source == pairSource && labelled:
		return fmt.Errorf("--loss %s reads labels, which pairs have not; want one of %s", s.Loss, lossNames(false))
	case source == pairSource && s.Loss == "moco" && !s.Shared:
		return fmt.Errorf("--loss moco needs one encoder for both sides of --pairs: --shared")
	case source != pairSource && s.Shared:
		return fmt.Errorf("--shared is for --pairs")
	case source == pairSource && s.Views > 2:
		return fmt.Errorf("--views is %d, but a pair has two sides", s.Views)
	case source == tripletSource && s.Loss != "triplet" && s.Loss != "infonce":
		return fmt.Errorf("--loss %s is not for triplets; want triplet or infonce", s.Loss)
	case source == tripletSource && (s.Views > 0 || s.Queue > 0 || s.Supervised || s.Distinct):
		return fmt.Errorf("--triplets has neither --views, --queue, --supervised nor --distinct")
	case s.Split == "classes" && (source == pairSource || source == tripletSource):
		return fmt.Errorf("--split classes is for samples with labels")
	case source != imageSource && s.ImageSize != "":
		return fmt.Errorf("--image-size is for images")
	case source == imageSource && s.Labels != "":
		return fmt.Errorf("--labels is for a file of embeddings: --data FILE")
	case source == imageSource && s.Holdout > 0:
		return fmt.Errorf("--holdout is for embeddings")
	case s.Arch == "linear" && len(s.Hidden)+len(s.Head) > 0:
		return fmt.Errorf("--arch linear has neither --hidden nor --head; want --arch mlp")
	case s.Arch == "cnn" && source != imageSource:
		return fmt.Errorf("--arch cnn is for images")
	case s.Arch != "cnn" && (len(s.Filters) > 0 || s.Norm != ""):
		return fmt.Errorf("--filters and --norm are for --arch cnn")
	case (s.Arch == "" || s.Arch == "mlp") && len(s.Hidden) == 0:
		return fmt.Errorf("--hidden is empty, want a layer or more, or --arch linear")
	case s.Residual && source == imageSource:
		return fmt.Errorf("--residual is for embeddings, to which something is added")
	}
	return nil
}
