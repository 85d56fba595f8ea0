package settings

import (
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/nn"
)

func TestEverySettingHasHelp(t *testing.T) {
	for _, name := range Names() {
		if text := Help(name); text == "" || !strings.HasSuffix(strings.TrimRight(text, ")"), ".") || strings.ContainsAny(text, "{}") {
			t.Errorf("--%s: help is %q, want sentences", name, text)
		}
	}
	for name := range help {
		if _, ok := fields[name]; !ok {
			t.Errorf("there is help for --%s, which is no setting", name)
		}
	}
	m, err := nn.CNNConfig{Width: 32, Height: 32, Channels: 1, Head: []int{2}}.New(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, says string }{
		{"filters", "Default " + valueText(m.Config().Filters) + "."},
		{"steps", "Default 2000, 1000 for embeddings, 1500 for a cnn, 6000 for triplet."},
		{"hidden", "Default 512,256, none for embeddings,"},
		{"weight-decay", "0 for adam, 0.0001 for sgd, 0.0001 for lars"},
		{"momentum", "Default 0.9 for sgd"},
	} {
		if text := Help(c.name); !strings.Contains(text, c.says) {
			t.Errorf("--%s: help is %q, want %q", c.name, text, c.says)
		}
	}
}

// What was given stands, and what was not follows from it and from the data.
func TestSettle(t *testing.T) {
	colour := &Facts{Samples: 100, Documents: 100, Q: 48, K: 48, Width: 4, Height: 4, Channels: 3}
	pairs := &Facts{Samples: 70, Documents: 20, Pairs: true, Q: 8, K: 10}
	rows := &Facts{Samples: 1000, Documents: 1000, Q: 8, K: 8}
	for _, c := range []struct {
		name  string
		flags Settings
		given []string
		facts *Facts
		says  string
	}{
		{"nothing", Settings{}, nil, nil, `"steps":2000,"batch":256,"seed":1,"lr":0.003,"weight-decay":0.1}`},
		{"given", Settings{Training: Training{Steps: 7}}, []string{"steps"}, nil, `"steps":7,`},
		{"given nothing", Settings{}, []string{"hidden"}, nil, `"hidden":null,`},
		{"cnn", Settings{Encoder: Encoder{Arch: "cnn"}}, []string{"arch"}, colour, `"steps":1500,"batch":64,"seed":1,"lr":0.0015,`},
		{"colour", Settings{}, nil, colour, `"saturation":0.4,`},
		{"pairs", Settings{Source: Source{Pairs: []string{"q", "k"}}}, []string{"pairs"}, pairs, `"loss":"clip","temperature":0.05,`},
		{"few documents", Settings{Source: Source{Pairs: []string{"q", "k"}}}, []string{"pairs"}, pairs, `"dim":8,"steps":1000,"batch":16,`},
		{"rows", Settings{Source: Source{Data: "x.npy"}}, []string{"data"}, rows, `"augment":{"dropout":0.2,"noise":0.3},"supervised":false,"loss":"ntxent",`},
		{"width kept", Settings{Source: Source{Data: "x.npy"}}, []string{"data"}, rows, `"arch":"linear","hidden":[],"dim":8,"residual":true,`},
		{"width not kept", Settings{Source: Source{Data: "x.npy"}, Encoder: Encoder{Dim: 4}}, []string{"data", "dim"}, rows, `"arch":"linear","hidden":[],"dim":4,"steps"`},
		{"triplet", Settings{Objective: Objective{Loss: "triplet"}}, []string{"loss"}, nil, `"steps":6000,"batch":24,"seed":1,"lr":0.002,`},
		{"sgd", Settings{Training: Training{Optimizer: "sgd"}}, []string{"optimizer"}, nil, `"momentum":0.9,"lr":0.1,"weight-decay":0.0001}`},
		{"queue", Settings{Objective: Objective{Loss: "infonce", Queue: 9}}, []string{"loss", "queue"}, nil, `"queue":9,"queue-after":1000,`},
	} {
		given := make(Given)
		for _, name := range c.given {
			given[name] = true
		}
		text, err := Settle(&c.flags, given, c.facts).Text("")
		if err != nil || !strings.Contains(text, c.says) {
			t.Errorf("%s: %s, %v, want %s", c.name, text, err, c.says)
		}
	}
}

// What is in a checkpoint may be anything.
func TestParse(t *testing.T) {
	s := Settle(new(Settings), nil, nil)
	text, err := s.Text("12ab")
	if err != nil {
		t.Fatal(err)
	}
	got, digest, err := Parse(text)
	if err != nil || digest != "12ab" || got.Difference(s) != nil {
		t.Errorf("got %+v, %s, %v, want %+v", got, digest, err, s)
	}
	with := func(old, new string) string { return strings.Replace(text, old, new, 1) }
	for _, c := range []struct{ text, says string }{
		{"", "unexpected end"},
		{"null", "got null, want an object"},
		{"[]", "array"},
		{"{}", `--loss is "", want one of infonce, `},
		{with("ntxent", "of-the-future"), `--loss is "of-the-future"`},
		{with("{", `{"serve":"0.0.0.0:18080","serve-all":true,`), `unknown field "serve`},
		{with(`"steps":2000`, `"steps":"many"`), "steps"},
		{with(`"steps":2000`, `"steps":0`), "--steps is 0"},
		{with(`"data":"glyphs"`, `"data":"x.npy","arch":"cnn"`), "--arch cnn is for images"},
		{with(`"hidden":[512,256]`, `"hidden":[]`), "--hidden is empty"},
		{text + "x", "invalid character"},
	} {
		if _, _, err := Parse(c.text); err == nil || !strings.HasPrefix(err.Error(), "config: ") || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %q", c.text, err, c.says)
		}
	}
}
