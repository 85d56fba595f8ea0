package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// A saved is the text of a checkpoint: settings, and a digest of the data of the run.
type saved struct {
	*Settings
	Images  string `json:"images_sha256,omitempty"`
	Vectors string `json:"data_sha256,omitempty"`
}

// Text returns s and the digest of its data as a checkpoint keeps them.
func (s *Settings) Text(digest string) (string, error) {
	t := saved{Settings: s}
	if s.Kind() == Images {
		t.Images = digest
	} else {
		t.Vectors = digest
	}
	b, err := json.Marshal(t)
	return string(b), err
}

// Parse returns the settings in what Text returned, here or in an earlier version, and the
// digest of the data.
func Parse(text string) (*Settings, string, error) {
	s, digest, err := parse(text)
	if err != nil {
		return nil, "", fmt.Errorf("config: %w", err)
	}
	return s, digest, nil
}

func parse(text string) (*Settings, string, error) {
	var names map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &names); err != nil {
		return nil, "", err
	}
	if names == nil {
		return nil, "", errors.New("got null, want an object")
	}
	renameSaved(names)
	b, err := json.Marshal(names)
	if err != nil {
		return nil, "", err
	}
	t := saved{Settings: new(Settings)}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return nil, "", err
	}
	if err := t.Check(); err != nil {
		return nil, "", err
	}
	if err := t.CheckTogether(); err != nil {
		return nil, "", err
	}
	return t.Settings, t.Images + t.Vectors, nil
}

// Difference returns an error that names a setting of saved that s has otherwise, or nil.
func (s *Settings) Difference(saved *Settings) error {
	for _, name := range Names() {
		if got, want := saved.text(name), s.text(name); got != want {
			return fmt.Errorf("config: got %q %s, want %s", name, got, want)
		}
	}
	return nil
}

// text returns a setting for people.
func (s *Settings) text(name string) string {
	v := reflect.ValueOf(s).Elem().FieldByIndex(fields[name].Index)
	if v.Kind() != reflect.Pointer {
		return fmt.Sprint(v)
	}
	if v.IsNil() {
		return "the default"
	}
	return fmt.Sprint(v.Elem())
}
