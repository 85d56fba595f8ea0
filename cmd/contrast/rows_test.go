package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/cmd/contrast/internal/run"
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/simd"
)

// rowFiles writes small files of embeddings to a new folder and returns it: q.npy and k.npy of 8
// and wide.fvecs of 10 numbers, 60 rows each of 6 classes in turn, whose rows lie near each other;
// their classes as labels.txt and inside of named.csv; and triplets.csv.
func rowFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(3, 4))
	center := simd.NewMatrix(6, 10)
	for i := range center.Data {
		center.Data[i] = r.Float32() - 0.5
	}
	var labels, named strings.Builder
	triplets := "anchor,positive,negative\n"
	named.WriteString("label,a,b,c,d,e,f,g,h\n")
	files := map[string]simd.Matrix{"q.npy": simd.NewMatrix(60, 8), "k.npy": simd.NewMatrix(60, 8), "wide.fvecs": simd.NewMatrix(60, 10)}
	for i := range 60 {
		for _, name := range []string{"q.npy", "k.npy", "wide.fvecs"} {
			x := files[name].Row(i)
			for j := range x {
				x[j] = center.Row(i % 6)[j] + (r.Float32()-0.5)/2
			}
		}
		fmt.Fprintf(&labels, "%d\n", 10*(i%6))
		fmt.Fprintf(&named, "class %c", 'a'+i%6)
		for _, v := range files["q.npy"].Row(i) {
			fmt.Fprintf(&named, ",%v", v)
		}
		named.WriteString("\n")
		triplets += fmt.Sprintf("%d,%d,%d\n", i, (i+6)%60, (i+7)%60)
	}
	for name, x := range files {
		if err := data.WriteVectors(filepath.Join(dir, name), x); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "labels.txt"), []byte(labels.String()))
	write(t, filepath.Join(dir, "named.csv"), []byte(named.String()))
	write(t, filepath.Join(dir, "triplets.csv"), []byte(triplets))
	return dir
}

// smallRows is a command line that trains on the files of a folder, named in flags, in a moment.
func smallRows(dir, out string, flags ...string) []string {
	args := []string{"train", "--out", out, "--steps=40", "--checkpoint-every=7", "--json"}
	for _, f := range flags {
		args = append(args, strings.ReplaceAll(f, "DIR", dir))
	}
	return args
}

