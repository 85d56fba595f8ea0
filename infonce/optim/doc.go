// Package optim moves parameters against their gradients.
//
// An [Optimizer] is [AdamW], [SGD] with momentum, or [LARS] for large batches; its zero value has the
// usual settings. A [Schedule] gives the learning rate of a step: [Constant], [Cosine], [StepDecay].
//
//	opt, rate := &optim.AdamW{Decay: 0.01}, optim.Cosine{Peak: 1e-3, Warmup: 50, Steps: 1200}
//	opt.Step(encoder.Params(), step, rate.Rate(step))
//
// Updates have the same bits on every CPU and for any number of workers.
package optim
