// Package eval measures the quality of embeddings. Its searches are exact.
//
//   - [Neighbors], [KNN] and [RecallAt]: nearest neighbours by cosine
//   - [Ranking]: retrieval, with ranks of all relevant rows: recall@k, MRR, MAP, MAP@R, NDCG
//   - [Probe]: linear classification of frozen embeddings
//   - [Verify] and [VerifyFolds]: pairs told apart by a threshold: ROC AUC, EER, TAR@FAR
//   - [MeasureSpread], [Alignment] and [Uniformity]: whether an encoder has collapsed
//   - [PCA]: principal axes, for a map
//
// For example:
//
//	near := eval.Neighbors(queries, gallery, 5, 0)
//	accuracy := eval.KNN(near, 5, galleryLabels, queryLabels)
//
//	found := eval.Ranking{Queries: questions, Gallery: answers}.Measure()
//	fmt.Println(found.MRR, found.At[0].Recall)
//
//	linear, err := eval.Probe{}.Fit(rows, labels)
//	accuracy, err := linear.Accuracy(others, otherLabels, 0)
package eval
