package nn

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/internal/sealed"
	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/internal/check"
)

func TestMLPRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	for _, c := range []MLPConfig{
		{Body: []int{6, 5, 4}},
		{Body: []int{6, 5, 4}, Head: []int{3}},
		{Body: []int{6, 5, 4}, Head: []int{5, 2}, Activation: GELU},
		{Body: []int{6, 5, 6}, Residual: true},
		{Body: []int{6, 6}, Head: []int{3}, Residual: true, Activation: GELU},
	} {
		m := c.mustNew(t, 8)
		for i := range m.params.Values {
			m.params.Values[i] += float32(i) // so that biases are not 0
		}
		if err := WriteModel(path, m); err != nil {
			t.Fatal(err)
		}
		got, err := ReadModel(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(got.(*MLP).Config()); got != fmt.Sprint(c) {
			t.Errorf("%s, want %v", got, c)
		}
		check.SameBits(t, "parameters", got.Params().Values, m.params.Values)
		x := testkit.Normals(check.NewRand(2), 3, 6)
		check.SameBits(t, "embedding", got.Forward(x).Data, m.Forward(x).Data)
	}
}

func TestReadModelRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := WriteModel(path, mustMLP(t, 8, []int{6, 5}, []int{2})); err != nil {
		t.Fatal(err)
	}
	good := testkit.ReadFile(t, path)
	meta := func(key, value string) []byte {
		return testkit.Edit(t, good, func(x []data.Tensor, meta map[string]string) []data.Tensor { meta[key] = value; return x })
	}
	for _, c := range []struct {
		content []byte
		want    string
	}{
		{nil, "safetensors: offset 0"},
		{good[:len(good)-3], "length of data"},
		{append(slices.Clone(good[:len(good)-1]), good[len(good)-1]^1), "sha256: got"},
		{meta(sealed.FormatKey, "contrast checkpoint"), `format: got "contrast checkpoint", want "contrast model"`},
		{meta("kind", "resnet"), `kind: got "resnet", want one of ["mlp" "mlp+residual" "mlp+gelu" "mlp+gelu+residual" "cnn"]`},
		{meta("kind", "mlp+tanh"), `kind: got "mlp+tanh", want one of ["mlp" `},
		{meta("kind", "mlp+residual"), "mlp: body has widths [6 5], want the last to be the first"},
		{meta("body", ""), "body: got nothing, want a list of widths"},
		{meta("body", "[6,5"), `body: got "[6,5", want a list of widths`},
		{meta("body", "[6, 5]"), `body: got "[6, 5]", want a list of widths`},
		{meta("body", `[6,"5"]`), `want a list of widths`},
		{meta("body", "[6,5.5]"), `body: got "[6,5.5]", want a list of widths`},
		{meta("body", "null"), `body: got "null", want a list of widths`},
		{meta("body", "[6]"), "mlp: body has widths [6], want"},
		{meta("body", "[6,-5]"), "mlp: width -5, want"},
		{meta("body", "[6,0]"), "mlp: width 0, want"},
		{meta("body", "[100000,100000]"), "mlp: widths [100000 100000 2] need more than"},
		{meta("body", "[10000,20000]"), "tensor encoder.0.weight: got shape [5 6], want [20000 10000]"},
		{meta("body", "["+strings.Repeat("6,", 1000)+"5]"), "want a list of widths"},
		{meta("head", "[3]"), "tensor head.0.weight: got shape [2 5], want [3 5]"},
		{meta("head", "[]"), `tensor "head.0.bias": got shape [2], want none`},
		{meta("head", "[2,2]"), "tensor head.1.weight: got none, want shape [2 2]"},
	} {
		testkit.WriteFile(t, path, c.content)
		m, err := ReadModel(path)
		if err == nil || !strings.HasPrefix(err.Error(), "model: "+path+": ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q", err, c.want)
		}
		if m != nil {
			t.Errorf("%s: a model beside the error", c.want)
		}
	}
	if _, err := ReadModel(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := ReadModel(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
}

// The file of an MLP without options keeps its bytes: older programs read it.
func TestMLPFileIsStable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := WriteModel(path, mustMLP(t, 8, []int{6, 5, 4}, []int{3})); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(testkit.ReadFile(t, path))
	const want = "d462de51314d133329e7a1ad7971568277cf256c337b040616d7eb5975b67252"
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("sha256 of the file is %s, want %s", got, want)
	}
}

func TestCloneModel(t *testing.T) {
	m := MLPConfig{Body: []int{5, 5}, Residual: true}.mustNew(t, 1)
	c := CloneModel(m)
	check.SameBits(t, "parameters", c.Params().Values, m.params.Values)
	c.Params().Values[0]++
	if c.Params().Values[0] == m.params.Values[0] {
		t.Error("the parameters are shared")
	}
}
