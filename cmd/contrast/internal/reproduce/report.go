package reproduce

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Report is what an experiment found.
type Report struct {
	Experiment string    `json:"experiment"`
	Title      string    `json:"title"`
	Source     string    `json:"source"`
	Claim      string    `json:"claim"`
	Seed       uint64    `json:"seed"`
	Tables     []Table   `json:"tables"`
	Verdicts   []Verdict `json:"verdicts"`
	Notes      []string  `json:"notes"` // how the shape differs from the published one, and what was left out

	panels []panel // of the picture
}

// A Verdict says whether one part of the claim holds here.
type Verdict struct {
	Holds bool   `json:"holds"`
	Says  string `json:"says"`
}

// Holds reports whether all parts of the claim hold.
func (r *Report) Holds() bool {
	for _, v := range r.Verdicts {
		if !v.Holds {
			return false
		}
	}
	return true
}

// Failed returns the texts of the verdicts that do not hold.
func (r *Report) Failed() []string {
	var says []string
	for _, v := range r.Verdicts {
		if !v.Holds {
			says = append(says, v.Says)
		}
	}
	return says
}

func (r *Report) judge(holds bool, format string, args ...any) {
	r.Verdicts = append(r.Verdicts, Verdict{holds, fmt.Sprintf(format, args...)})
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// String returns the report for people.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", r.Title, wrap("claim  ", r.Source+": "+r.Claim))
	for _, t := range r.Tables {
		fmt.Fprintf(&b, "\n%s", t)
	}
	b.WriteByte('\n')
	for _, v := range r.Verdicts {
		word := "holds"
		if !v.Holds {
			word = "FAILS"
		}
		fmt.Fprintf(&b, "%s\n", wrap(word+"  ", v.Says))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "%s\n", wrap("note   ", n))
	}
	return b.String()
}

// wrap breaks text into lines of up to about a hundred characters, the first after head and the
// others indented as far.
func wrap(head, text string) string {
	var b strings.Builder
	indent := utf8.RuneCountInString(head)
	b.WriteString(head)
	at := indent
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case at+1+n > 100:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}

// A Table is a table of a report.
type Table struct {
	Title   string   `json:"title"`
	Columns []string `json:"columns"`
	Rows    [][]Cell `json:"rows"`
}

func (t *Table) add(cells ...Cell) { t.Rows = append(t.Rows, cells) }

// String returns the table with its columns aligned, numbers to the right.
func (t Table) String() string {
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = utf8.RuneCountInString(c)
	}
	left := make([]bool, len(t.Columns))
	for _, row := range t.Rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
			left[i] = left[i] || c.text != "" && !c.number
		}
	}
	var b strings.Builder
	line := func(text func(i int) string) {
		var l strings.Builder
		for i := range t.Columns {
			s := text(i)
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(s))
			if i > 0 {
				l.WriteString("  ")
			}
			if left[i] {
				l.WriteString(s + pad)
			} else {
				l.WriteString(pad + s)
			}
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	fmt.Fprintf(&b, "%s\n", t.Title)
	line(func(i int) string { return t.Columns[i] })
	for _, row := range t.Rows {
		line(func(i int) string { return row[i].text })
	}
	return b.String()
}

// A Cell of a table is a number, a text, or empty.
type Cell struct {
	text   string
	value  float64
	number bool
}

// num returns a number that is shown with so many decimals.
func num(v float64, decimals int) Cell {
	return Cell{strconv.FormatFloat(v, 'f', decimals, 64), v, true}
}

// short returns a number that is shown with so many significant digits.
func short(v float64, digits int) Cell {
	return Cell{strconv.FormatFloat(v, 'g', digits, 64), v, true}
}

func count(n int) Cell { return Cell{thousands(n), float64(n), true} }

func text(s string) Cell { return Cell{text: s} }

// MarshalJSON is called by encoding/json. A number that is not finite is null, as is an empty cell.
func (c Cell) MarshalJSON() ([]byte, error) {
	switch {
	case c.number && !math.IsNaN(c.value) && !math.IsInf(c.value, 0):
		return json.Marshal(c.value)
	case c.number || c.text == "":
		return []byte("null"), nil
	}
	return json.Marshal(c.text)
}

// thousands returns n with a comma before every three digits, if it has more than four.
func thousands(n int) string {
	s := strconv.Itoa(n)
	if n < 10_000 {
		return s
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
