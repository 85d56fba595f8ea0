package report

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/contrast-go/contrast/infonce/data"
)

// WriteFile writes the page as one file, which replaces the one at path completely or not at all.
// The same page gives the same bytes.
func (p *Page) WriteFile(path string) error {
	r, err := render(p, 0)
	if err != nil {
		return err
	}
	err = data.WriteAtomic(path, func(w io.Writer) error {
		_, err := w.Write(r.html)
		return err
	})
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// A rendered page, with its HTTP headers.
type rendered struct {
	html   []byte
	policy string // the Content-Security-Policy
	tag    string // the ETag: other bytes, other tag
}

//go:embed page
var files embed.FS

var (
	styleText  = read("page.css")
	scriptText = read("number.js", "colour.js", "chart.js", "map.js", "main.js")
	pageHTML   = template.Must(template.New("page.html").Funcs(template.FuncMap{
		"add":     func(a, b int) int { return a + b },
		"bar":     bar,
		"best":    Table.best,
		"count":   count,
		"glue":    glue,
		"number":  number,
		"percent": percent,
	}).Parse(string(read("page.html"))))
)

// read joins files of the page.
func read(names ...string) (text []byte) {
	for _, name := range names {
		b, err := files.ReadFile("page/" + name)
		if err != nil {
			panic(err) // it is embedded above
		}
		text = append(text, b...)
	}
	return text
}

// A view is what the template shows.
type view struct {
	*Page
	Policy         string
	Poll           int64 // milliseconds after which the page asks for news; 0: never
	Style, Sprites template.CSS
	Script, Data   template.JS
	Digests        []digest
	ClassCounts    []int // of the points of the map
}

// render returns the page. With a poll interval, the page asks its own address for news.
func render(p *Page, poll time.Duration) (*rendered, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if !p.Running {
		poll = 0
	}
	// Marshal escapes <, > and &, so that no string can end the script element.
	json, err := json.Marshal(newPayload(p))
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	sprites := p.sprites()
	v := view{
		Page: p, Policy: policy(sprites, poll > 0), Poll: poll.Milliseconds(),
		Style: template.CSS(styleText), Sprites: template.CSS(sprites),
		Script: template.JS(scriptText), Data: template.JS(json),
		ClassCounts: make([]int, len(p.Classes)),
	}
	for _, c := range p.Charts {
		for _, s := range c.Series {
			v.Digests = append(v.Digests, newDigest(c.Title, s))
		}
	}
	for _, q := range p.Map.Points {
		v.ClassCounts[q.Class]++
	}
	var b bytes.Buffer
	if err := pageHTML.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return &rendered{b.Bytes(), v.Policy, strconv.Quote(hash(b.Bytes()))}, nil
}

// policy returns the Content-Security-Policy: nothing but the script and styles of this page, and
// images that are part of it.
func policy(sprites []byte, live bool) string {
	p := fmt.Sprintf("default-src 'none'; script-src 'sha256-%s'; style-src 'sha256-%s' 'sha256-%s'; img-src data:; base-uri 'none'; form-action 'none'",
		hash(scriptText), hash(styleText), hash(sprites))
	if live {
		p += "; connect-src 'self'"
	}
	return p
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// sprites returns the styles that show images: a class for each one that a tile needs, because the
// policy allows no style in an element.
func (p *Page) sprites() []byte {
	s := p.Sprite
	if s.Count == 0 {
		return nil
	}
	var b bytes.Buffer
	k := s.scale()
	fmt.Fprintf(&b, ".image{width:%dpx;height:%dpx;background-image:url(data:image/png;base64,%s);background-size:%dpx auto}",
		k*s.Width, k*s.Height, base64.StdEncoding.EncodeToString(s.PNG), k*s.Width*s.Columns)
	seen := make(map[int]bool)
	for _, strip := range p.Neighbours.Strips {
		for tile := range strip.tiles() {
			if n := tile.Image; n > 0 && !seen[n] {
				seen[n] = true
				column, row := s.at(n)
				fmt.Fprintf(&b, ".i%d{background-position:%dpx %dpx}", n, -k*s.Width*column, -k*s.Height*row)
			}
		}
	}
	return b.Bytes()
}

// A payload is what the script draws.
type payload struct {
	Charts  []graph  `json:"charts"`
	Classes []string `json:"classes"`
	Map     cloud    `json:"map"`
	Image   [3]int   `json:"image"` // shown width and height, columns of the sprite
}

// A graph is a chart as it is drawn.
type graph struct {
	Title  string  `json:"title"`
	Log    bool    `json:"log"`
	Curves []curve `json:"curves"`
}

func newPayload(p *Page) payload {
	k := p.Sprite.scale()
	d := payload{
		Charts: []graph{}, Classes: append([]string{}, p.Classes...), Map: newCloud(p.Map),
		Image: [3]int{k * p.Sprite.Width, k * p.Sprite.Height, p.Sprite.Columns},
	}
	for _, c := range p.Charts {
		g := graph{Title: c.Title, Log: c.Log, Curves: []curve{}}
		for _, s := range c.Series {
			g.Curves = append(g.Curves, newCurve(s))
		}
		d.Charts = append(d.Charts, g)
	}
	return d
}

// best reports whether value i of a row is the best of its column.
func (t Table) best(row, i int) bool {
	if len(t.Rows) < 2 || !finite(t.Rows[row].Values[i]) {
		return false
	}
	for _, r := range t.Rows {
		if v := r.Values[i]; t.Columns[i].Lower && v < t.Rows[row].Values[i] || !t.Columns[i].Lower && v > t.Rows[row].Values[i] {
			return false
		}
	}
	return true
}

// glue keeps percent signs on the same line as their numbers.
func glue(s string) string { return strings.ReplaceAll(s, " %", "\u00a0%") }

// bar returns the width of a bar for a share, of 1.
func bar(v float64) string {
	if !(v > 0) {
		return "0"
	}
	return strconv.FormatFloat(min(v, 1), 'f', 4, 64)
}

// percent shows a share to a tenth of a percent, without the sign.
func percent(v float64) string {
	if !finite(v) {
		return "–"
	}
	return minus(strconv.FormatFloat(100*v, 'f', 1, 64))
}

// number shows four digits, or those before the point.
func number(v float64) string {
	switch a := math.Abs(v); {
	case !finite(v):
		return "–"
	case a != 0 && (a < 1e-3 || a >= 1e6):
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', 2, 64), "e")
		exponent = strings.TrimLeft(strings.TrimPrefix(exponent, "+"), "0")
		exponent = strings.Replace(exponent, "-0", "-", 1)
		return minus(mantissa) + " × 10" + superscripts.Replace(exponent)
	case a >= 1000:
		return count(int(math.Round(v)))
	default:
		return minus(strconv.FormatFloat(v, 'g', 4, 64))
	}
}

var superscripts = strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹")

// minus replaces the hyphen by a minus sign.
func minus(s string) string { return strings.Replace(s, "-", "−", 1) }

// count shows a whole number in groups of three digits.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return minus(s)
}
