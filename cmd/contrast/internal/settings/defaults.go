package settings

import "github.com/contrast-go/contrast/infonce/catalog"

// Facts are what defaults and encoders follow from in a dataset.
type Facts struct {
	Samples   int  // to train on
	Documents int  // different ones among the second sides of pairs
	Labelled  bool // with classes
	Pairs     bool

	Q, K                    int // numbers in each of the two sides of a pair
	Width, Height, Channels int // of images; 0 elsewhere
}

// values are settings by name. Their types convert to those of the fields.
type values map[string]any

// A rule is the defaults of some runs. Later rules replace what earlier ones say.
type rule struct {
	when   string // in help
	holds  func(s *Settings, f *Facts, given Given) bool
	values values
}

// rules hold every default that does not depend on sizes; those are in fit.
var rules = append(append([]rule{
	{"", func(s *Settings, _ *Facts, _ Given) bool { return s.Kind() != Pairs }, values{"data": Glyphs}},
	{"", always, values{
		"loss": "ntxent", "temperature": 0.1, "margin": 0.3,
		"hidden": []int{512, 256}, "dim": 128,
		"steps": 2000, "batch": 256, "seed": 1, "lr": 0.003, "weight-decay": 0.1,
	}},
	{"for embeddings", ofVectors, values{
		"holdout": 0.1, "arch": "linear", "hidden": []int{}, "temperature": 0.05,
		"steps": 1000, "weight-decay": 0.01,
	}},
	{"for pairs", ofKind(Pairs), values{"loss": "clip"}},
	{"for triplets", ofKind(Triplets), values{"loss": "triplet"}},
	{"for embeddings with labels", withLabels, values{"loss": "supcon", "temperature": 0.1}},
	{"for embeddings without", withoutLabels, values{
		"augment": Augmentation{"noise": 0.3, "dropout": 0.2},
	}},
	{"for an mlp for embeddings", withHidden, values{"arch": "mlp", "hidden": []int{512}}},
	{"for a linear encoder", asLinear, values{"hidden": []int{}}},
	// Views that stray far, chosen on digits: a convolutional network learns more from them.
	{"for a cnn", asCNN, values{
		"hidden": []int{}, "head": []int{128}, "steps": 1500, "batch": 128, "lr": 0.0015,
		"augment": Augmentation{"rotation": 25, "shear": 0.3, "scale": 0.3, "crop": 0.4, "cut-out": 0.3},
	}},
	// What changes between photographs of one thing.
	{"for colour images", inColour, values{"augment": Augmentation{
		"rotation": 5, "shear": 0, "blur": 0, "crop": 0.3, "flip": 0.5, "saturation": 0.4, "hue": 20, "grey": 0.2,
	}}},
}, lossRules()...), optimizerRules()...)

func always(*Settings, *Facts, Given) bool          { return true }
func ofVectors(s *Settings, _ *Facts, _ Given) bool { return s.Kind() != Images }
func ofKind(k Kind) func(*Settings, *Facts, Given) bool {
	return func(s *Settings, _ *Facts, _ Given) bool { return s.Kind() == k }
}
func withLabels(s *Settings, f *Facts, _ Given) bool {
	return f != nil && s.Kind() == Vectors && f.Labelled
}
func withoutLabels(s *Settings, f *Facts, _ Given) bool {
	return f != nil && s.Kind() == Vectors && !f.Labelled
}
func withHidden(s *Settings, _ *Facts, given Given) bool {
	return s.Kind() != Images && (s.Arch == "mlp" || given["hidden"] || given["head"])
}
func asLinear(s *Settings, _ *Facts, _ Given) bool { return s.Arch == "linear" }
func asCNN(s *Settings, _ *Facts, _ Given) bool    { return s.Arch == "cnn" && s.Kind() == Images }
func inColour(_ *Settings, f *Facts, _ Given) bool { return f != nil && f.Channels == 3 }

// lossRules are the defaults of losses. A list of triplets has what a loss of triplets
// would mine, so that they are not for it.
func lossRules() (list []rule) {
	for _, l := range catalog.Commands() {
		if l.Defaults != nil {
			list = append(list, rule{"for " + l.Name, func(s *Settings, _ *Facts, _ Given) bool {
				return s.Loss == l.Name && s.Triplets == ""
			}, l.Defaults})
		}
	}
	return list
}

// Settle returns flags with the defaults of those that were not given. Where f is nil,
// before the data are opened, what follows from them is left at the general default.
func Settle(flags *Settings, given Given, f *Facts) *Settings {
	s := new(Settings)
	for _, r := range rules {
		s.Override(flags, given)
		if r.holds(s, f, given) {
			s.set(r.values)
		}
	}
	s.Override(flags, given)
	s.fit(f, given)
	s.Override(flags, given)
	return s
}

// fit sets the defaults that depend on sizes.
func (s *Settings) fit(f *Facts, given Given) {
	if s.Queue > 0 && s.Loss == "infonce" { // an encoder collapses if it is held apart from its first steps
		s.QueueAfter = s.Steps / 2
	}
	if f == nil {
		return
	}
	if n := min(f.Samples, f.Documents); n < s.Batch {
		s.Batch = max(powerOf2(n), 2)
	}
	if s.Kind() == Images {
		return
	}
	if !given["dim"] {
		s.Dim = min(f.Q, f.K)
	}
	// An adapter of embeddings that are good already begins as the identity.
	s.Residual = f.Q == f.K && len(s.Head) == 0 && s.Dim == f.Q
}

// powerOf2 returns the largest power of 2 that is not above n, or 1.
func powerOf2(n int) int {
	p := 1
	for p <= n/2 {
		p *= 2
	}
	return p
}
