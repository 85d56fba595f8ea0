// Package augment draws the views of samples that contrastive learning compares.
//
// [Image] says how far a view of an image may stray from it: rotation, scale, shift, crop, flip,
// blur, contrast, colour, noise. [Vector] says the same of rows of numbers, such as embeddings:
// noise, dropout, spans of zeros. [All] draws a view of each of some images:
//
//	err := augment.All(x, images, augment.Image{Rotation: 10}, seed, 0)
//
// A view follows from the seed, the step and the row alone, with the same bits on every CPU and for
// any number of workers. A strength of 0 means its default, one below 0 none. Sources of batches
// draw through [Painter] and [Varier].
package augment
