package settings

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/infonce/catalog"
	"github.com/contrast-go/contrast/infonce/data/images"
)

// maxQueue bounds what a queue takes to a few GiB.
const maxQueue = 1 << 22

// Check returns an error for a setting that is out of its range.
func (s *Settings) Check() error {
	above0 := func(x float32) bool { return x > 0 && !math.IsInf(float64(x), 0) }
	if err := s.checkNames(); err != nil {
		return err
	}
	if _, err := ParseSize(s.ImageSize); err != nil {
		return err
	}
	_, temperature := s.loss().New(catalog.Settings{})
	if err := s.Source.Check(); err != nil {
		return err
	}
	switch {
	case !(s.Holdout >= 0 && s.Holdout < 1):
		return fmt.Errorf("--holdout is %v, want a share from 0 up to 1", s.Holdout)
	case s.Steps < 1:
		return fmt.Errorf("--steps is %d, want at least 1", s.Steps)
	case s.Batch < 2:
		return fmt.Errorf("--batch is %d, want at least 2: samples are contrasted with each other", s.Batch)
	case !above0(s.Temperature):
		return fmt.Errorf("--temperature is %v, want a finite number above 0", s.Temperature)
	case !above0(s.Margin):
		return fmt.Errorf("--margin is %v, want a finite number above 0", s.Margin)
	case !above0(s.LR):
		return fmt.Errorf("--lr is %v, want a finite number above 0", s.LR)
	case !above0(s.WeightDecay) && s.WeightDecay != 0:
		return fmt.Errorf("--weight-decay is %v, want a finite number, 0 or above", s.WeightDecay)
	case s.Views < 0 || s.Views == 1:
		return fmt.Errorf("--views is %d, want 2 or more", s.Views)
	case s.Views > 2 && !s.loss().Labelled:
		return fmt.Errorf("--views is %d, but %s is for two; want a loss by labels: %s", s.Views, s.Loss, LossNames(true))
	case s.Warmup != nil && (*s.Warmup < 0 || *s.Warmup > s.Steps):
		return fmt.Errorf("--warmup is %d, want 0 to %d, the steps", *s.Warmup, s.Steps)
	case !(s.ClipNorm >= 0) || math.IsInf(s.ClipNorm, 0):
		return fmt.Errorf("--clip-norm is %v, want a finite number, 0 or above", s.ClipNorm)
	case s.Queue < 0 || s.Queue > maxQueue:
		return fmt.Errorf("--queue is %d, want 0 to %d", s.Queue, maxQueue)
	case s.Queue > 0 && s.Loss != "moco" && s.Loss != "infonce":
		return fmt.Errorf("--queue is for infonce and moco")
	case s.QueueAfter < 0:
		return fmt.Errorf("--queue-after is %d, want 0 or more", s.QueueAfter)
	case s.QueueAfter > 0 && s.Queue == 0 && s.Loss != "moco":
		return fmt.Errorf("--queue-after is for a queue: --queue N")
	case !(s.EMA >= 0 && s.EMA <= 1):
		return fmt.Errorf("--ema is %v, want 0 to 1", s.EMA)
	case s.EMA > 0 && s.Loss != "moco":
		return fmt.Errorf("--ema is for moco")
	case !(s.Momentum >= 0 && s.Momentum < 1):
		return fmt.Errorf("--momentum is %v, want 0 up to 1", s.Momentum)
	case s.Momentum > 0 && s.optimizer().Momentum == 0:
		return fmt.Errorf("--momentum is for --optimizer %s; the decay of the key encoder of moco is --ema", withMomentum())
	case s.LearnTemperature && temperature == nil:
		return fmt.Errorf("--learn-temperature: %s has none", s.Loss)
	case s.LearnTemperature && !(s.Temperature >= 0.01 && s.Temperature <= 1):
		return fmt.Errorf("--temperature is %v, want 0.01 to 1 where it is learned", s.Temperature)
	case s.Distinct && s.ByLabel():
		return fmt.Errorf("--distinct is for pairs of views: %s needs images of one class", s.Loss)
	case s.Supervised && s.ByLabel():
		return fmt.Errorf("--supervised is for pairs of views: %s reads the labels itself", s.Loss)
	}
	return nil
}

