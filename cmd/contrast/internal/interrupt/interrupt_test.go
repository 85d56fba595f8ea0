package interrupt

import (
	"context"
	"errors"
	"testing"
)

func TestGuard(t *testing.T) {
	ended := make(chan bool, 10)
	watch := func() (signal func()) {
		state.depth, state.asked = 0, false
		ctx, cancel := context.WithCancel(context.Background())
		Watch(ctx, func() { ended <- true })
		return cancel
	}
	asked := func() {
		for {
			state.Lock()
			asked := state.asked
			state.Unlock()
			if asked {
				return
			}
		}
	}

	watch()()
	<-ended // nothing is under way

	signal := watch()
	err := Guard(func() error {
		signal()
		asked()
		if len(ended) > 0 {
			t.Error("the program ended in the midst of guarded work")
		}
		return Guard(func() error { return nil }) // within other work: not yet
	})
	if err != nil || len(ended) != 1 {
		t.Errorf("error %v, ended %d times, want once", err, len(ended))
	}
	<-ended

	signal = watch()
	failed := errors.New("interrupted: the checkpoint holds step 3")
	if err := Guard(func() error { signal(); asked(); return failed }); err != failed || len(ended) > 0 {
		t.Errorf("error %v, ended %d times, want the error alone", err, len(ended))
	}
}