// Every kind of embeddings is trained on: the same bits for any number of workers and stopped or
// not, with metrics for what is held out.
func TestTrainOnRows(t *testing.T) {
	dir := rowFiles(t)
	for _, c := range []struct {
		name    string
		flags   []string
		data    string
		metrics []string
		learns  string // a metric that is better than that of the embeddings as they are
	}{
		{"pairs", []string{"--pairs=DIR/q.npy,DIR/k.npy"}, "54 pairs to train on; 6 held out", []string{"recall@1", "recall@10", "mrr"}, ""},
		{"pairs of two widths", []string{"--pairs=DIR/q.npy,DIR/wide.fvecs", "--dim=6"}, "54 pairs", []string{"recall@1", "recall@10", "mrr"}, ""},
		{"pairs by one encoder", []string{"--pairs=DIR/q.npy,DIR/wide.fvecs", "--shared", "--loss=moco", "--queue=20"}, "54 pairs", []string{"recall@1", "recall@10", "mrr"}, ""},
		{"labels", []string{"--data=DIR/q.npy", "--labels=DIR/labels.txt", "--holdout=0.3"}, "42 embeddings to train on; 18 held out; of", []string{"knn", "recall@1", "map@r", "auc", "eer"}, "map@r"},
		{"labels inside", []string{"--data=DIR/named.csv", "--holdout=0.3", "--hidden=16", "--activation=gelu"}, ", 8 numbers each, 6 classes", []string{"knn", "recall@1", "map@r", "auc", "eer"}, "map@r"},
		{"unseen classes", []string{"--data=DIR/named.csv", "--holdout=0.4", "--split=classes", "--loss=triplet-all"}, "40 embeddings to train on; 20 held out", []string{"recall@1", "map@r", "auc", "eer"}, ""},
		{"supervised", []string{"--data=DIR/named.csv", "--loss=ntxent", "--supervised", "--distinct", "--batch=6"}, "", []string{"knn", "recall@1", "map@r", "auc", "eer"}, ""},
		{"views", []string{"--data=DIR/wide.fvecs", "--head=12,6", "--dim=5", "--arch=mlp"}, "54 embeddings to train on", []string{"recall@1", "recall@10", "mrr"}, ""},
		{"triplets", []string{"--data=DIR/q.npy", "--triplets=DIR/triplets.csv"}, "54 triplets to train on; 6 held out", []string{"recall@1", "recall@10", "mrr"}, ""},
		{"hard negatives", []string{"--data=DIR/q.npy", "--triplets=DIR/triplets.csv", "--loss=infonce", "--learn-temperature", "--temperature=0.1"}, "54 triplets", []string{"recall@1", "recall@10", "mrr"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			straight := filepath.Join(t.TempDir(), "straight")
			stdout, stderr := succeed(t, smallRows(dir, straight, append(c.flags, "--workers=1", "--report")...)...)
			want := reportOf(t, stdout)
			if !strings.Contains(stderr, c.data) {
				t.Errorf("standard error lacks %q:\n%s", c.data, stderr)
			}
			var names []string
			for _, f := range want.Eval.Trained {
				names = append(names, f.Name)
				if !(f.Value >= 0 && f.Value <= 1) {
					t.Errorf("%s is %v, want a share", f.Name, f.Value)
				}
			}
			if !slices.Equal(names, c.metrics) {
				t.Errorf("metrics are %v, want %v", names, c.metrics)
			}
			if c.learns != "" {
				if raw, trained := want.Eval.Raw.Get(c.learns), want.Eval.Trained.Get(c.learns); trained <= raw {
					t.Errorf("%s is %v, of embeddings as they are %v, want more", c.learns, trained, raw)
				}
			}
			if page, two := contents(t, straight)[filepath.Join(straight, run.ReportFile)], strings.Contains(c.flags[0], ",DIR/wide.fvecs"); strings.Contains(page, "raw embeddings") == two || len(want.Eval.Raw) == 0 != two {
				t.Error("the embeddings as they are: in the page or in the report where they can not be compared, or not where they can")
			}
			stopped := filepath.Join(t.TempDir(), "stopped")
			stopAt("step 18 of 40", smallRows(dir, stopped, append(c.flags, "--workers=3")...)...)
			stdout, _ = succeed(t, "train", "--resume", "--out", stopped, "--json")
			got := reportOf(t, stdout)
			got.Seconds, got.Out, got.PeakBytes, got.PlannedBytes = want.Seconds, want.Out, want.PeakBytes, want.PlannedBytes
			if !reflect.DeepEqual(got, want) {
				t.Errorf("resumed: %+v\nstraight: %+v", got, want)
			}

			stdout, _ = succeed(t, "eval", "--model", straight, "--json")
			var r scoreReport
			if err := json.Unmarshal([]byte(stdout), &r); err != nil {
				t.Fatal(err)
			}
			for _, f := range want.Eval.Trained {
				if got := r.Trained.Get(f.Name); got != f.Value {
					t.Errorf("eval says that %s is %v, train %v", f.Name, got, f.Value)
				}
			}
		})
	}
}

// What eval is given is measured whole, unless the run has trained on it.
func TestEvalOfOtherRows(t *testing.T) {
	dir, other, out := rowFiles(t), rowFiles(t), filepath.Join(t.TempDir(), "run")
	q, err := data.ReadVectors(filepath.Join(other, "q.npy"))
	if err != nil {
		t.Fatal(err)
	}
	q.Data[0]++
	if err := data.WriteVectors(filepath.Join(other, "q.npy"), q); err != nil {
		t.Fatal(err)
	}
	succeed(t, smallRows(dir, out, "--pairs=DIR/q.npy,DIR/k.npy")...)
	for _, c := range []struct {
		flag string
		want int
	}{
		{"--pairs=" + dir + "/q.npy," + dir + "/k.npy", 6},
		{"--pairs=" + other + "/q.npy," + other + "/k.npy", 60},
		{"--data=" + other + "/q.npy", 60},
		{"--data=" + other + "/named.csv", 60},
		{"--limit=3", 3},
	} {
		stdout, stderr := succeed(t, "eval", "--model", out, "--json", c.flag)
		var r scoreReport
		if err := json.Unmarshal([]byte(stdout), &r); err != nil {
			t.Fatal(err)
		}
		if r.Samples != c.want || len(r.Raw) == 0 || len(r.Trained) != len(r.Raw) {
			t.Errorf("%s: %d samples, want %d:\n%s", c.flag, r.Samples, c.want, stderr)
		}
	}
	succeed(t, "eval", "--model", out, "--data", filepath.Join(other, "q.npy"), "--labels", filepath.Join(other, "labels.txt"))
}

