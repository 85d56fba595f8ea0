package eval

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
	"github.com/contrast-go/contrast/simd"
)

// naiveVerify is Verify by the definitions: pairs against pairs, and every threshold tried on all
// pairs.
func naiveVerify(scores []float32, same []bool, far []float64) Verification {
	var v Verification
	accepted := func(i int, threshold float64) bool {
		if s := float64(scores[i]); s-s == 0 {
			return s >= threshold
		}
		return !same[i]
	}
	rank := func(i int) float64 { // as the comparison of pairs sees it
		if s := float64(scores[i]); s-s == 0 {
			return s
		}
		return math.Inf(map[bool]int{true: -1, false: 1}[same[i]])
	}
	won, lost := 0.0, 0.0
	var distinct []float64
	for i := range scores {
		if scores[i]-scores[i] != 0 {
			v.NotFinite++
		} else {
			distinct = append(distinct, float64(scores[i]))
		}
		if !same[i] {
			v.Different++
			continue
		}
		v.Same++
		for j := range scores {
			switch {
			case same[j]:
			case rank(i) > rank(j):
				won++
			case rank(i) == rank(j):
				won += 0.5
				lost += 0.5
			default:
				lost++
			}
		}
	}
	v.AUC = won / (won + lost)

	slices.Sort(distinct)
	distinct = slices.Compact(distinct)
	slices.Reverse(distinct)
	thresholds := []float64{0}
	if len(distinct) > 0 {
		thresholds[0] = math.Nextafter(distinct[0], math.Inf(1))
	}
	for i, d := range distinct {
		if i+1 < len(distinct) {
			d = (d + distinct[i+1]) / 2
		}
		thresholds = append(thresholds, d)
	}
	v.EER, v.At = -1, make([]Acceptance, len(far))
	var lastFAR, lastFRR float64
	for k, th := range thresholds {
		tp, fp := 0, 0
		for i := range scores {
			switch {
			case accepted(i, th) && same[i]:
				tp++
			case accepted(i, th):
				fp++
			}
		}
		if right := float64(tp+v.Different-fp) / float64(len(scores)); k == 0 || right > v.Accuracy {
			v.Accuracy, v.Threshold = right, th
		}
		fa, fr := float64(fp)/float64(v.Different), 1-float64(tp)/float64(v.Same)
		if v.EER < 0 && fp*v.Same >= (v.Same-tp)*v.Different {
			v.EER, v.EERThreshold = fa, th
			if k > 0 {
				v.EER = lastFAR + (fa-lastFAR)*(lastFRR-lastFAR)/(lastFRR-lastFAR+fa-fr)
			}
		}
		lastFAR, lastFRR = fa, fr
		for i, f := range far {
			if k == 0 || fa <= f {
				low, high := wilson(tp, v.Same)
				v.At[i] = Acceptance{f, float64(tp) / float64(v.Same), low, high, th, tp, fp, f*float64(v.Different) < 1}
			}
		}
	}
	return v
}

func sameVerification(t *testing.T, name string, got, want Verification) {
	t.Helper()
	for _, f := range [][2]*float64{{&got.AUC, &want.AUC}, {&got.EER, &want.EER}} {
		if !(math.Abs(*f[0]-*f[1]) <= 1e-14) {
			t.Errorf("%s: AUC and EER are %v and %v, want %v and %v", name, got.AUC, got.EER, want.AUC, want.EER)
		}
		*f[0] = *f[1]
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got\n%+v, want\n%+v", name, got, want)
	}
}

func TestVerifyAgreesWithTheDefinitions(t *testing.T) {
	r := check.NewRand(21)
	far := []float64{0.5, 0.1, 0.01, 0, 1, 0.29}
	for n := 2; n < 250; n += 1 + n/8 {
		for _, c := range []struct {
			name   string
			scores []float32
		}{
			{"normal", r.Normals32(n)},
			{"many ties", r.SmallInts(n, 3)},
			{"all ties", make([]float32, n)},
			{"all bit patterns", r.Bits32(n)},
			{"nothing finite", slices.Repeat([]float32{float32(math.NaN())}, n)},
		} {
			same := make([]bool, n)
			for i := range same {
				same[i] = r.IntN(3) == 0
				if same[i] && c.name == "normal" {
					c.scores[i]++
				}
			}
			same[0], same[1] = true, false
			got, err := Verify(c.scores, same, far)
			if err != nil {
				t.Fatal(err)
			}
			sameVerification(t, c.name, got, naiveVerify(c.scores, same, far))
		}
	}
}

