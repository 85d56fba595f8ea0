// Package dataset draws the samples of each step of training.
//
// A [Source] fills a matrix with the views of the samples of a step: of images ([Views], [Classes]), or
// of vectors ([VectorViews], [VectorClasses], [VectorPairs], [VectorTriplets]), which are a [Table] in memory or
// any other [Vectors], such as a file that is read when asked for:
//
//	source := &dataset.Views{Images: images, Seed: 1}
//	labels, err := source.Next(step, x) // x: row i is the first view of sample i, row n+i the second
//
// [PKSampler] and [NoDuplicates] choose samples by class. What a step has follows from the seed and its
// number alone, so that a resumed run needs no state of its source.
package dataset