// Names of files may have what lists are made of.
func TestPairsOfOddNames(t *testing.T) {
	from, dir := rowFiles(t), filepath.Join(t.TempDir(), "a, b")
	if err := os.Rename(from, dir); err != nil {
		t.Fatal(err)
	}
	config, out := filepath.Join(dir, "config.json"), filepath.Join(dir, "run")
	names, err := json.Marshal([]string{filepath.Join(dir, "q.npy"), filepath.Join(dir, "k.npy")})
	if err != nil {
		t.Fatal(err)
	}
	write(t, config, []byte(`{"pairs": `+string(names)+`, "steps": 20}`))
	stopAt("step 10 of 20", "train", "--config", config, "--out", out)
	succeed(t, "train", "--resume", "--out", out)
	succeed(t, "eval", "--model", out)
	escaped := strings.ReplaceAll(dir, ",", `\,`)
	succeed(t, "eval", "--model", out, "--pairs", escaped+"/q.npy,"+escaped+"/k.npy")
}

// Documents that belong to several queries are found by each, and are no negatives of theirs.
func TestPairsOfSameDocuments(t *testing.T) {
	dir, out := rowFiles(t), filepath.Join(t.TempDir(), "run")
	k, err := data.ReadVectors(filepath.Join(dir, "k.npy"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range k.Rows {
		copy(k.Row(i), k.Row(i%6))
	}
	if err := data.WriteVectors(filepath.Join(dir, "k.npy"), k); err != nil {
		t.Fatal(err)
	}
	stdout, stderr := succeed(t, smallRows(dir, out, "--pairs=DIR/q.npy,DIR/k.npy", "--holdout=0.3", "--steps=100")...)
	r := reportOf(t, stdout)
	if !strings.Contains(stderr, "with 6 different documents to train on") || !strings.Contains(stderr, "100 steps of 4 samples") {
		t.Errorf("the heading does not tell of the documents:\n%s", stderr)
	}
	if found := r.Eval.Trained.Get("recall@1"); found < 0.9 { // if only the document beside it counted, a third
		t.Errorf("Recall@1 is %v, want nearly all of 18 queries to find one of 6 documents:\n%s", found, stderr)
	}
}

// Bad embeddings are one line on standard error, and nothing is written.
func TestTrainRefusesBadRows(t *testing.T) {
	dir := rowFiles(t)
	write(t, filepath.Join(dir, "short.npy"), []byte(contents(t, dir)[filepath.Join(dir, "q.npy")][:500]))
	write(t, filepath.Join(dir, "few.txt"), []byte("1\n2\n"))
	write(t, filepath.Join(dir, "far.csv"), []byte("1,2,60\n"))
	if err := data.WriteVectors(filepath.Join(dir, "one.npy"), simd.NewMatrix(1, 8)); err != nil {
		t.Fatal(err)
	}
	nan := []byte(contents(t, dir)[filepath.Join(dir, "k.npy")])
	copy(nan[len(nan)-4:], []byte{0, 0, 0xc0, 0x7f})
	write(t, filepath.Join(dir, "nan.npy"), nan)
	for _, c := range []struct {
		flags []string
		says  string
	}{
		{[]string{"--pairs=DIR/q.npy,DIR/nan.npy"}, "number of row 59, column 7: got NaN"},
		{[]string{"--data=no/such"}, "--data: no/such: no such file or folder; want glyphs, a folder of images, or a file of embeddings"},
		{[]string{"--data=DIR/labels.txt"}, "want one of .npy"},
		{[]string{"--data=DIR/short.npy"}, "short.npy"},
		{[]string{"--pairs=DIR/q.npy,DIR/none.npy"}, "none.npy"},
		{[]string{"--pairs=DIR/q.npy,DIR/one.npy"}, "q.npy has 60 rows and " + dir + "/one.npy 1, want as many"},
		{[]string{"--pairs=DIR/q.npy,DIR/k.npy", "--data=DIR/q.npy"}, "--data and --pairs: want one of them"},
		{[]string{"--pairs=DIR/q.npy,DIR/k.npy", "--loss=supcon"}, "--loss supcon reads labels, which pairs do not have"},
		{[]string{"--pairs=DIR/q.npy,DIR/k.npy", "--supervised"}, "which pairs do not have"},
		{[]string{"--pairs=DIR/q.npy,DIR/k.npy", "--chunk=7"}, "chunk is 7, want 0"},
		{[]string{"--pairs=DIR/q.npy,DIR/k.npy", "--loss=moco"}, "--loss moco needs one encoder for both sides of --pairs: --shared"},
		{[]string{"--data=DIR/q.npy", "--shared"}, "--shared is for --pairs"},
		{[]string{"--data=DIR/q.npy", "--arch=cnn"}, "--arch cnn is for images"},
		{[]string{"--data=DIR/q.npy", "--norm=batch"}, "--norm is for --arch cnn"},
		{[]string{"--pairs=DIR/q.npy,DIR/k.npy", "--split=classes"}, "--split classes is for samples with labels"},
		{[]string{"--pairs=DIR/q.npy,DIR/k.npy", "--batch=55"}, "--batch is 55, want at most 54"},
		{[]string{"--pairs=DIR/q.npy,DIR/k.npy", "--dim=4", "--residual"}, "--dim is 4, want 8"},
		{[]string{"--pairs=DIR/q.npy,DIR/k.npy", "--augment=rotation=1"}, `got "rotation", want some of noise, dropout, crop`},
		{[]string{"--pairs=DIR/q.npy,DIR/k.npy", "--image-size=8x8"}, "--image-size is for images"},
		{[]string{"--data=DIR/one.npy"}, "--holdout: 1 embeddings to train on and 0 held out, want some of both"},
		{[]string{"--data=DIR/q.npy", "--holdout=0"}, "60 embeddings to train on and 0 held out"},
		{[]string{"--data=DIR/q.npy", "--loss=supcon"}, "has no classes, which --loss supcon"},
		{[]string{"--data=DIR/q.npy", "--split=classes"}, "--split classes: "},
		{[]string{"--data=DIR/q.npy", "--labels=DIR/few.txt"}, "few.txt has 2 labels, want one for each of the 60 rows"},
		{[]string{"--data=DIR/q.npy", "--labels=DIR/q.npy"}, "--labels: "},
		{[]string{"--data=DIR/q.npy", "--triplets=DIR/far.csv"}, "triplet 0 names row 60, want less than 60"},
		{[]string{"--data=DIR/q.npy", "--triplets=DIR/labels.txt"}, "--triplets: "},
		{[]string{"--data=DIR/q.npy", "--triplets=DIR/triplets.csv", "--loss=clip"}, "--loss clip is not for triplets; want triplet or infonce"},
		{[]string{"--data=DIR/q.npy", "--triplets=DIR/triplets.csv", "--views=3"}, "--views"},
	} {
		t.Run(strings.Join(c.flags, " "), func(t *testing.T) {
			t.Chdir(t.TempDir())
			before := contents(t, dir)
			status, stdout, stderr := command(smallRows(dir, "run", c.flags...)...)
			if status != statusFailed && status != statusUsage || !strings.Contains(stderr, c.says) || !strings.HasPrefix(stderr, "contrast: ") {
				t.Errorf("status %d, stderr %q, want status 1 or 2 and %q", status, stderr, c.says)
			}
			if stdout != "" || strings.Count(stderr, "\n") != 1 {
				t.Errorf("stdout %q, stderr %q, want one line on stderr", stdout, stderr)
			}
			if !maps.Equal(before, contents(t, dir)) || len(contents(t, ".")) > 0 {
				t.Error("files were written")
			}
		})
	}
}

// A run on rows is not resumed on others under the same names.
func TestResumeRefusesOtherRows(t *testing.T) {
	dir, out := rowFiles(t), filepath.Join(t.TempDir(), "run")
	stopAt("step 18 of 40", smallRows(dir, out, "--pairs=DIR/q.npy,DIR/k.npy")...)
	k, err := data.ReadVectors(filepath.Join(dir, "k.npy"))
	if err != nil {
		t.Fatal(err)
	}
	k.Data[len(k.Data)-1]++
	if err := data.WriteVectors(filepath.Join(dir, "k.npy"), k); err != nil {
		t.Fatal(err)
	}
	status, _, stderr := command("train", "--resume", "--out", out)
	if status != statusFailed || !strings.Contains(stderr, "config: got") {
		t.Errorf("status %d, stderr %q", status, stderr)
	}
	if _, err := train.ReadCheckpoint(filepath.Join(out, train.CheckpointFile)); err != nil {
		t.Error(err)
	}
}
