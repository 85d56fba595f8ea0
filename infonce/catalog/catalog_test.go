package catalog

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the table into the README and the list into the documentation of infonce")

// TestLossesAreAll: each type of package infonce with the method Evaluate has one row.
func TestLossesAreAll(t *testing.T) {
	files, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func \(\w+ \*([A-Z]\w*)\) Evaluate\(`).FindAllSubmatch(text, -1) {
			want = append(want, string(m[1]))
		}
	}
	var got []string
	for _, l := range Losses() {
		got = append(got, l.Name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("rows for %v, want %v", got, want)
	}
}

// TestCasesAreOfTheirLoss: cases have the type of their row, and unique names.
func TestCasesAreOfTheirLoss(t *testing.T) {
	s := Settings{Temperature: 0.1, Margin: 0.3, Scale: 10}
	for _, l := range Losses() {
		cases := l.Cases(s)
		seen := make(map[string]bool)
		for _, c := range slices.Concat(cases, l.Golden, l.Bench) {
			if got := strings.TrimPrefix(fmt.Sprintf("%T", c.New(1)), "*infonce."); got != l.Name {
				t.Errorf("%s is a %s, want a %s", c.Name, got, l.Name)
			}
		}
		for _, c := range cases {
			if seen[c.Name] {
				t.Errorf("%s is there twice", c.Name)
			}
			seen[c.Name] = true
			if c.Oracle == nil {
				t.Errorf("%s has no oracle", c.Name)
			}
		}
		for _, c := range l.Bench {
			if c.Oracle == nil || c.Flops == nil {
				t.Errorf("%s has no oracle or no count of operations", c.Name)
			}
		}
		if l.About == "" || len(l.Uses) == 0 {
			t.Errorf("%s has no text", l.Name)
		}
	}
}

// TestCommands: names are unique, and the address of a temperature is that of the field in use.
func TestCommands(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range Commands() {
		if seen[c.Name] || c.Title == "" {
			t.Errorf("%q is there twice, or has no title", c.Name)
		}
		seen[c.Name] = true
		l, temperature := c.New(Settings{Temperature: 0.25, Margin: 0.5, Workers: 3})
		if temperature != nil && *temperature != 0.25 {
			t.Errorf("%s: temperature %v, want 0.25", c.Name, *temperature)
		}
		if l == nil {
			t.Errorf("%s: no loss", c.Name)
		}
	}
}

// readmeTable returns the table of the README, where neighbours of one title share a row.
func readmeTable() string {
	var rows []Use
	for _, l := range Losses() {
		for _, u := range l.Uses {
			if last := len(rows) - 1; last >= 0 && rows[last].Title == u.Title {
				rows[last].Type += ", " + u.Type
				if !strings.Contains(rows[last].Paper, u.Paper) {
					rows[last].Paper += "; " + u.Paper
				}
				continue
			}
			rows = append(rows, u)
		}
	}
	text := tableHead
	for _, r := range rows {
		text += fmt.Sprintf("| %s | %s | %s | %s |\n", r.Title, r.Type, r.Reads, r.Paper)
	}
	return text
}

const (
	tableHead = "| loss | type | reads | reference |\n|---|---|---|---|\n"
	listHead  = "// The losses:\n//\n"
)

// packageList returns the list in the package documentation, where neighbours with the same text
// share an entry.
func packageList() string {
	losses := Losses()
	text := listHead
	for i := 0; i < len(losses); {
		names, about := "", losses[i].About
		for ; i < len(losses) && losses[i].About == about; i++ {
			if names != "" {
				names += ", "
			}
			names += "[" + losses[i].Name + "]"
		}
		line := "//   -"
		for _, word := range strings.Fields(names + ": " + about + ".") {
			if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > 100 {
				text += line + "\n"
				line = "//    "
			}
			line += " " + word
		}
		text += line + "\n"
	}
	return text
}

// TestTexts: the table in the README and the list in the documentation of package infonce are what
// the catalog prints. -update writes them.
func TestTexts(t *testing.T) {
	for _, c := range []struct {
		file, head, want string
		line             *regexp.Regexp // of what follows the head
	}{
		{"../../README.md", tableHead, readmeTable(), regexp.MustCompile(`^\|`)},
		{"../doc.go", listHead, packageList(), regexp.MustCompile(`^//   `)},
	} {
		text, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, ok := strings.Cut(string(text), c.head)
		if !ok {
			t.Errorf("%s has no %q", c.file, c.head)
			continue
		}
		end := 0
		for line := range strings.Lines(rest) {
			if !c.line.MatchString(line) {
				break
			}
			end += len(line)
		}
		if got := c.head + rest[:end]; got == c.want {
			continue
		}
		if !*update {
			t.Errorf("%s differs from the catalog; go test ./infonce/catalog -update writes it", c.file)
			continue
		}
		if err := os.WriteFile(c.file, []byte(before+c.want+rest[end:]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
