package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/images"
)

var update = flag.Bool("update", false, "write the golden files anew")

// smallPage has one of everything.
func smallPage(t testing.TB) *Page {
	t.Helper()
	sprite, err := NewSprite(sampleImages(3, 4, 2, 1))
	must(t, err)
	return &Page{
		Title: "a run", Summary: "It found 71.2 % of them.", Warnings: []string{"The queries collapsed."},
		Running: true, Step: 1500, Steps: 2000,
		Settings: []Setting{{"loss", "info-nce"}, {"resume", ""}},
		Tables: []Table{{"clean queries", []Column{{"kNN", true, false}, {"rank", false, true}}, []Row{
			{"raw pixels", []float64{.332, 12.25}}, {"trained", []float64{.712, math.NaN()}},
		}}},
		Charts: []Chart{
			{"Loss", true, []Series{{"", nil, []float64{5, 2.5, math.Inf(1), 1}}}},
			{"Recall", false, []Series{{"at 1", []int{0, 1000}, []float64{.1, .6}}, {"at 10", []int{0, 1000}, []float64{.4, .9}}}},
		},
		Classes:    []string{"cat", "dog"},
		Map:        Map{[]Point{{0, "Tom", 1}, {1, "", 0}}, []View{{"raw pixels", []float32{0, 2}, []float32{1, 1}}}},
		Neighbours: Neighbours{[]string{"trained"}, []Strip{{Tile{1, "cat", false}, [][]Tile{{{2, "cat", false}, {0, "dog", true}}}}}},
		Sprite:     sprite,
	}
}

// TestPageGolden holds the page to a file, without the style and script, which would drown it.
func TestPageGolden(t *testing.T) {
	r, err := render(smallPage(t), 0)
	must(t, err)
	got := regexp.MustCompile(`(?s)<(style|script)>.*?</`).ReplaceAll(r.html, []byte("<$1>…</"))
	got = regexp.MustCompile(`sha256-.*?&#39;`).ReplaceAll(got, []byte("sha256-…&#39;"))
	got = regexp.MustCompile(`base64,[^)]*`).ReplaceAll(got, []byte("base64,…")) // compressed as this version of Go does
	golden := filepath.Join("testdata", "page.html")
	if *update {
		must(t, os.WriteFile(golden, got, 0o666))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("the page is not that of %s; look at the difference with -update and git diff", golden)
	}
}

// TestPageStandsAlone holds what the package promises: no address of anything outside.
func TestPageStandsAlone(t *testing.T) {
	r, err := render(samplePage(t, 100, 100), 0)
	must(t, err)
	for _, forbidden := range []string{"http:", "https:", "//cdn", "@import", "src=", "<iframe", "<form", " style=\"", " onclick=\"", "eval(", "innerHTML"} {
		if i := bytes.Index(bytes.ReplaceAll(r.html, []byte("'http://www.w3.org/2000/svg'"), nil), []byte(forbidden)); i >= 0 {
			t.Errorf("the page holds %q", forbidden)
		}
	}
}

// TestPageWellFormed checks that elements nest, ids are there once, and labels point at something.
func TestPageWellFormed(t *testing.T) {
	for name, p := range map[string]*Page{"empty": {}, "small": smallPage(t), "sample": samplePage(t, 100, 100)} {
		r, err := render(p, 0)
		must(t, err)
		html := regexp.MustCompile(`(?s)(<(?:style|script)[^>]*>).*?</`).ReplaceAllString(string(r.html), "$1</")
		var open []string
		for _, m := range regexp.MustCompile(`<(/?)([a-z][a-z0-9]*)((?:[^>"]|"[^"]*")*?)(/?)>`).FindAllStringSubmatch(html, -1) {
			switch tag := m[2]; {
			case slices.Contains([]string{"meta", "link", "input"}, tag) || m[4] != "":
			case m[1] == "":
				open = append(open, tag)
			case len(open) == 0 || open[len(open)-1] != tag:
				t.Fatalf("%s: </%s> ends %v", name, tag, open)
			default:
				open = open[:len(open)-1]
			}
		}
		if len(open) != 0 {
			t.Errorf("%s: %v are not ended", name, open)
		}
		seen := make(map[string]bool)
		for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(html, -1) {
			if seen[m[1]] {
				t.Errorf("%s: id %s occurs twice", name, m[1])
			}
			seen[m[1]] = true
		}
		for _, m := range regexp.MustCompile(`(?:byID|getElementById)\('(\w+)'\)`).FindAllStringSubmatch(string(scriptText), -1) {
			if !seen[m[1]] && m[1] != "link" { // the link is there while training runs
				t.Errorf("%s: no element has the id %s, which the script looks for", name, m[1])
			}
		}
	}
}

