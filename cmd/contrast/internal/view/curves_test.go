package view

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/train"
)

func TestSmoothed(t *testing.T) {
	x := []float64{4, 2, 9}
	if got := smoothed(x); !slices.Equal(got, x) {
		t.Errorf("few steps: got %v, want %v", got, x)
	}
	line := make([]float64, 300)
	for i := range line {
		line[i] = float64(i)
	}
	for i, got := range smoothed(line) { // the mean of what is within 3 steps
		lo, hi := max(i-3, 0), min(i+3, 299)
		if want := float64(lo+hi) / 2; got != want {
			t.Fatalf("step %d of a straight line: got %v, want %v", i, got, want)
		}
	}
}

func TestTicksAreFewAndRound(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{
		{1, 2000, "500 1000 1500 2000"},
		{1, 40, "5 10 15 20 25 30 35 40"},
		{1, 600000, "100000 200000 300000 400000 500000 600000"},
		{1.02, 6.24, "2 3 4 5 6"},
		{0.0123, 0.0171, "0.013 0.014 0.015 0.016 0.017"},
		{-3, 3, "-3 -2 -1 0 1 2 3"},
		{2, 2, "2"},
	} {
		var labels []string
		for _, tick := range ticks(c.lo, c.hi) {
			labels = append(labels, tick.Label)
			if tick.Value < c.lo || tick.Value > c.hi {
				t.Errorf("%v to %v: tick at %v", c.lo, c.hi, tick.Value)
			}
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("%v to %v: ticks at %s, want %s", c.lo, c.hi, got, c.want)
		}
	}
}

func TestReadCurves(t *testing.T) {
	path := filepath.Join(t.TempDir(), train.MetricsFile)
	for _, c := range []struct {
		content string
		want    []float64
		says    string
	}{
		{`{"step":0,"loss":2.5,"lr":1}` + "\n" + `{"step":1,"loss":-1e-3}` + "\n", []float64{2.5, -1e-3}, ""},
		{"", nil, "EOF"},
		{`{"step":0,"loss":2.5}` + "\n" + `{"step":1,"lo`, nil, "offset 21"},
		{`{"step":0}`, nil, "no loss"},
		{`loss`, nil, "offset"},
	} {
		if err := os.WriteFile(path, []byte(c.content), 0o666); err != nil {
			t.Fatal(err)
		}
		steps, err := ReadCurves(path)
		got := steps.Loss
		if !slices.Equal(got, c.want) || (err == nil) != (c.says == "") || err != nil && (!strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path)) {
			t.Errorf("%q: got %v, %v, want %v, %q", c.content, got, err, c.want, c.says)
		}
	}
}

func TestCurveOfOneStepOrEqualLosses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "loss.png")
	for _, losses := range [][]float64{{3}, {0, 0, 0}, {1e-30, 1e30}} {
		if err := DrawLosses(path, "title", losses); err != nil {
			t.Errorf("%v: %v", losses, err)
		}
	}
}