func TestVerifyKnownCases(t *testing.T) {
	nan := float32(math.NaN())
	const T, F = true, false
	for _, c := range []struct {
		name         string
		scores       []float32
		same         []bool
		auc, eer     float64
		accuracy     float64
		threshold    float64
		tar          float64 // at FAR 0.5
		falseAccepts int
	}{
		{"told apart", []float32{4, 3, 2, 1}, []bool{T, T, F, F}, 1, 0, 1, 2.5, 1, 1},
		{"the wrong way", []float32{4, 3, 2, 1}, []bool{F, F, T, T}, 0, 1, 0.5, math.Nextafter(4, 5), 0, 1},
		{"alternate", []float32{4, 3, 2, 1}, []bool{T, F, T, F}, 0.75, 0.5, 0.75, 3.5, 1, 1},
		{"all tie", []float32{2, 2, 2, 2}, []bool{T, F, T, F}, 0.5, 0.5, 0.5, math.Nextafter(2, 3), 0, 0},
		{"all tie, more are same", []float32{2, 2, 2, 2}, []bool{T, T, T, F}, 0.5, 0.5, 0.75, 2, 0, 0},
		// Of four comparisons two are won and one is even.
		{"one tie", []float32{3, 2, 2, 1}, []bool{T, T, F, F}, 0.875, 0.25, 0.75, 2.5, 1, 1},
		// The NaN of a same pair is below, that of a different one above everything.
		{"same is NaN", []float32{nan, 3, 2, 1}, []bool{T, T, F, F}, 0.5, 0.5, 0.75, 2.5, 0.5, 1},
		{"different is NaN", []float32{4, 3, nan, 1}, []bool{T, T, F, F}, 0.5, 0.5, 0.75, 2, 1, 1},
	} {
		v, err := Verify(c.scores, c.same, []float64{0.5})
		if err != nil {
			t.Fatal(err)
		}
		got := []float64{v.AUC, v.EER, v.Accuracy, v.Threshold, v.At[0].TAR, float64(v.At[0].FalseAccepts)}
		want := []float64{c.auc, c.eer, c.accuracy, c.threshold, c.tar, float64(c.falseAccepts)}
		if !slices.Equal(got, want) {
			t.Errorf("%s: AUC, EER, accuracy, threshold, TAR, false accepts %v, want %v", c.name, got, want)
		}
	}
}

// Two normal distributions of distance δ: AUC = Φ(δ/√2), and EER = Φ(−δ/2).
func TestVerifyNormalScores(t *testing.T) {
	const n, delta = 200000, 2.0
	r := check.NewRand(22)
	scores, same := r.Normals32(2*n), make([]bool, 2*n)
	for i := range n {
		scores[i] += delta
		same[i] = true
	}
	v, err := Verify(scores, same, nil)
	if err != nil {
		t.Fatal(err)
	}
	phi := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	// Four standard errors, and the numbers are but nearly normal.
	if want := phi(delta / math.Sqrt2); math.Abs(v.AUC-want) > 0.003 {
		t.Errorf("AUC is %v, want %v", v.AUC, want)
	}
	if want := phi(-delta / 2); math.Abs(v.EER-want) > 0.005 {
		t.Errorf("EER is %v, want %v", v.EER, want)
	}
	if math.Abs(v.EERThreshold-delta/2) > 0.02 || math.Abs(v.Threshold-delta/2) > 0.1 {
		t.Errorf("thresholds %v and %v, want %v", v.EERThreshold, v.Threshold, delta/2)
	}
}

