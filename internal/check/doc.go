// Package check helps tests: it runs them at every level, fences memory with pages that fault,
// measures errors in units in the last place, compares gradients with central differences, and
// makes inputs that are the same on every architecture.
//
// Only tests import it.
package check
