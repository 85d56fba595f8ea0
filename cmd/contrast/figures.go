package main

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Figures are what an exam says of one way to see samples, in the order of a table.
type figures []figure

type figure struct {
	name  string
	value float64
}

// get returns the figure of that name, which f has.
func (f figures) get(name string) float64 {
	for _, g := range f {
		if g.name == name {
			return g.value
		}
	}
	panic("no figure " + name)
}

// MarshalJSON is called by encoding/json. It keeps the order; a figure that is not finite is null.
func (f figures) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, g := range f {
		if i > 0 {
			b.WriteByte(',')
		}
		v, err := share64(g.value).MarshalJSON()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%q:%s", g.name, v)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON is called by encoding/json.
func (f *figures) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil {
		return err
	}
	*f = figures{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var v float64
		if err := d.Decode(&v); err != nil {
			return err
		}
		*f = append(*f, figure{fmt.Sprint(name), v})
	}
	return nil
}
