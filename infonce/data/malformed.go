package data

import "fmt"

// malformed returns the error for a file that breaks a rule: one line, to be
// wrapped with the format and the name of the file. Text out of the file must
// come quoted.
func malformed(offset int64, rule string, got, want any) error {
	return fmt.Errorf("offset %d: %s: got %v, want %v", offset, rule, got, want)
}

// quoted returns text out of a file as a Go string literal, cut where it is
// longer than an error message should be.
func quoted(s string) string {
	const limit = 64
	if len(s) > limit {
		return fmt.Sprintf("%+q…", s[:limit])
	}
	return fmt.Sprintf("%+q", s)
}