func TestVerifySaysWhenDifferentPairsAreTooFew(t *testing.T) {
	scores, same := make([]float32, 101), make([]bool, 101)
	scores[0], same[0] = 1, true
	v, err := Verify(scores, same, []float64{0.02, 0.01, 0.0099, 0})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{false, false, true, true} {
		if v.At[i].TooFew != want {
			t.Errorf("FAR %v of %d different pairs: too few is %v", v.At[i].FAR, v.Different, v.At[i].TooFew)
		}
	}
}

// The ends are where the share that was seen is 1.96 standard errors of the end from it: the
// equation that they solve.
func TestWilson(t *testing.T) {
	const z = 1.959963984540054
	for _, c := range [][2]int{{0, 1}, {1, 1}, {0, 10}, {10, 10}, {1, 10}, {5, 10}, {81, 263}, {999_999, 1_000_000}} {
		k, n := float64(c[0]), float64(c[1])
		low, high := wilson(c[0], c[1])
		if !(0 <= low && low <= k/n && k/n <= high && high <= 1 && low < high) {
			t.Errorf("%v of %v: from %v to %v", k, n, low, high)
		}
		for _, end := range []float64{low, high} {
			if off := math.Abs(k/n-end) - z*math.Sqrt(end*(1-end)/n); math.Abs(off) > 1e-9 {
				t.Errorf("%v of %v: the end %v is off by %v", k, n, end, off)
			}
		}
	}
	// Newcombe 1998, table I, method 3.
	if low, high := wilson(81, 263); math.Abs(low-0.2553) > 5e-5 || math.Abs(high-0.3662) > 5e-5 {
		t.Errorf("81 of 263: from %.4f to %.4f, want 0.2553 to 0.3662", low, high)
	}
}

