package eval

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/contrast-go/contrast/simd"
)

// A Verification tells how well a score decides whether the two of a pair are the same, when pairs
// that score at least a threshold are accepted. FAR is the share of different pairs that is
// accepted (false accepts), TAR the share of same pairs (true accepts).
type Verification struct {
	Same      int `json:"same_pairs"`
	Different int `json:"different_pairs"`
	NotFinite int `json:"not_finite"` // scores, which are wrong at every threshold

	// AUC is the area under the ROC curve, TAR over FAR: the probability that a same pair scores
	// higher than a different one, equal scores counting half (Mann & Whitney 1947).
	AUC float64 `json:"auc"`

	// EER is the equal error rate: FAR where it equals 1 − TAR, with straight lines between
	// thresholds. EERThreshold is the first threshold where FAR is at least 1 − TAR.
	EER          float64 `json:"eer"`
	EERThreshold float64 `json:"eer_threshold"`

	// Accuracy is the share of right decisions at Threshold, which is the highest one of the best.
	// It is chosen on the pairs it is measured on, and Accuracy rises as one kind of pairs
	// prevails: see [VerifyFolds].
	Accuracy  float64 `json:"accuracy"`
	Threshold float64 `json:"threshold"`

	At []Acceptance `json:"tar_at_far"` // for each FAR asked for
}

// An Acceptance is what is accepted at the lowest threshold whose FAR is not above the one asked
// for.
type Acceptance struct {
	FAR          float64 `json:"far"` // asked for
	TAR          float64 `json:"tar"`
	TARLow       float64 `json:"tar_low"`  // with TARHigh the 95 % confidence interval of TAR if pairs are independent
	TARHigh      float64 `json:"tar_high"` // (Wilson 1927); pairs that share rows are not, and need a wider one
	Threshold    float64 `json:"threshold"`
	Accepted     int     `json:"accepted"`      // same pairs
	FalseAccepts int     `json:"false_accepts"` // different pairs; below 30 the threshold is rough (Doddington et al. 2000)

	// TooFew is true if FAR times the number of different pairs is below 1: such a FAR cannot be
	// observed, and TAR is the one without any false accept.
	TooFew bool `json:"too_few"`
}

// A ROCPoint is a point of the receiver operating characteristic: a threshold, and how many pairs
// score at least as high.
type ROCPoint struct {
	Threshold       float64
	Same, Different int
}

// Verify measures how well scores of pairs tell the same pairs from the different ones. Each far is
// a FAR at which to measure TAR; nil means 0.1, 0.01 and 0.001.
//
// Pairs of equal score are accepted together. A threshold lies half-way between two scores. A score
// that is not finite is wrong at every threshold: such a same pair is never accepted, such a
// different pair always.
//
// Verify returns an error if all pairs are of one kind, or a FAR is not between 0 and 1. It panics
// with a *simd.ShapeError if the lengths differ.
func Verify(scores []float32, same []bool, far []float64) (Verification, error) {
	points, err := ROC(scores, same)
	if err != nil {
		return Verification{}, err
	}
	if far == nil {
		far = []float64{0.1, 0.01, 0.001}
	}
	v := Verification{At: make([]Acceptance, len(far))}
	for i, s := range same {
		if s {
			v.Same++
		} else {
			v.Different++
		}
		if scores[i]-scores[i] != 0 {
			v.NotFinite++
		}
	}
	p, n := v.Same, v.Different
	var twice uint64 // twice the number of pairs of a same and a different pair in the right order
	equal := -1      // the first point whose FAR is at least 1 − TAR
	for i, s := range points {
		if i > 0 {
			twice += uint64(s.Different-points[i-1].Different) * uint64(s.Same+points[i-1].Same)
		}
		if equal < 0 && excess(s, p, n) >= 0 {
			equal = i
		}
	}
	v.AUC = float64(twice) / 2 / float64(p) / float64(n)
	v.EERThreshold = points[equal].Threshold
	v.EER = float64(points[equal].Different) / float64(n)
	if equal > 0 {
		before, after := points[equal-1], points[equal]
		below, above := -excess(before, p, n), excess(after, p, n)
		v.EER -= float64(float64(after.Different-before.Different) / float64(n) * (above / (below + above)))
	}
	best := mostRight(points)
	v.Threshold, v.Accuracy = best.Threshold, float64(best.Same+n-best.Different)/float64(p+n)
	for i, f := range far {
		if !(f >= 0 && f <= 1) {
			return Verification{}, fmt.Errorf("eval.Verify: FAR is %v, want a number between 0 and 1", f)
		}
		at := 0
		for at+1 < len(points) && float64(points[at+1].Different)/float64(n) <= f {
			at++
		}
		s := points[at]
		low, high := wilson(s.Same, p)
		v.At[i] = Acceptance{f, float64(s.Same) / float64(p), low, high, s.Threshold, s.Same, s.Different, float64(float64(n)*f) < 1}
	}
	return v, nil
}

// excess returns FAR − (1 − TAR).
func excess(s ROCPoint, p, n int) float64 {
	return float64(s.Different)/float64(n) - float64(p-s.Same)/float64(p)
}

// wilson returns the ends of the 95 % confidence interval of a share that was k of n: the shares
// that are 1.96 of their own standard errors away from k/n (Wilson 1927). Unlike k/n ± 1.96 of its
// standard errors it stays within 0 and 1, and has a width even if k is 0 or n.
func wilson(k, n int) (low, high float64) {
	const z = 1.959963984540054
	p, m := float64(k)/float64(n), z*z/float64(n)
	centre := (p + float64(m/2)) / (1 + m)
	half := math.Sqrt(float64(p*(1-p)*m)+float64(m*m/4)) / (1 + m)
	return max(0, centre-half), min(1, centre+half)
}

