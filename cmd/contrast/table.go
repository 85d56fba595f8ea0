package main

import (
	"fmt"
	"math"
	"strings"
)

// table returns the figures for people.
func (r *trainReport) table(question string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n\n", strings.ToUpper(question[:1])+question[1:])
	fmt.Fprintf(&b, "%-19s %22s   %20s\n", "", "augmented queries", "clean queries")
	fmt.Fprintf(&b, "%-19s %10s  %10s   %8s  %10s\n", "", fmt.Sprintf("kNN (%d)", voters), "Recall@1", "kNN", "Recall@1")
	for _, row := range []struct {
		name         string
		views, clean figures
	}{
		{"raw pixels", r.Eval.Raw, r.Clean.Raw},
		{"untrained encoder", r.Eval.Untrained, r.Clean.Untrained},
		{"trained encoder", r.Eval.Trained, r.Clean.Trained},
	} {
		fmt.Fprintf(&b, "%-19s %8.1f %%  %8.1f %%   %6.1f %%  %8.1f %%\n", row.name,
			100*row.views.KNN, 100*row.views.Recall, 100*row.clean.KNN, 100*row.clean.Recall)
	}
	gain := 100 * (r.Eval.Trained.KNN - r.Eval.Raw.KNN)
	where := "above"
	if gain < 0 {
		where = "below"
	}
	fmt.Fprintf(&b, "\nBy kNN the trained encoder is %.1f points %s raw pixels on augmented queries.\n", math.Abs(gain), where)
	return b.String()
}