func TestVerifyErrors(t *testing.T) {
	for _, c := range []struct {
		scores []float32
		same   []bool
		far    []float64
		want   string
	}{
		{nil, nil, nil, "eval.Verify: 0 same and 0 different pairs: both kinds are needed"},
		{[]float32{1, 2}, []bool{true, true}, nil, "eval.Verify: 2 same and 0 different pairs: both kinds are needed"},
		{[]float32{1, 2}, []bool{false, false}, nil, "eval.Verify: 0 same and 2 different pairs: both kinds are needed"},
		{[]float32{1, 2}, []bool{false, true}, []float64{1.5}, "eval.Verify: FAR is 1.5, want a number between 0 and 1"},
		{[]float32{1, 2}, []bool{false, true}, []float64{math.NaN()}, "eval.Verify: FAR is NaN, want a number between 0 and 1"},
	} {
		if _, err := Verify(c.scores, c.same, c.far); err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
	if got, want := panicOf(func() { Verify(make([]float32, 2), nil, nil) }), "eval.Verify: same is of length 0, want of length 2"; got != want {
		t.Errorf("panic %q, want %q", got, want)
	}
	if got, want := panicOf(func() { VerifyFolds(make([]float32, 2), nil, 2) }), "eval.VerifyFolds: same is of length 0, want of length 2"; got != want {
		t.Errorf("panic %q, want %q", got, want)
	}
	for _, folds := range []int{0, 1, 3} {
		if _, err := VerifyFolds(make([]float32, 4), []bool{true, false, true, false}, folds); err == nil {
			t.Errorf("%d folds of two pairs of a kind: no error", folds)
		}
	}
}

// Every figure is a number, whatever the scores, so that it can be written as JSON.
func TestVerificationIsJSON(t *testing.T) {
	r := check.NewRand(23)
	for range 50 {
		scores, same := r.Bits32(40), make([]bool, 40)
		for i := range same {
			same[i] = i%2 == 0
		}
		scores[0] = math.MaxFloat32
		v, err := Verify(scores, same, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := json.Marshal(v); err != nil {
			t.Fatalf("%v: %+v", err, v)
		}
	}
}

func TestVerifyFolds(t *testing.T) {
	// In the order of Labeled Faces in the Wild: of each fold first the same pairs, then the
	// different ones.
	var scores []float32
	var same []bool
	for fold := range 4 {
		for i := range 6 {
			same = append(same, i < 3)
			s := float32(10)
			if i >= 3 {
				s = 0
			}
			if fold == 2 { // this fold alone needs another threshold
				s += 20
			}
			scores = append(scores, s)
		}
	}
	r, err := VerifyFolds(scores, same, 4)
	if err != nil {
		t.Fatal(err)
	}
	// For fold 2 the others say 5, and its different pairs are accepted. For the others the pairs
	// at 0 and 10 outweigh fold 2.
	if want := []float64{1, 1, 0.5, 1}; !slices.Equal(r.Accuracies, want) {
		t.Errorf("accuracies %v, want %v", r.Accuracies, want)
	}
	if want := []float64{5, 5, 5, 5}; !slices.Equal(r.Thresholds, want) {
		t.Errorf("thresholds %v, want %v", r.Thresholds, want)
	}
	// The deviations are ⅛, ⅛, −⅜, ⅛: √((3/64 + 9/64)/3)/2 = ⅛.
	if r.Accuracy != 0.875 || r.StdErr != 0.125 {
		t.Errorf("accuracy %v ± %v, want 0.875 ± 0.125", r.Accuracy, r.StdErr)
	}

	// The same pairs, all of a kind together, fall into the same folds.
	byKind := func(kind bool) (s []float32) {
		for i, v := range scores {
			if same[i] == kind {
				s = append(s, v)
			}
		}
		return s
	}
	ordered := slices.Concat(slices.Repeat([]bool{true}, 12), slices.Repeat([]bool{false}, 12))
	other, err := VerifyFolds(slices.Concat(byKind(true), byKind(false)), ordered, 4)
	if err != nil || !reflect.DeepEqual(other, r) {
		t.Errorf("ordered by kind: %+v (%v), want %+v", other, err, r)
	}
}

func TestVerifyFoldsCountsWhatIsNotFiniteAsWrong(t *testing.T) {
	scores, same := make([]float32, 20), make([]bool, 20)
	for i := range scores {
		same[i] = i%2 == 0
		if same[i] {
			scores[i] = 1
		}
	}
	scores[0], scores[19] = float32(math.NaN()), float32(math.NaN())
	r, err := VerifyFolds(scores, same, 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float64{0.5, 1, 1, 1, 1, 1, 1, 1, 1, 0.5}; !slices.Equal(r.Accuracies, want) {
		t.Errorf("accuracies %v, want %v", r.Accuracies, want)
	}
}

func TestAllPairs(t *testing.T) {
	got := AllPairs([]int{5, 7, 5})
	if want := (Pairs{[]int{0, 0, 1}, []int{1, 2, 2}, []bool{false, true, false}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for n := range 2 {
		if got := AllPairs(make([]int, n)); len(got.A)+len(got.B)+len(got.Same) != 0 {
			t.Errorf("%d rows: %v", n, got)
		}
	}
}

// Asked for more than there are, a sample is all pairs, each once.
func TestSamplePairsOfAll(t *testing.T) {
	r := check.NewRand(24)
	for _, labels := range [][]int{nil, {1}, {1, 1}, {1, 2}, {3, 3, 3, 3}, {4, 3, 2, 1}, {1, 2, 2, 2, 2, 2}, labelsOf(r, 40, 5), labelsOf(r, 30, 100)} {
		all := AllPairs(labels)
		got := SamplePairs(labels, len(all.A)+1, 1)
		seen := make(map[[2]int]bool)
		for i, a := range got.A {
			b := got.B[i]
			if a >= b || got.Same[i] != (labels[a] == labels[b]) || seen[[2]int{a, b}] {
				t.Fatalf("labels %v: pair (%d, %d), same %v", labels, a, b, got.Same[i])
			}
			seen[[2]int{a, b}] = true
			if i > 0 && got.Same[i] && !got.Same[i-1] {
				t.Fatalf("labels %v: a same pair behind a different one", labels)
			}
		}
		if len(seen) != len(all.A) {
			t.Errorf("labels %v: %d pairs, want %d", labels, len(seen), len(all.A))
		}
	}
}

func TestSamplePairsIsSeededAndUniform(t *testing.T) {
	labels := []int{1, 2, 1, 3, 1, 2} // 4 same and 11 different pairs
	if a, b := SamplePairs(labels, 3, 8), SamplePairs(labels, 3, 8); !reflect.DeepEqual(a, b) {
		t.Errorf("one seed gives %v and %v", a, b)
	}
	const trials = 20000
	counts := make(map[[3]int]int)
	for seed := range uint64(trials) {
		p := SamplePairs(labels, 2, seed)
		if len(p.A) != 4 {
			t.Fatalf("seed %d: %d pairs, want 2 of each kind", seed, len(p.A))
		}
		for i := range p.A {
			kind := 4
			if !p.Same[i] {
				kind = 11
			}
			counts[[3]int{kind, p.A[i], p.B[i]}]++
		}
	}
	if len(counts) != 15 {
		t.Fatalf("%d pairs came, want all 15", len(counts))
	}
	for pair, count := range counts {
		p := 2 / float64(pair[0])
		if mean := trials * p; math.Abs(float64(count)-mean) > 5*math.Sqrt(mean*(1-p)) {
			t.Errorf("pair %v came %d times, want about %.0f", pair[1:], count, mean)
		}
	}
}

func TestPairScores(t *testing.T) {
	r := check.NewRand(25)
	x := random(r, 60, 13)
	clear(x.Row(7))
	p := AllPairs(make([]int, 60))
	want := make(map[Metric][]float32)
	check.EachLevel(t, func(t *testing.T) {
		for m := Cosine; m <= Euclidean; m++ {
			for _, workers := range []int{1, 2, 5} {
				got := p.Scores(x, m, workers)
				if want[m] == nil {
					want[m] = got
				}
				check.SameBits(t, m.String(), got, want[m])
			}
		}
	})
	for i, a := range p.A {
		var xy, xx, yy, dd float64
		for j, v := range x.Row(a) {
			w := float64(x.Row(p.B[i])[j])
			xy, xx, yy = xy+float64(v)*w, xx+float64(v)*float64(v), yy+w*w
			dd += (float64(v) - w) * (float64(v) - w)
		}
		cosine := xy / math.Sqrt(xx*yy)
		if xx == 0 || yy == 0 {
			cosine = 0
		}
		// 13 terms, of unit rows or of numbers below 6.
		for m, truth := range map[Metric]float64{Cosine: cosine, Dot: xy, Euclidean: -math.Sqrt(dd)} {
			if math.Abs(float64(want[m][i])-truth) > 1e-5*max(1, math.Abs(truth)) {
				t.Fatalf("%v of pair %d is %v, want %v", m, i, want[m][i], truth)
			}
		}
	}
}

func TestPairsPanic(t *testing.T) {
	x := simd.NewMatrix(3, 2)
	for want, f := range map[string]func(){
		"eval.SamplePairs: n is -1, want at least 0":                                    func() { SamplePairs(nil, -1, 0) },
		"eval.Pairs.Scores: pair 1 is of row 3, want of one of 3":                       func() { Pairs{A: []int{0, 1}, B: []int{1, 3}}.Scores(x, Dot, 0) },
		"eval.Pairs.Scores: B is of length 0, want of length 1":                         func() { Pairs{A: []int{0}}.Scores(x, Dot, 0) },
		"eval.Pairs.Scores: Metric is Metric(9), want one of Cosine, Dot and Euclidean": func() { Pairs{}.Scores(x, 9, 0) },
	} {
		if got := panicOf(f); got != want {
			t.Errorf("panic %q, want %q", got, want)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	r := check.NewRand(1)
	x := random(r, 8000, 128)
	p := SamplePairs(labelsOf(r, 8000, 100), 100000, 1)
	b.Run("pairs=200000/what=sample", func(b *testing.B) {
		labels := labelsOf(r, 8000, 100)
		for b.Loop() {
			SamplePairs(labels, 100000, 1)
		}
	})
	b.Run("pairs=200000/what=scores", func(b *testing.B) {
		for b.Loop() {
			p.Scores(x, Cosine, 0)
		}
	})
	scores := p.Scores(x, Cosine, 0)
	b.Run("pairs=200000/what=figures", func(b *testing.B) {
		for b.Loop() {
			if _, err := Verify(scores, p.Same, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
