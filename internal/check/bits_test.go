package check

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// A recorder stands in for a test that may fail: it keeps the arguments of Errorf.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestSameBits(t *testing.T) {
	var (
		zero = float32(0)
		neg  = float32(math.Copysign(0, -1))
		qnan = math.Float32frombits(0x7fc00000)
		pnan = math.Float32frombits(0xffc12345)
	)
	for _, c := range []struct {
		name      string
		got, want []float32
		message   string // part of it; empty where the two are the same
	}{
		{"empty", nil, []float32{}, ""},
		{"equal", []float32{1, neg}, []float32{1, neg}, ""},
		{"any NaN", []float32{qnan, pnan}, []float32{pnan, qnan}, ""},
		{"length", []float32{1}, []float32{1, 2}, "1 elements, want 2"},
		{"sign of zero", []float32{1, zero, 3}, []float32{1, neg, 4}, "x[1] = 0x00000000 (0), want 0x80000000 (-0); 2 of 3 differ"},
		{"last bit", []float32{1}, []float32{math.Nextafter32(1, 2)}, "x[0] = 0x3f800000 (1), want 0x3f800001"},
		{"NaN for a number", []float32{qnan}, []float32{1}, "x[0] = 0x7fc00000 (NaN), want 0x3f800000"},
		{"number for a NaN", []float32{1}, []float32{qnan}, "x[0] = 0x3f800000"},
	} {
		var r recorder
		SameBits(&r, "x", c.got, c.want)
		got := strings.Join(r.errors, "\n")
		if (got == "") != (c.message == "") || !strings.Contains(got, c.message) {
			t.Errorf("%s: reported %q, want %q", c.name, got, c.message)
		}
	}
}
