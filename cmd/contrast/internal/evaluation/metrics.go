package evaluation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// Metrics are what an evaluation says of an embedder, in the order of a table.
type Metrics []Metric

// A Metric is a number with a name.
type Metric struct {
	Name  string
	Value float64
}

// Get returns the metric of that name, which f has.
func (f Metrics) Get(name string) float64 {
	for _, g := range f {
		if g.Name == name {
			return g.Value
		}
	}
	panic("no metric " + name)
}

// MarshalJSON is called by encoding/json. It keeps the order; a metric that is not finite is null.
func (f Metrics) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, g := range f {
		if i > 0 {
			b.WriteByte(',')
		}
		v, err := Number(g.Value).MarshalJSON()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%q:%s", g.Name, v)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON is called by encoding/json.
func (f *Metrics) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil {
		return err
	}
	*f = Metrics{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var v float64
		if err := d.Decode(&v); err != nil {
			return err
		}
		*f = append(*f, Metric{fmt.Sprint(name), v})
	}
	return nil
}

// A Number is a float64 that JSON holds as null where it is not finite.
type Number float64

// MarshalJSON is called by encoding/json.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}