// TestPolicyFitsPage computes the hashes from the page, as a browser does.
func TestPolicyFitsPage(t *testing.T) {
	for name, p := range map[string]*Page{"empty": {}, "sample": samplePage(t, 100, 100)} {
		r, err := render(p, 0)
		must(t, err)
		n := 0
		for _, m := range regexp.MustCompile(`(?s)<(style|script)( id="sprites")?>(.*?)</`).FindAllSubmatch(r.html, -1) {
			n++
			sum := sha256.Sum256(m[3])
			rule := regexp.MustCompile(string(m[1]) + `-src [^;]*'sha256-` + regexp.QuoteMeta(base64.StdEncoding.EncodeToString(sum[:])) + `'`)
			if !rule.MatchString(r.policy) {
				t.Errorf("%s: no hash of element %d, a %s, in %s", name, n, m[1], r.policy)
			}
		}
		if n != 3 {
			t.Errorf("%s: %d styles and scripts, want 3", name, n)
		}
	}
}

// hostile is what a file may name a class to run a script, in any place of a page.
var hostile = []string{
	`</script><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `<!--<script>`, `]]>`,
	`{{.}}`, "`${alert(1)}`", `\u003c/script\u003e`, "a\u2028b\u2029c", "\x00\xff\xfe", `</style><style>*{display:none}`, `javascript:alert(1)`, `</title>`,
}

// TestHostileNames puts hostile strings everywhere. None may end its element, and the data
// must read back.
func TestHostileNames(t *testing.T) {
	calm, err := render(hostilePage("calm"), 0)
	must(t, err)
	skeleton := func(html []byte) []string {
		html = regexp.MustCompile(`(?s)(<script[^>]*>).*?(</script)`).ReplaceAll(html, []byte("$1$2"))
		var tags []string
		for _, m := range regexp.MustCompile(`</?[a-zA-Z!][^\s>]*|\bon[a-z]+=`).FindAll(html, -1) {
			tags = append(tags, string(m))
		}
		return tags
	}
	want := skeleton(calm.html)
	for _, name := range hostile {
		r, err := render(hostilePage(name), 0)
		must(t, err)
		// An event handler within an attribute's value is text: look for tags only.
		html := bytes.ReplaceAll(r.html, []byte("onmouseover="), nil)
		html = bytes.ReplaceAll(html, []byte("onerror="), nil)
		if got := skeleton(html); !slices.Equal(got, want) {
			t.Errorf("%q: the page has other elements", name)
		}
		shown := regexp.MustCompile(`(?s)<script.*?</script>`).ReplaceAll(r.html, nil)
		if strings.ContainsAny(name, `"'`) && bytes.Contains(shown, []byte(name)) {
			t.Errorf("%q: a quote is not escaped", name)
		}
		m := regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`).FindSubmatch(r.html)
		var back payload
		if err := json.Unmarshal(m[1], &back); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if want := strings.ToValidUTF8(name, "\ufffd\ufffd"); back.Classes[0] != want {
			t.Errorf("class %q reads back as %q", want, back.Classes[0])
		}
	}
}

// hostilePage has the name in every string.
func hostilePage(name string) *Page {
	return &Page{
		Title: name, Summary: name, Warnings: []string{name}, Running: true, Settings: []Setting{{name, name}},
		Tables: []Table{{name, []Column{{name, true, true}}, []Row{{name, []float64{1}}}}},
		Charts: []Chart{{name, false, []Series{{name, nil, []float64{1, math.NaN()}}}}}, Classes: []string{name},
		Map:        Map{[]Point{{0, name, 0}}, []View{{name, []float32{1}, []float32{1}}}},
		Neighbours: Neighbours{[]string{name}, []Strip{{Tile{0, name, false}, [][]Tile{{{0, name, true}}}}}},
	}
}

func TestPageErrors(t *testing.T) {
	for _, c := range []struct {
		want  string
		spoil func(*Page)
	}{
		{`report: row "trained" has 1 values, want 2`, func(p *Page) { p.Tables[0].Rows[1].Values = []float64{1} }},
		{`report: series "at 1" of chart "Recall" has 2 steps and 1 values`, func(p *Page) { p.Charts[1].Series[0].Values = []float64{1} }},
		{`report: the steps of series "at 1" of chart "Recall" do not increase`, func(p *Page) { p.Charts[1].Series[0].Steps = []int{2, 1} }},
		{`report: point 1 is of class 2 of 2`, func(p *Page) { p.Map.Points[1].Class = 2 }},
		{`report: point 0 is of class -1 of 2`, func(p *Page) { p.Map.Points[0].Class = -1 }},
		{`report: point 0: image 4 of 3`, func(p *Page) { p.Map.Points[0].Image = 4 }},
		{`report: strip 0: image -1 of 3`, func(p *Page) { p.Neighbours.Strips[0].Near[0][1].Image = -1 }},
		{`report: strip 0: image 4 of 3`, func(p *Page) { p.Neighbours.Strips[0].Query.Image = 4 }},
		{`report: strip 0 was searched in 0 ways, want 1`, func(p *Page) { p.Neighbours.Strips[0].Near = nil }},
		{`report: view "raw pixels" has 1×2 coordinates, want 2 each`, func(p *Page) { p.Map.Views[0].X = []float32{1} }},
		{`report: a sprite without a size`, func(p *Page) { p.Sprite.Columns = 0 }},
	} {
		p := smallPage(t)
		c.spoil(p)
		path := filepath.Join(t.TempDir(), "report.html")
		if err := p.WriteFile(path); err == nil || err.Error() != c.want {
			t.Errorf("got error %v, want %s", err, c.want)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: there is a file", c.want)
		}
	}
}

// TestPageSize holds the size that a large run may have, and that of the package itself.
func TestPageSize(t *testing.T) {
	p := samplePage(t, 2000, 4000)
	p.Charts = p.Charts[:1]
	for i := range 5 {
		p.Charts = append(p.Charts, Chart{fmt.Sprint("more ", i), false, p.Charts[0].Series})
	}
	var err error
	p.Sprite, err = NewSprite(sampleImages(4000, 28, 28, 1))
	must(t, err)
	for i := range p.Map.Points {
		p.Map.Points[i].Image = i + 1
	}
	r, err := render(p, 0)
	must(t, err)
	if got, most := len(r.html), 3_000_000; got > most {
		t.Errorf("2,000 steps × 6 curves and 4,000 points with images: %d bytes, want at most %d", got, most)
	}
	if r, err = render(&Page{}, 0); err != nil || len(r.html) > 60_000 {
		t.Errorf("the empty page: %d bytes, error %v, want at most 60,000", len(r.html), err)
	}
	long := &Page{Charts: []Chart{{"Loss", false, []Series{{"", nil, make([]float64, 1_000_000)}}}}}
	if r, err = render(long, 0); err != nil || len(r.html) > 100_000 {
		t.Errorf("a million steps: %d bytes, error %v, want at most 100,000", len(r.html), err)
	}
}

func TestPageIsDeterministic(t *testing.T) {
	dir := t.TempDir()
	var want []byte
	for i := range 3 {
		path := filepath.Join(dir, fmt.Sprint(i))
		must(t, samplePage(t, 50, 6000).WriteFile(path))
		got, err := os.ReadFile(path)
		must(t, err)
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("page %d has other bytes", i)
		}
	}
}

func TestCurve(t *testing.T) {
	nan := math.NaN()
	short := newCurve(Series{Values: []float64{3, nan, 1}, Steps: []int{10, 20, 30}})
	if short.Every != 1 || !slices.Equal(short.Step, []int{10, 20, 30}) || !math.IsNaN(short.Mean[1]) || short.Low != nil || short.Lost != 1 || short.LostStep != 20 {
		t.Errorf("a short series: %+v", short)
	}
	values := make([]float64, 2*maxDrawn+1) // three steps a point
	for i := range values {
		values[i] = float64(i)
	}
	values[4], values[6], values[7], values[8] = math.Inf(-1), nan, nan, nan
	long := newCurve(Series{Values: values})
	if long.Every != 3 || len(long.Mean) != (len(values)+2)/3 {
		t.Fatalf("a long series: %d points of %d steps", len(long.Mean), long.Every)
	}
	for i, want := range []struct {
		step            int
		mean, low, high float64
	}{{2, 1, 0, 2}, {5, 4, 3, 5}, {8, nan, math.Inf(1), math.Inf(-1)}, {11, 10, 9, 11}} {
		if long.Step[i] != want.step || math.Float64bits(long.Mean[i]) != math.Float64bits(want.mean) && !math.IsNaN(want.mean) || math.IsNaN(long.Mean[i]) != math.IsNaN(want.mean) || long.Low[i] != want.low || long.High[i] != want.high {
			t.Errorf("point %d: step %d, mean %v from %v to %v, want %+v", i, long.Step[i], long.Mean[i], long.Low[i], long.High[i], want)
		}
	}
	if long.Lost != 4 || long.LostStep != 5 {
		t.Errorf("%d lost, from step %d, want 4 from 5", long.Lost, long.LostStep)
	}
	b, err := json.Marshal(long.Mean[:3])
	if err != nil || string(b) != "[1,4,null]" {
		t.Errorf("as JSON: %s, %v", b, err)
	}
}

func TestDigest(t *testing.T) {
	got := newDigest("Loss", Series{"x", []int{5, 6, 7, 8}, []float64{math.NaN(), 3, 7, 2}})
	want := digest{Chart: "Loss", Name: "x", First: 3, FirstStep: 6, Low: 2, LowStep: 8, High: 7, HighStep: 7, Last: 2, LastStep: 8, Lost: 1}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestPlane holds that a view fills its plane, both axes at one scale.
func TestPlane(t *testing.T) {
	nan := float32(math.NaN())
	m := Map{make([]Point, 4), []View{{"", []float32{-1, 3, 1, nan}, []float32{5, 5, 6, 0}}, {"", []float32{2, 2, 2, 2}, make([]float32, 4)}}}
	c := newCloud(m)
	want := map[[2]int]int{{0, 3750}: 1, {9999, 3750}: 1, {5000, 6249}: 1, {-1, -1}: 1}
	for i := range 4 {
		want[[2]int{c.Views[0].X[i], c.Views[0].Y[i]}]--
		if c.Views[1].X[i] != 5000 || c.Views[1].Y[i] != 5000 {
			t.Errorf("equal points lie at (%d, %d), want the middle", c.Views[1].X[i], c.Views[1].Y[i])
		}
	}
	for at, n := range want {
		if n != 0 {
			t.Errorf("%d points too few at %v: x %v, y %v", n, at, c.Views[0].X, c.Views[0].Y)
		}
	}
}

func TestMapHasLimit(t *testing.T) {
	p := samplePage(t, 10, maxPoints+1000)
	c := newCloud(p.Map)
	if len(c.Class) != maxPoints || len(c.Views[1].X) != maxPoints || c.All != maxPoints+1000 {
		t.Errorf("%d points of %d", len(c.Class), c.All)
	}
	in := make(map[int]int)
	for _, class := range c.Class {
		in[class]++
	}
	for class := range p.Classes { // 97 each before; five standard deviations below the mean of 81
		if in[class] < 62 {
			t.Errorf("%d points are of class %d", in[class], class)
		}
	}
}

func TestSprite(t *testing.T) {
	for _, c := range []struct{ n, width, height, channels, wantWidth, wantHeight int }{
		{0, 28, 28, 1, 0, 0}, {1, 1, 1, 1, 1, 1}, {40, 28, 28, 1, 28, 28}, {7, 32, 32, 3, 32, 32}, {3, 64, 10, 4, 64, 10},
		{2, 65, 130, 3, 21, 43}, {2, 1, 300, 2, 1, 60}, {9, 20, 20, 5, 20, 20},
	} {
		m := sampleImages(c.n, c.width, c.height, c.channels)
		s, err := NewSprite(m)
		must(t, err)
		if s.Count != c.n || s.Width != c.wantWidth || s.Height != c.wantHeight {
			t.Errorf("%+v: got %d images of %d×%d", c, s.Count, s.Width, s.Height)
		}
		if c.n == 0 {
			continue
		}
		img, err := png.Decode(bytes.NewReader(s.PNG))
		must(t, err)
		if c.width != s.Width || c.height != s.Height {
			continue
		}
		for i := range c.n {
			column, row := s.at(i + 1)
			for y := range s.Height {
				for x := range s.Width {
					at := image.Pt(column*s.Width+x, row*s.Height+y)
					r, _, b, a := img.At(at.X, at.Y).RGBA()
					pixel := m.At(i)[(y*c.width+x)*c.channels:]
					if c.channels == 4 {
						a >>= 8
						if uint8(a) != pixel[3] {
							t.Fatalf("%+v: image %d at (%d, %d) has opacity %d, want %d", c, i, x, y, a, pixel[3])
						}
						continue
					}
					blue := pixel[0]
					if c.channels == 3 {
						blue = pixel[2]
					}
					if uint8(r>>8) != pixel[0] || uint8(b>>8) != blue {
						t.Fatalf("%+v: image %d at (%d, %d) is %d, want %d", c, i, x, y, r>>8, pixel[0])
					}
				}
			}
		}
	}
	shrunk, err := NewSprite(images.Set{Width: 128, Height: 2, Channels: 1, Pixels: slices.Concat(bytes.Repeat([]byte{0, 255}, 64), bytes.Repeat([]byte{255, 255}, 64))})
	must(t, err)
	img, err := png.Decode(bytes.NewReader(shrunk.PNG))
	must(t, err)
	if r, _, _, _ := img.At(5, 0).RGBA(); img.Bounds() != image.Rect(0, 0, 64, 1) || r>>8 != 191 { // 765/4 rounded
		t.Errorf("shrunk to %v, grey %d, want 64×1 of 191", img.Bounds(), r>>8)
	}
	many, err := NewSprite(images.Set{Width: 64, Height: 64, Channels: 1, Pixels: make([]byte, 64*64*1500)})
	must(t, err)
	if many.Width != 32 {
		t.Errorf("1,500 images of 64×64 are shown %d wide, want 32", many.Width)
	}
}

func TestNumbersForPeople(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{number(0), "0"}, {number(-1.23456), "−1.235"}, {number(12345.6), "12,346"}, {number(-999999.4), "−999,999"}, {number(4e-5), "4.00 × 10⁻⁵"}, {number(-2.5e12), "−2.50 × 10¹²"}, {number(1e-10), "1.00 × 10⁻¹⁰"},
		{number(math.NaN()), "–"}, {number(math.Inf(-1)), "–"}, {percent(.7123), "71.2"}, {percent(-.05), "−5.0"}, {percent(math.NaN()), "–"},
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1,000"}, {count(-123456), "−123,456"}, {count(-1234567), "−1,234,567"},
		{bar(math.NaN()), "0"}, {bar(-1), "0"}, {bar(.5), "0.5000"}, {bar(2), "1.0000"}, {glue("1 % of 2 %"), "1\u00a0% of 2\u00a0%"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestBest(t *testing.T) {
	nan := math.NaN()
	table := Table{Columns: []Column{{"high", true, false}, {"low", false, true}}, Rows: []Row{{"a", []float64{.5, 2}}, {"b", []float64{.5, 1}}, {"c", []float64{nan, nan}}}}
	for r, want := range [][]bool{{true, false}, {true, true}, {false, false}} {
		for i := range want {
			if got := table.best(r, i); got != want[i] {
				t.Errorf("row %d, column %d: best is %v", r, i, got)
			}
		}
	}
	table.Rows = table.Rows[:1]
	if table.best(0, 0) {
		t.Error("the only row is the best of its column")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
