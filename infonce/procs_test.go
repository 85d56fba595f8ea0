package infonce_test

import (
	"runtime"
	"testing"

	"github.com/contrast-go/contrast/internal/check"
)

// TestWhileGOMAXPROCSChanges: losses have the same bits while the number of processors changes under
// them, as Go changes it by itself when an affinity mask or a quota does.
func TestWhileGOMAXPROCSChanges(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for procs := 1; ; procs = 9 - procs {
			select {
			case <-stop:
				return
			default:
				runtime.GOMAXPROCS(procs)
				runtime.Gosched()
			}
		}
	}()
	defer func() { close(stop); <-done }()
	r := check.NewRand(22)
	times := 5
	if testing.Short() {
		times = 2
	}
	for _, v := range allVariants() {
		b := v.batch(r, 150, 20, 0, 0.5)
		want := outcomeOf(t, v.Name, v.New(1), b)
		l := v.New(0)
		for range times {
			outcomeOf(t, v.Name, l, b).same(t, v.Name, want)
		}
	}
}
