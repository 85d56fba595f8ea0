// Package augment makes the randomly changed views of samples that contrastive learning compares.
//
//	x := simd.NewMatrix(images.Len(), images.Width*images.Height*images.Channels)
//	err := augment.All(x, images, augment.Image{Rotation: 10}, seed, 0) // a view of each image
//
// [Image] has the strengths of augmentation for images: rotation, scale, shift, crop, flip, blur,
// contrast, colour, noise. [Vector] has those for vectors such as embeddings: noise, dropout, crop.
// Sources of batches, as in package dataset, use [ImageAugmenter] and [VectorAugmenter].
//
// A view depends on the seed, the step and the row alone. It has the same bits on every CPU and for
// any number of workers.
package augment
