package reproduce

import (
	"bytes"
	"encoding/json"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	for _, name := range Names() {
		if e, err := Find(name); err != nil || e.Name != name || e.Title == "" || e.Source == "" || e.Claim == "" {
			t.Errorf("Find(%q) = %+v, %v", name, e, err)
		}
	}
	if _, err := Find("cold fusion"); err == nil || !strings.Contains(err.Error(), "mi") {
		t.Errorf("error is %v, want one that lists the experiments", err)
	}
}

func TestTable(t *testing.T) {
	table := Table{Title: "A table", Columns: []string{"τ", "name", "N"}}
	table.add(num(0.25, 1), text("short"), count(65536))
	table.add(num(-10, 1), Cell{}, count(4096))
	const want = "A table\n    τ  name        N\n  0.2  short  65,536\n-10.0           4096\n"
	if got := table.String(); got != want {
		t.Errorf("table is\n%s, want\n%s", got, want)
	}
	b, err := json.Marshal(table)
	const object = `{"title":"A table","columns":["τ","name","N"],"rows":[[0.25,"short",65536],[-10,null,4096]]}`
	if err != nil || string(b) != object {
		t.Errorf("JSON is %s, %v, want %s", b, err, object)
	}
	if b, err := json.Marshal(num(math.NaN(), 3)); err != nil || string(b) != "null" {
		t.Errorf("JSON of NaN is %s, %v, want null", b, err)
	}
}

func TestWrap(t *testing.T) {
	words := strings.TrimSpace(strings.Repeat("ψωμί ", 50))
	lines := strings.Split(wrap("note  ", words), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "note  ψ") || !strings.HasPrefix(lines[2], "      ψ") {
		t.Errorf("lines are %q", lines)
	}
	if got := strings.Join(strings.Fields(strings.Join(lines, " ")), " "); got != "note "+words {
		t.Errorf("words are %q", got)
	}
}

func TestPicture(t *testing.T) {
	r := Report{panels: []panel{
		{title: "a", x: "N", y: "loss", logX: true, logY: true, curves: []curve{{name: "c", points: []point{{64, 1}, {128, 3}}, shades: []float64{-1, 2}}}, shadeName: "v"},
		{title: "b", levels: []float64{2}, top: 4, curves: []curve{{points: []point{{1, 1}, {2, 3}}, dashed: true}, {name: "marks", points: []point{{1, 2}}, marks: true}}},
	}}
	var b bytes.Buffer
	if err := r.WritePNG(&b); err != nil {
		t.Fatal(err)
	}
	if m, err := png.Decode(&b); err != nil || m.Bounds().Dx() < 1500 || m.Bounds().Dy() < 600 {
		t.Errorf("picture: %v", err)
	}
	r.panels[0].curves[0].points[0].y = math.NaN()
	if err := r.WritePNG(&b); err == nil {
		t.Error("a point at NaN is drawn")
	}
}

// Between its colors a shade is mixed, and beyond them it is the last.
func TestShade(t *testing.T) {
	for v, want := range map[float64]color.RGBA{-1: shades[0], 0: shades[0], 0.125: {174, 216, 68, 255}, 0.5: shades[2], 1: shades[4], 7: shades[4]} {
		if got := shade(v); got != want {
			t.Errorf("shade of %v is %v, want %v", v, got, want)
		}
	}
}
