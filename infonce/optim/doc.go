// Package optim provides optimizers and learning rate schedules.
//
//	opt := &optim.AdamW{WeightDecay: 0.01}
//	schedule := optim.Cosine{Peak: 1e-3, Warmup: 50, Steps: 1200}
//	opt.Step(encoder.Params(), step, schedule.Rate(step)) // for step = 0, 1, …
//
// An [Optimizer] is [AdamW], [SGD] with momentum, or [LARS] for large batches. A [Schedule] is
// [Constant], [Cosine] or [StepDecay], each with linear warm-up. [Kinds] and [Schedules] list them
// by name. Updates have the same bits on every CPU and for any number of workers.
package optim
