// Package ref is the float64 truth: each kernel and loss as a naive loop over
// the formula as it is printed in the paper, without blocking, threads or
// buffers. It imports nothing of the module, so that it shares no mistake with
// what it judges, and it is for tests only.
//
// Every loss returns its value and the gradient with respect to all its inputs.
// Temperatures are positive; shapes must fit, or an index is out of range.
package ref
