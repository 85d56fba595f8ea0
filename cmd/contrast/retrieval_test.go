package main

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/cmd/contrast/internal/run"
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/simd"
)

// rotation returns a random rotation in d dimensions, or one that mirrors: rows at right angles, by
// Gram and Schmidt.
func rotation(r *rand.Rand, d int) simd.Matrix {
	m := simd.NewMatrix(d, d)
	for i := range d {
		x := m.Row(i)
		for j := range x {
			x[j] = float32(r.NormFloat64())
		}
		for k := range i {
			simd.Axpy(x, -simd.Dot(x, m.Row(k)), m.Row(k))
		}
		simd.Scale(x, 1/float32(math.Sqrt(float64(simd.Dot(x, x)))), x)
	}
	return m
}

// Pairs share some directions, up to noise; in the others there is nothing but nuisance, as large.
// The documents are rotated.
const (
	sharedDims = 16
	pairDims   = 96
)

// rotatedPairs writes n pairs to q.npy and k.npy in dir, and returns what the best there is finds:
// the Recall@1 of the shared directions, not rotated.
func rotatedPairs(t *testing.T, r *rand.Rand, rotate simd.Matrix, dir string, n int) (optimum float64) {
	t.Helper()
	q, k, z := simd.NewMatrix(n, pairDims), simd.NewMatrix(n, pairDims), simd.NewMatrix(n, pairDims)
	noise := func() float32 { return float32(r.NormFloat64()) }
	for i := range n {
		for j := range pairDims {
			if j < sharedDims {
				x := noise()
				q.Row(i)[j], k.Row(i)[j] = x+0.35*noise(), x+0.35*noise()
			} else {
				q.Row(i)[j], k.Row(i)[j] = noise(), noise()
			}
		}
	}
	simd.MatMulTransB(z, 1, k, rotate)
	for name, x := range map[string]simd.Matrix{"q.npy": q, "k.npy": z} {
		if err := data.WriteVectors(filepath.Join(dir, name), x); err != nil {
			t.Fatal(err)
		}
	}
	q.Cols, k.Cols = sharedDims, sharedDims
	return eval.Ranking{Queries: q, Gallery: k, At: []int{1}}.Measure().At[0].Recall
}

// Adapters learn to find documents nearly as well as can be, with the defaults, and take the memory
// that was planned.
func TestRetrieval(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	rotate, dir, fresh, out := rotation(r, pairDims), t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "run")
	rotatedPairs(t, r, rotate, dir, 6000)
	optimum := rotatedPairs(t, r, rotate, fresh, 500)

	args := []string{"train", "--pairs", dir + "/q.npy," + dir + "/k.npy", "--out", out, "--json"}
	if testing.Short() {
		args = append(args, "--steps=200", "--lr=0.01")
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), commandVariable+"=1")
	stdout, err := cmd.Output()
	switch {
	case cannotStart(err):
		t.Skip("this system does not run the test binary on its own: ", err)
	case err != nil:
		t.Fatalf("%v: %s", err, err.(*exec.ExitError).Stderr)
	}
	trained := reportOf(t, string(stdout))
	if ratio := float64(trained.PeakBytes) / float64(trained.PlannedBytes); runtime.GOOS == "linux" && !testing.Short() && !(ratio > 0.8 && ratio < 1.2) {
		t.Errorf("%s planned, %s taken", run.Megabytes(trained.PlannedBytes), run.Megabytes(trained.PeakBytes))
	}

	stdout2, stderr := succeed(t, "eval", "--model", out, "--pairs", fresh+"/q.npy,"+fresh+"/k.npy", "--json")
	var s scoreReport
	if err := json.Unmarshal([]byte(stdout2), &s); err != nil {
		t.Fatal(err)
	}
	raw, found := s.Raw.Get("recall@1"), s.Trained.Get("recall@1")
	t.Logf("Recall@1 %.3f, raw %.3f, optimum %.3f; %s taken, %s planned", found, raw, optimum, run.Megabytes(trained.PeakBytes), run.Megabytes(trained.PlannedBytes))
	if s.Samples != 500 || found < 0.9*optimum || raw > 0.1*optimum {
		t.Errorf("Recall@1 is %.3f of %d pairs, raw %.3f, want 0.9 of the best there is, %.3f:\n%s", found, s.Samples, raw, optimum, stderr)
	}
	for _, line := range []string{"500 pairs not trained on", "raw", "Recall@10", "mean reciprocal rank"} {
		if !strings.Contains(stderr, line) {
			t.Errorf("standard error lacks %q:\n%s", line, stderr)
		}
	}
}
