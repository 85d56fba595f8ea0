package data

import (
	"fmt"
	"io"
)

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

// short returns the error for data that ended with err at offset at, before the
// offset want.
func short(err error, at, want int64) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return malformed(at, "length of data", "end of file", fmt.Sprintf("%d more bytes", want-at))
	}
	return fmt.Errorf("offset %d: %w", at, err)
}
