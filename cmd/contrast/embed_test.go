package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/cmd/contrast/internal/run"
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/simd"
)

// What embed writes is what the model makes of the samples.
func TestEmbed(t *testing.T) {
	dir, out := rowFiles(t), t.TempDir()
	rows, images := filepath.Join(out, "rows"), filepath.Join(out, "images")
	succeed(t, smallRows(dir, rows, "--data=DIR/named.csv", "--head=12", "--dim=5")...)
	bars := bars(t)
	succeed(t, small(bars, images)...)

	m, err := nn.ReadModel(filepath.Join(rows, run.ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	q, err := data.ReadVectors(filepath.Join(dir, "q.npy"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		out   string
		flags []string
		see   func(simd.Matrix) simd.Matrix
	}{
		{"z.npy", nil, m.Embed},
		{"z.fvecs", []string{"--workers=3"}, m.Embed},
		{"z.safetensors", []string{"--layer=representation"}, m.Represent},
		{"unit.npy", []string{"--unit"}, func(x simd.Matrix) simd.Matrix {
			z := m.Embed(x)
			simd.NormalizeRows(z, z, make([]float32, z.Rows))
			return z
		}},
	} {
		path := filepath.Join(out, c.out)
		stdout, _ := succeed(t, append([]string{"embed", "--model", rows, "--data", filepath.Join(dir, "q.npy"), "--out", path, "--json"}, c.flags...)...)
		z, err := data.ReadVectors(path)
		if err != nil {
			t.Fatal(err)
		}
		want := c.see(q)
		if z.Rows != want.Rows || z.Cols != want.Cols || !strings.Contains(stdout, `"rows":60,`) {
			t.Fatalf("%s: %d×%d, want %d×%d; %s", c.out, z.Rows, z.Cols, want.Rows, want.Cols, stdout)
		}
		for i := range z.Rows {
			for j, v := range z.Row(i) {
				if v != want.Row(i)[j] {
					t.Fatalf("%s: number %d of row %d is %v, want %v", c.out, j, i, v, want.Row(i)[j])
				}
			}
		}
	}

	// More rows than are seen at a time: each is what it is alone.
	many := simd.NewMatrix(2100, 8)
	for i := range many.Rows {
		copy(many.Row(i), q.Row(i*7%60))
	}
	if err := data.WriteVectors(filepath.Join(out, "many.npy"), many); err != nil {
		t.Fatal(err)
	}
	succeed(t, "embed", "--model", rows, "--data", filepath.Join(out, "many.npy"), "--out", filepath.Join(out, "zmany.npy"))
	z, err := data.ReadVectors(filepath.Join(out, "zmany.npy"))
	if err != nil {
		t.Fatal(err)
	}
	for want, i := m.Embed(q), 0; i < many.Rows; i++ {
		if !slices.Equal(z.Row(i), want.Row(i*7%60)) {
			t.Fatalf("row %d of many is %v, want %v", i, z.Row(i), want.Row(i*7%60))
		}
	}

	path := filepath.Join(out, "pictures.npy")
	succeed(t, "embed", "--model", images, bars, "--out", path)
	if z, err := data.ReadVectors(path); err != nil || z.Rows != 80 || z.Cols != 8 {
		t.Errorf("of images: %d×%d, %v, want 80×8", z.Rows, z.Cols, err)
	}

	// What is wrong is told in a line, and the file that is there stays.
	before := contents(t, out)
	bad := filepath.Join(dir, "bad.npy")
	write(t, bad, []byte(contents(t, dir)[filepath.Join(dir, "q.npy")]))
	b, err := os.ReadFile(bad)
	if err != nil {
		t.Fatal(err)
	}
	copy(b[len(b)-4:], []byte{0, 0, 0xc0, 0x7f})
	write(t, bad, b)
	q60 := filepath.Join(dir, "q.npy")
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--model", rows, "--data", q60, "--out", path}, statusFailed, "exists; --force replaces it"},
		{[]string{"--model", rows, "--data", q60, "--out", "z.txt"}, statusUsage, "ends with .npy, .safetensors, .fvecs"},
		{[]string{"--model", rows, "--data", filepath.Join(dir, "wide.fvecs"), "--out", "z.npy"}, statusFailed, "samples of 10 numbers, want the 8"},
		{[]string{"--model", rows, "--data", "no/such.npy", "--out", "z.npy"}, statusFailed, "no/such.npy"},
		{[]string{"--model", rows, "--data", bad, "--out", path, "--force"}, statusFailed, "NaN"},
		{[]string{"--model", dir, "--data", q60, "--out", "z.npy"}, statusFailed, train.CheckpointFile},
		{[]string{"--model", rows, "--data", q60, "--out", "no/folder/z.npy"}, statusFailed, "no/folder"},
		{[]string{"--model", rows, "--data", q60}, statusUsage, "--out"},
	} {
		status, stdout, stderr := command(append([]string{"embed"}, c.args...)...)
		if status != c.status || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.says) {
			t.Errorf("%v: status %d, stderr %q, want %d and %q", c.args, status, stderr, c.status, c.says)
		}
	}
	for path, content := range contents(t, out) {
		if before[path] != content {
			t.Errorf("%s has changed", path)
		}
	}
}

// A pageReader asks for the page when a text is written that tells of a step, by the address that
// was written before.
type pageReader struct {
	t    *testing.T
	text strings.Builder
	page string
}

func (r *pageReader) Write(p []byte) (int, error) {
	r.text.Write(p)
	_, rest, ok := strings.Cut(r.text.String(), "page     ")
	if url, _, whole := strings.Cut(rest, "\n"); ok && whole && strings.HasPrefix(string(p), "step 30 ") {
		answer, err := http.Get(url)
		if err != nil {
			r.t.Error(err)
			return len(p), nil
		}
		b, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			r.t.Error(err)
		}
		r.page = string(b)
	}
	return len(p), nil
}

// The page is there while training goes on, for this machine alone unless told otherwise.
func TestServe(t *testing.T) {
	dir, out := rowFiles(t), filepath.Join(t.TempDir(), "run")
	r := &pageReader{t: t}
	status := start(context.Background(), smallRows(dir, out, "--data=DIR/named.csv", "--serve=127.0.0.1:0"), io.Discard, r)
	if status != statusOK || !strings.Contains(r.page, "Mean distance, held out") {
		t.Errorf("status %d, the page has %d bytes and no curve:\n%s", status, len(r.page), r.text.String())
	}
	if page := contents(t, out)[filepath.Join(out, run.ReportFile)]; page != "" {
		t.Error("a page was written that nobody asked for")
	}
	for _, c := range []struct {
		flags []string
		says  string
	}{
		{[]string{"--serve=:0"}, "other machines could read the page"},
		{[]string{"--serve=8080"}, "want host:port"},
		{[]string{"--serve-all"}, "--serve-all is for --serve ADDR"},
	} {
		t.Chdir(t.TempDir())
		status, _, stderr := command(smallRows(dir, "run", append(c.flags, "--data=DIR/q.npy")...)...)
		if status == statusOK || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.says) || len(contents(t, ".")) > 0 {
			t.Errorf("%v: status %d, stderr %q, want one line with %q", c.flags, status, stderr, c.says)
		}
	}
}
