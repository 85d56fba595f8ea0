package infonce_test

import (
	"testing"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/check"
)

// TestWhileGOMAXPROCSChanges: losses have the same bits while the number of processors changes
// under them, as Go changes it by itself when an affinity mask or a quota does: scratch memory and
// the pieces of work fit each other whatever it is.
func TestWhileGOMAXPROCSChanges(t *testing.T) {
	r := check.NewRand(22)
	vs := allVariants()
	batches, want := make([]Batch, len(vs)), make([]outcome, len(vs))
	for i, v := range vs {
		batches[i] = v.batch(r, 90, 24, 0, 0.5)
		want[i] = outcomeOf(t, v.Name, v.New(1), batches[i])
	}
	check.ChangeGOMAXPROCS(t)
	times := 10
	if testing.Short() {
		times = 4
	}
	for i, v := range vs {
		l := v.New(0)
		for range times {
			outcomeOf(t, v.Name, l, batches[i]).same(t, v.Name, want[i])
		}
	}
}
