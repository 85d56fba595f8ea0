// Package dataset provides the batches of training: sources of samples, and samplers that choose
// them.
//
//	source := &dataset.Views{Images: images, Seed: 1}
//	labels, err := source.Next(step, x) // row i of x is the first view of sample i, row n+i the second
//
// A [Source] is one of images ([Views], [Classes]) or of vectors ([VectorViews], [VectorClasses],
// [VectorPairs], [VectorTriplets]). [Vectors] are a [Table] in memory, or a file that is read on
// demand. [PKSampler] and [NoDuplicates] choose samples by class.
//
// The batch of a step follows from the seed and the number of the step alone, so a resumed run
// needs no state of its source.
package dataset
