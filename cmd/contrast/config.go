package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// maxConfig is the most bytes that a file of settings may have.
const maxConfig = 1 << 20

// readConfig reads flags of a command from a file, a YAML or JSON object with a key for each, as the
// values of flags. Lists are those of flags that take several values.
func readConfig(path string, command *kong.Node) (map[string]string, error) {
	values, err := parseConfig(path, configurable(command))
	if err != nil {
		return nil, fmt.Errorf("--config: %s: %w", path, err)
	}
	return values, nil
}

func parseConfig(path string, known []string) (map[string]string, error) {
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
	values := make(map[string]string)
	for name, node := range fields {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("line %d: got %q, want one of %s", node.Line, name, strings.Join(known, ", "))
		}
		if values[name], err = configValue(&node); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", node.Line, name, err)
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

// configurable lists the flags of a command that a file of settings may have: what a run is and how it is
// made, but not where.
func configurable(command *kong.Node) []string {
	var names []string
	for _, f := range command.Flags {
		if !slices.Contains([]string{"help", "config", "out", "resume", "force", "json", "serve", "serve-all"}, f.Name) {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names
}
