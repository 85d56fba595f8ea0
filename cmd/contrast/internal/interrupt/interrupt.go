// Package interrupt ends the program when a signal asks for it: at once, unless work is under way
// that stops by itself and must not be cut off, such as a step of training or the writing of a
// file.
package interrupt

import (
	"context"
	"sync"
)

var state struct {
	sync.Mutex
	depth int    // guarded calls that are under way
	asked bool   // a signal came
	exit  func() // ends the program
}

// Watch calls exit once ctx is done, as soon as no guarded call is under way.
func Watch(ctx context.Context, exit func()) {
	state.Lock()
	state.exit = exit
	state.Unlock()
	context.AfterFunc(ctx, func() {
		state.Lock()
		defer state.Unlock()
		state.asked = true
		if state.depth == 0 {
			state.exit()
		}
	})
}

// Guard calls f, which no signal cuts off, and returns its error. If a signal came meanwhile and f
// succeeded, the program ends; an error of f says itself how far it came.
func Guard(f func() error) error {
	state.Lock()
	state.depth++
	state.Unlock()
	err := f()
	state.Lock()
	defer state.Unlock()
	state.depth--
	if state.asked && state.depth == 0 && err == nil {
		state.exit()
	}
	return err
}
