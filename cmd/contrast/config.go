package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"github.com/contrast-go/contrast/cmd/contrast/internal/settings"
)

// maxConfig is the most bytes of a file of flags.
const maxConfig = 1 << 20

// A configFlag names a file of flags: a YAML or JSON object with a key for each. Lists are
// values of flags that take several.
type configFlag string

// BeforeResolve is called by kong once the command line is read. Where that does not say
// otherwise, flags have the values in the file.
func (configFlag) BeforeResolve(line *kong.Context, trace *kong.Path, c *console) error {
	path := string(line.FlagValue(trace.Flag).(configFlag))
	values, err := readConfig(path, line.Selected().Flags, c)
	if err != nil {
		return &configError{path, err}
	}
	line.AddResolver(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if v, ok := values[flag.Name]; ok {
			return v, nil
		}
		return nil, nil
	}))
	return nil
}

// A configError says what is wrong with a file of flags.
type configError struct {
	path string
	err  error
}

func (e *configError) Error() string { return fmt.Sprintf("--config: %s: %v", e.path, e.err) }

func readConfig(path string, flags []*kong.Flag, c *console) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	switch {
	case err != nil:
		return nil, errors.Unwrap(err)
	case len(b) > maxConfig:
		return nil, fmt.Errorf("size: got more than %d bytes, want a few lines", maxConfig)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	var fields map[string]yaml.Node
	if err := d.Decode(&fields); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.New(strings.Join(strings.Fields(err.Error()), " "))
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("got more than one document, want one")
	}
	known, values := configurable(flags), make(map[string]string)
	byLine := func(a, b string) int { return cmp.Compare(fields[a].Line, fields[b].Line) }
	for _, name := range slices.SortedFunc(maps.Keys(fields), byLine) {
		node := fields[name]
		if now, ok := settings.Renamed[name]; ok {
			c.printf("contrast: --config: %s: %s is now %s\n", path, name, now)
			name = now
		}
		if _, ok := values[name]; ok {
			return nil, fmt.Errorf("line %d: %s is there twice, under its old name and its new one", node.Line, name)
		}
		flag, ok := known[name]
		if !ok {
			names := strings.Join(slices.Sorted(maps.Keys(known)), ", ")
			return nil, fmt.Errorf("line %d: got %q, want one of %s", node.Line, name, names)
		}
		if values[name], err = configValue(&node); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", node.Line, name, err)
		}
		target := reflect.New(flag.Target.Type()).Elem()
		if err := flag.Parse(kong.Scan().PushTyped(values[name], kong.FlagValueToken), target); err != nil {
			return nil, fmt.Errorf("line %d: %w", node.Line, err)
		}
	}
	return values, nil
}

// configValue returns a scalar, or a list or an object of them, as the value of a flag.
func configValue(node *yaml.Node) (string, error) {
	switch node.Kind {
	case yaml.ScalarNode:
		return node.Value, nil
	case yaml.SequenceNode:
		var words []string
		for _, n := range node.Content {
			if n.Kind != yaml.ScalarNode {
				return "", fmt.Errorf("got a list of lists, want one of numbers or words")
			}
			words = append(words, n.Value)
		}
		return kong.JoinEscaped(words, ','), nil
	}
	var pairs []string
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		if name.Kind != yaml.ScalarNode || value.Kind != yaml.ScalarNode {
			return "", errors.New("got an object of lists or objects, want one of numbers")
		}
		pairs = append(pairs, name.Value+"="+value.Value)
	}
	return strings.Join(pairs, ","), nil
}

// configurable returns the flags that may stand in a file: those that say what a run is and
// how it is made, but not where.
func configurable(flags []*kong.Flag) map[string]*kong.Flag {
	all := make(map[string]*kong.Flag)
	for _, f := range flags {
		switch f.Name {
		case "help", "config", "out", "resume", "force", "json", "serve", "serve-all":
		default:
			all[f.Name] = f
		}
	}
	return all
}