// Check returns an error for names of samples that do not go together.
func (s *Source) Check() error {
	switch format, dir := CutFormat(s.Data); {
	case format != "" && dir == "":
		return fmt.Errorf("--data is %q, want a folder after %s:", s.Data, format)
	case len(s.Pairs) != 0 && len(s.Pairs) != 2:
		return fmt.Errorf("--pairs has %d files, want two: --pairs questions.npy,answers.npy", len(s.Pairs))
	case len(s.Pairs) > 0 && (s.Triplets != "" || s.Labels != ""):
		return fmt.Errorf("--pairs needs neither --labels nor --triplets")
	}
	return nil
}

// CheckTogether returns an error for settings that do not go together. It is for settings
// with their defaults.
func (s *Settings) CheckTogether() error {
	source := s.Kind()
	var err error
	if source == Images {
		_, err = s.Augment.Images()
	} else {
		_, err = s.Augment.Vectors()
	}
	labelled := s.loss().Labelled
	switch {
	case err != nil:
		return err
	case source == Pairs && s.Data != "":
		return fmt.Errorf("--data and --pairs: want one of them")
	case source == Pairs && labelled:
		return fmt.Errorf("--loss %s reads labels, which pairs do not have; want one of %s", s.Loss, LossNames(false))
	case source == Pairs && s.Loss == "moco" && !s.Shared:
		return fmt.Errorf("--loss moco needs one encoder for both sides of --pairs: --shared")
	case source != Pairs && s.Shared:
		return fmt.Errorf("--shared is for --pairs")
	case source == Pairs && s.Views > 2:
		return fmt.Errorf("--views is %d, but a pair has two sides", s.Views)
	case source == Triplets && s.Loss != "triplet" && s.Loss != "infonce":
		return fmt.Errorf("--loss %s is not for triplets; want triplet or infonce", s.Loss)
	case source == Triplets && (s.Views > 0 || s.Queue > 0 || s.Supervised || s.Distinct):
		return fmt.Errorf("--triplets has neither --views, --queue, --supervised nor --distinct")
	case s.Split == "classes" && (source == Pairs || source == Triplets):
		return fmt.Errorf("--split classes is for samples with labels")
	case source != Images && s.ImageSize != "":
		return fmt.Errorf("--image-size is for images")
	case source == Images && s.Labels != "":
		return fmt.Errorf("--labels is for a file of embeddings: --data FILE")
	case source == Images && s.Holdout > 0:
		return fmt.Errorf("--holdout is for embeddings")
	case (s.Arch == "" || s.Arch == "mlp") && len(s.Hidden) == 0:
		return fmt.Errorf("--hidden is empty, want a layer or more, or --arch linear")
	case s.Residual && source == Images:
		return fmt.Errorf("--residual is for embeddings, to which something is added")
	}
	return s.checkArch()
}

// checkNames returns an error for a setting that has none of its names.
func (s *Settings) checkNames() error {
	for _, c := range []struct {
		flag, value string
		names       []string
	}{
		{"loss", s.Loss, lossNames()},
		{"optimizer", s.Optimizer, optimizerNames()},
		{"schedule", s.Schedule, scheduleNames()},
		{"arch", s.Arch, archNames("")},
		{"split", s.Split, []string{"samples", "classes"}},
		{"norm", s.Norm, norms},
		{"activation", s.Activation, activations},
	} {
		if c.value == "" && c.flag != "loss" || slices.Contains(c.names, c.value) {
			continue
		}
		return fmt.Errorf("--%s is %q, want one of %s", c.flag, c.value, strings.Join(c.names, ", "))
	}
	return nil
}

// ParseSize reads an --image-size: "WxH", or nothing.
func ParseSize(text string) (size images.Size, err error) {
	if text == "" {
		return size, nil
	}
	var end string
	if n, _ := fmt.Sscanf(text+".", "%dx%d%s", &size.Width, &size.Height, &end); n != 3 || end != "." || size.Width < 1 || size.Height < 1 {
		return images.Size{}, fmt.Errorf("--image-size is %q, want WIDTHxHEIGHT, such as 64x64", text)
	}
	return size, nil
}
