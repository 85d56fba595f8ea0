// Package eval measures embeddings by what lies near them.
//
// The search is exact, so that a figure tells of the embeddings and not of an
// index:
//
//	near := eval.Neighbors(queries, gallery, 5, 0)
//	accuracy := eval.KNN(near, 5, galleryLabels, queryLabels)
//	recall := eval.RecallAt(near, 1, galleryLabels, queryLabels)
//
// [Neighbors] keeps the first k rows; a [Ranking] looks at all of them:
//
//	found := eval.Ranking{Queries: questions, Gallery: answers}.Measure()
//	fmt.Println(found.MRR, found.At[0].Recall)
//
// A [Probe] tells classes apart by planes, and [Verify] pairs by a threshold:
//
//	linear, err := eval.Probe{}.Fit(rows, labels)
//	accuracy, err := linear.Accuracy(others, otherLabels, 0)
package eval
