package evaluation

import (
	"fmt"
	"math"
	"strings"
)

// Headings are the names of metrics in a table.
var Headings = map[string]string{
	"knn": fmt.Sprintf("kNN (%d)", Neighbours), "recall@1": "Recall@1", "recall@10": "Recall@10", "mrr": "MRR", "map@r": "MAP@R",
	"auc": "AUC", "eer": "EER",
}

// Table returns the metrics of answers to a question for people.
func Table(question string, rows []Answer) string {
	const column = 12
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n\n", strings.ToUpper(question[:1])+question[1:])
	first := rows[0]
	if first.Clean != nil {
		fmt.Fprintf(&b, "%-18s%*s%*s\n", "", column*len(first.Eval), "augmented queries", 2+column*len(first.Clean), "clean queries")
	}
	line := func(name string, cell func(Metric) string, a Answer) {
		fmt.Fprintf(&b, "%-18s", name)
		for i, f := range append(a.Eval[:len(a.Eval):len(a.Eval)], a.Clean...) {
			if i == len(a.Eval) {
				b.WriteString("  ")
			}
			fmt.Fprintf(&b, "%*s", column, cell(f))
		}
		b.WriteByte('\n')
	}
	line("", func(f Metric) string { return Headings[f.Name] }, first)
	for _, r := range rows {
		line(r.Name, func(f Metric) string { return fmt.Sprintf("%.1f %%", 100*f.Value) }, r)
	}
	return b.String()
}

// Gain tells in words how two answers compare, by their first metric.
func Gain(raw, trained Answer, queries string) string {
	f := trained.Eval[0]
	points := 100 * (f.Value - raw.Eval[0].Value)
	where := "above"
	if points < 0 {
		where = "below"
	}
	return fmt.Sprintf("By %s the %s is %.1f points %s %s%s.\n", Headings[f.Name], trained.Name, math.Abs(points), where, raw.Name, queries)
}
