package main

import (
	"fmt"
	"math"
	"strings"
)

// A row of a table is what an exam says of a way to see samples.
type row struct {
	name string
	answer
}

// headings are what a table calls figures.
var headings = map[string]string{
	"knn": fmt.Sprintf("kNN (%d)", voters), "recall@1": "Recall@1", "recall@10": "Recall@10", "mrr": "MRR", "map@r": "MAP@R",
	"auc": "AUC", "eer": "EER",
}

// table returns the figures for people, and what question was asked.
func table(question string, rows []row) string {
	const column = 12
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n\n", strings.ToUpper(question[:1])+question[1:])
	first := rows[0].answer
	if first.clean != nil {
		fmt.Fprintf(&b, "%-18s%*s%*s\n", "", column*len(first.eval), "augmented queries", 2+column*len(first.clean), "clean queries")
	}
	line := func(name string, cell func(figure) string, a answer) {
		fmt.Fprintf(&b, "%-18s", name)
		for i, f := range append(a.eval[:len(a.eval):len(a.eval)], a.clean...) {
			if i == len(a.eval) {
				b.WriteString("  ")
			}
			fmt.Fprintf(&b, "%*s", column, cell(f))
		}
		b.WriteByte('\n')
	}
	line("", func(f figure) string { return headings[f.name] }, first)
	for _, r := range rows {
		line(r.name, func(f figure) string { return fmt.Sprintf("%.1f %%", 100*f.value) }, r.answer)
	}
	return b.String()
}

// gain tells in words how two ways to see samples compare, by their first figure.
func gain(raw, trained row, queries string) string {
	f := trained.eval[0]
	points := 100 * (f.value - raw.eval[0].value)
	where := "above"
	if points < 0 {
		where = "below"
	}
	return fmt.Sprintf("By %s the %s is %.1f points %s %s%s.\n", headings[f.name], trained.name, math.Abs(points), where, raw.name, queries)
}
