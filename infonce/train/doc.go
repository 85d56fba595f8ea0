// Package train teaches an encoder with a contrastive loss.
//
// A [Trainer] runs the loop; its parts are an [Encoder], a loss of package
// infonce, an [Optimizer], a [Schedule] and a [Source]:
//
//	encoder, err := train.NewMLP(1, []int{784, 512, 256}, []int{128, 64})
//	…
//	t := train.Trainer{
//		Encoder:   encoder,
//		Loss:      &infonce.NTXent{Temperature: 0.1},
//		Optimizer: &train.AdamW{},
//		Schedule:  train.Cosine{Peak: 1e-3, Warmup: 50, Steps: 1200},
//		Source:    &train.Views{Images: images, Seed: 1},
//		Batch:     256,
//		Steps:     1200,
//	}
//	err = t.Run(ctx)
//
// The encoder is an [MLP], for images a [CNN], or for pairs of two kinds a [Dual] of two of them.
//
// Samples are images ([Views], [Classes]) or vectors in memory or in a file ([RowViews],
// [RowClasses], [RowPairs], [RowTriplets]), in pairs or, with [Trainer.Views], in more views.
//
// Some parts a run can do without: a Chunk bounds the memory of the encoder for any batch,
// Keys and Memory make the run that of MoCo, a Scale learns the temperature.
//
// A run is a function of its settings: samples, augmentations and learning rates
// follow from the seed and the number of the step, and no sum depends on how many
// workers share it. So the weights have the same bits on every CPU, for any number
// of workers, and whether or not the run was stopped and resumed on the way.
//
// All parameters of an encoder lie in one block of memory and all gradients in
// another (see Karpathy's llm.c), so that the optimiser is one loop and a
// checkpoint one write. In steady state a step allocates nothing, and
// [Trainer.PlannedBytes] tells beforehand what a run will hold.
package train
