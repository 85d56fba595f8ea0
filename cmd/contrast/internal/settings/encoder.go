package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/infonce/nn"
)

// An arch is an encoder by name.
type arch struct {
	name   string
	images bool     // samples must be images
	reads  []string // of the flags that some encoders do not read

	// new returns the encoder for samples of in numbers.
	new func(s *Settings, f Facts, in int) (nn.Model, error)
}

// archs is the table of encoders, the default first.
var archs = []arch{
	{name: "mlp", reads: []string{"hidden", "head"}, new: (*Settings).mlp},
	{name: "linear", new: (*Settings).mlp},
	{name: "cnn", images: true, reads: []string{"hidden", "head", "filters", "norm"}, new: (*Settings).cnn},
}

// archNames returns the names of the encoders that read a flag, or of all if flag is empty.
func archNames(flag string) (names []string) {
	for _, a := range archs {
		if flag == "" || slices.Contains(a.reads, flag) {
			names = append(names, a.name)
		}
	}
	return names
}

// arch returns the encoder that s names, or the default.
func (s *Settings) arch() arch {
	i := slices.IndexFunc(archs, func(a arch) bool { return a.name == s.Arch })
	return archs[max(i, 0)]
}

// checkArch returns an error for flags that the encoder does not read and for samples that it does
// not take.
func (s *Settings) checkArch() error {
	a := s.arch()
	if a.images && s.Kind() != Images {
		return fmt.Errorf("--arch %s is for images", a.name)
	}
	for _, f := range []struct {
		flag  string
		given bool
	}{
		{"hidden", len(s.Hidden) > 0},
		{"head", len(s.Head) > 0},
		{"filters", len(s.Filters) > 0},
		{"norm", s.Norm != ""},
	} {
		if f.given && !slices.Contains(a.reads, f.flag) {
			return fmt.Errorf("--%s is for --arch %s", f.flag, strings.Join(archNames(f.flag), " or "))
		}
	}
	return nil
}

// The names of parts of encoders.
var (
	norms       = []string{nn.NoNorm.String(), nn.BatchNorm.String(), nn.LayerNorm.String()}
	activations = nn.ActivationNames()
)

// NewEncoder returns the encoder before its first step, for a dataset with these facts.
func (s *Settings) NewEncoder(f Facts) (nn.Model, error) {
	a := s.arch()
	if s.Kind() != Pairs || s.Shared {
		return a.new(s, f, max(f.Q, f.K))
	}
	// Both have the same seed, so that towers of the same widths start as one encoder.
	query, err := a.new(s, f, f.Q)
	if err != nil {
		return nil, err
	}
	document, err := a.new(s, f, f.K)
	if err != nil {
		return nil, err
	}
	return nn.NewDual(query, document)
}

// mlp returns an encoder of dense layers. The embedding of an image comes from a projection head,
// which can be left out afterwards; that of a vector does so only if there is a --head.
func (s *Settings) mlp(_ Facts, in int) (nn.Model, error) {
	c := nn.MLPConfig{Body: append([]int{in}, s.Hidden...), Residual: s.Residual}
	if err := s.setActivation(&c.Activation); err != nil {
		return nil, err
	}
	switch {
	case s.Kind() == Images && len(s.Hidden) > 0:
		c.Head = s.head()
	case len(s.Head) == 0:
		c.Body = append(c.Body, s.Dim)
	default:
		c.Body, c.Head = append(c.Body, in), s.head()
	}
	if last := c.Body[len(c.Body)-1]; c.Residual && last != in {
		return nil, fmt.Errorf("--dim is %d, want %d, the width of the samples, with --residual; or --no-residual", last, in)
	}
	return c.New(s.Seed)
}

// cnn returns a convolutional encoder, whose representation is the mean over the pixels
// unless there are hidden layers.
func (s *Settings) cnn(f Facts, _ int) (nn.Model, error) {
	c := nn.CNNConfig{Width: f.Width, Height: f.Height, Channels: f.Channels, Filters: s.Filters, Body: s.Hidden, Head: s.head()}
	if err := s.setActivation(&c.Activation); err != nil {
		return nil, err
	}
	if s.Norm != "" {
		if err := c.Norm.UnmarshalText([]byte(s.Norm)); err != nil {
			return nil, fmt.Errorf("--norm: %w", err)
		}
	}
	return c.New(s.Seed)
}

// head returns the widths of the projection head, whose last one is that of the embedding.
func (s *Settings) head() []int { return append(slices.Clip(s.Head), s.Dim) }

func (s *Settings) setActivation(a *nn.Activation) error {
	if s.Activation == "" {
		return nil
	}
	return a.UnmarshalText([]byte(s.Activation))
}

// Describe says what an encoder is in a few words.
func Describe(m nn.Model) string {
	text := func(kind string, widths []int, activation nn.Activation, head []int) string {
		s := kind
		if len(widths) > 0 {
			s += " " + joined(widths)
		}
		if len(widths) > 2 || kind != "linear" {
			s += ", " + activation.String()
		}
		if len(head) > 0 {
			s += ", head " + joined(head)
		}
		return s
	}
	switch m := m.(type) {
	case *nn.MLP:
		c := m.Config()
		kind := "mlp"
		if len(c.Body) == 2 && len(c.Head) == 0 {
			kind = "linear"
		}
		s := text(kind, c.Body, c.Activation, c.Head)
		if c.Residual {
			s += ", added to the samples"
		}
		return s
	case *nn.CNN:
		c := m.Config()
		kind := fmt.Sprintf("cnn %dx%dx%d, filters %s, norm %v", c.Width, c.Height, c.Channels, joined(c.Filters), c.Norm)
		if len(c.Body) > 0 {
			kind += ", then"
		}
		return text(kind, c.Body, c.Activation, c.Head)
	case *nn.Dual:
		query, document := Describe(m.Query()), Describe(m.Document())
		if query == document {
			return "two towers, each " + query
		}
		return "two towers: " + query + "; " + document
	}
	return fmt.Sprintf("%T", m)
}

// joined writes widths as 784-512-256.
func joined(widths []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(widths), "[]"), " ", "-")
}
