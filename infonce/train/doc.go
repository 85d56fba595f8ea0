// Package train trains an encoder with a contrastive loss.
//
// A [Trainer] runs the loop. Its parts are an [nn.Encoder], an [infonce.Loss], an
// [optim.Optimizer], an [optim.Schedule] and a [dataset.Source]:
//
//	encoder, err := nn.NewMLP(1, []int{784, 512, 256}, []int{128, 64})
//	…
//	t := train.Trainer{
//		Encoder:   encoder,
//		Loss:      &infonce.NTXent{Temperature: 0.1},
//		Optimizer: &optim.AdamW{},
//		Schedule:  optim.Cosine{Peak: 1e-3, Warmup: 50, Steps: 1200},
//		Source:    &dataset.Views{Images: images, Seed: 1},
//		Batch:     256,
//		Steps:     1200,
//	}
//	err = t.Run(ctx)
//
// Other parts are optional: a KeyEncoder and a [Queue] make it MoCo, a [LearnedTemperature] trains
// the temperature, and a Chunk bounds the memory of the encoder for any batch.
//
// A run is a function of its settings: samples, augmentations and learning rates follow from the
// seed and the number of the step, and no sum depends on the number of workers. So the weights have
// the same bits on every CPU, for any number of workers, and whether or not the run was interrupted
// and resumed.
//
// In steady state a step allocates nothing, and [Trainer.MemoryEstimate] estimates the memory of a
// run before it starts.
package train
