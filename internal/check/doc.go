// Package check helps tests: kernels at every level, memory fenced by pages
// that fault, errors in units in the last place, gradients against central
// differences, and inputs and hashes that are the same on every architecture.
//
// Only tests import it.
package check
