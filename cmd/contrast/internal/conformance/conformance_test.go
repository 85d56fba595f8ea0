package conformance

import (
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

func TestCases(t *testing.T) {
	cases, err := Load("../../../../internal/ref/testdata/losses.json")
	if err != nil {
		t.Fatal(err)
	}
	check.EachLevel(t, func(t *testing.T) {
		n := 0
		var worst Report
		for _, c := range cases {
			if !c.Supported() {
				continue
			}
			n++
			r, err := c.Run()
			if err != nil {
				t.Error(err)
				continue
			}
			if !r.OK() {
				t.Errorf("%s/%s: value is off by %.3g, gradient by %.3g (%s)", c.Loss, c.Name, r.Value, r.Gradient, r.Worst)
			}
			worst.Value, worst.Gradient = max(worst.Value, r.Value), max(worst.Gradient, r.Gradient)
		}
		if n != len(cases) || n < 168 {
			t.Errorf("%d of %d cases ran, want all of 168", n, len(cases))
		}
		t.Logf("%d cases, worst value %.3g, worst gradient %.3g", n, worst.Value, worst.Gradient)
	})
}
