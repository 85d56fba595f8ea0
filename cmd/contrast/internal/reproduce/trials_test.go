package reproduce

import (
	"context"
	"math"
	"testing"
)

// The shape of table 5, in a moment: a high temperature and a low one are worse than one between.
func TestTemperaturesShape(t *testing.T) {
	r := new(Report)
	few := []setting{{0.01, false, 0}, {0.1, false, 64.4}, {1, false, 58.0}}
	if err := temperatures(context.Background(), Options{Seed: 1}, r, few, 1, 64, 60); err != nil {
		t.Fatal(err)
	}
	if !r.Holds() || len(r.Tables[0].Rows) != len(few)+2 {
		t.Errorf("report is\n%v", r)
	}
}

func TestBatchSizesShape(t *testing.T) {
	r := new(Report)
	if err := trainBatchSizes(context.Background(), Options{Seed: 1}, r, []int{4, 32}, 1, 150, 500, 1920); err != nil {
		t.Fatal(err)
	}
	if !r.Holds() || len(r.Tables[0].Rows) != 2 {
		t.Errorf("report is\n%v", r)
	}
}

// A curve without a peak between its ends is found out, and so is a peak that may be chance.
func TestTemperatureVerdictCanFail(t *testing.T) {
	s := []setting{{0.05, false, 59.7}, {0.1, false, 64.4}, {1, false, 58.0}}
	for _, c := range []struct {
		name   string
		values [][]float64
		holds  bool
		notes  int
	}{
		{"peak", [][]float64{{0.40, 0.41}, {0.50, 0.52}, {0.20, 0.22}}, true, 0},
		{"rising", [][]float64{{0.40, 0.41}, {0.45, 0.46}, {0.60, 0.62}}, false, 2},
		{"falling", [][]float64{{0.60, 0.61}, {0.45, 0.46}, {0.20, 0.22}}, false, 1},
		{"chance", [][]float64{{0.40, 0.50}, {0.50, 0.42}, {0.20, 0.22}}, false, 0},
	} {
		r := new(Report)
		judgeTemperatures(r, s, c.values)
		if r.Holds() != c.holds || len(r.Notes) != c.notes {
			t.Errorf("%s: holds is %v, want %v, with %d notes:\n%v", c.name, r.Holds(), c.holds, c.notes, r)
		}
	}
}

func TestAhead(t *testing.T) {
	by, errors := ahead([]float64{3, 5, 7}, []float64{2, 3, 4})
	if by != 2 || math.Abs(errors-2*math.Sqrt(3)) > 1e-12 {
		t.Errorf("ahead by %v, %v errors, want 2 and 2·√3", by, errors)
	}
	if by, errors := ahead([]float64{1}, []float64{2}); by != -1 || !math.IsInf(errors, -1) {
		t.Errorf("ahead by %v, %v errors, want −1 and −Inf", by, errors)
	}
}

// What the evaluation sees is neither in the samples as they are nor in an untrained encoder.
func TestIdentitiesAreHidden(t *testing.T) {
	tr := newTrials(Options{Seed: 1}, 1)
	raw, err := tr.raw()
	if err != nil {
		t.Fatal(err)
	}
	untrained, err := tr.untrained()
	if err != nil {
		t.Fatal(err)
	}
	if raw[0] > 0.06 || untrained[0] > 0.03 {
		t.Errorf("MAP@R is %.3f of raw samples and %.3f of an untrained encoder, want less than 0.06 and 0.03", raw[0], untrained[0])
	}
}