// mostRight returns the first point with the most right decisions.
func mostRight(points []ROCPoint) ROCPoint {
	best := points[0]
	for _, s := range points {
		if s.Same-s.Different > best.Same-best.Different {
			best = s
		}
	}
	return best
}

// ROC returns the points of the receiver operating characteristic: first one that accepts no finite
// score, then one for each score, from the highest to the lowest. Arguments and errors are those of
// [Verify].
func ROC(scores []float32, same []bool) ([]ROCPoint, error) {
	const op = "eval.Verify"
	if len(same) != len(scores) {
		panic(&simd.ShapeError{Op: op, Arg: "same", Got: fmt.Sprintf("of length %d", len(same)), Want: fmt.Sprintf("of length %d", len(scores))})
	}
	type pair struct {
		score float32
		same  bool
	}
	pairs := make([]pair, 0, len(scores))
	points := []ROCPoint{{}}
	all := 0
	for i, s := range scores {
		if same[i] {
			all++
		}
		if s-s == 0 {
			pairs = append(pairs, pair{s, same[i]})
		} else if !same[i] {
			points[0].Different++
		}
	}
	if all == 0 || all == len(same) {
		return nil, fmt.Errorf("%s: %d same and %d different pairs: both kinds are needed", op, all, len(same)-all)
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(b.score, a.score) })
	if len(pairs) > 0 {
		points[0].Threshold = math.Nextafter(float64(pairs[0].score), math.Inf(1))
	}
	for i := 0; i < len(pairs); {
		s := points[len(points)-1]
		score := pairs[i].score
		for ; i < len(pairs) && pairs[i].score == score; i++ {
			if pairs[i].same {
				s.Same++
			} else {
				s.Different++
			}
		}
		s.Threshold = float64(score)
		if i < len(pairs) {
			s.Threshold = (s.Threshold + float64(pairs[i].score)) / 2
		}
		points = append(points, s)
	}
	return points, nil
}

// A FoldedAccuracy is an accuracy by cross-validation: thresholds are chosen on other pairs than
// those it is measured on.
type FoldedAccuracy struct {
	Accuracy   float64   `json:"accuracy"`       // mean over the folds
	StdErr     float64   `json:"standard_error"` // of the mean: √(Σ(a − mean)²/(folds−1)) / √folds
	Accuracies []float64 `json:"accuracies"`     // of each fold
	Thresholds []float64 `json:"thresholds"`     // of each fold, chosen on all other folds
}

// VerifyFolds returns the accuracy by the protocol of Labeled Faces in the Wild (Huang et al.
// 2007): for each fold, the threshold is the highest one of those that are best on all the other
// folds. 0 folds means 10.
//
// The folds are consecutive parts of the same pairs and of the different ones, of nearly equal
// lengths. For pairs in the order of that dataset they are its folds, of which no two share a
// person: only the order of the pairs can ensure that.
//
// Scores that are not finite are wrong, as in [Verify]. VerifyFolds returns an error if there are
// fewer pairs of a kind than folds, or folds is below 2. It panics with a *simd.ShapeError if the
// lengths differ.
func VerifyFolds(scores []float32, same []bool, folds int) (FoldedAccuracy, error) {
	const op = "eval.VerifyFolds"
	if len(same) != len(scores) {
		panic(&simd.ShapeError{Op: op, Arg: "same", Got: fmt.Sprintf("of length %d", len(same)), Want: fmt.Sprintf("of length %d", len(scores))})
	}
	folds = cmp.Or(folds, 10)
	var total, seen [2]int
	kind := func(i int) int {
		if same[i] {
			return 1
		}
		return 0
	}
	for i := range same {
		total[kind(i)]++
	}
	if folds < 2 || min(total[0], total[1]) < folds {
		return FoldedAccuracy{}, fmt.Errorf("%s: %d folds of %d same and %d different pairs: want at least 2, and a pair of each kind in each", op, folds, total[1], total[0])
	}
	fold := make([]int, len(same))
	for i := range same {
		k := kind(i)
		fold[i] = int(int64(seen[k]) * int64(folds) / int64(total[k]))
		seen[k]++
	}
	var r FoldedAccuracy
	var otherScores []float32
	var otherSame []bool
	for f := range folds {
		otherScores, otherSame = otherScores[:0], otherSame[:0]
		for i := range same {
			if fold[i] != f {
				otherScores, otherSame = append(otherScores, scores[i]), append(otherSame, same[i])
			}
		}
		points, err := ROC(otherScores, otherSame)
		if err != nil {
			return FoldedAccuracy{}, err
		}
		threshold := mostRight(points).Threshold
		right, held := 0, 0
		for i, s := range scores {
			if fold[i] != f {
				continue
			}
			held++
			if s-s == 0 && (float64(s) >= threshold) == same[i] {
				right++
			}
		}
		r.Thresholds = append(r.Thresholds, threshold)
		r.Accuracies = append(r.Accuracies, float64(right)/float64(held))
	}
	for _, a := range r.Accuracies {
		r.Accuracy += a
	}
	r.Accuracy /= float64(folds)
	for _, a := range r.Accuracies {
		d := a - r.Accuracy
		r.StdErr += float64(d * d)
	}
	r.StdErr = math.Sqrt(r.StdErr / float64(folds-1) / float64(folds))
	return r, nil
}
