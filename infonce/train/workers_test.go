package train

import (
	"testing"

	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/internal/check"
)

// Go raises GOMAXPROCS when a process is given more processors. A step must cope with that.
func TestRunWhileGOMAXPROCSChanges(t *testing.T) {
	check.ChangeGOMAXPROCS(t)
	for name, set := range map[string]func(tr *Trainer){
		"MLP":        func(tr *Trainer) {},
		"MoCo":       func(tr *Trainer) { withQueue(tr, 30); tr.Optimizer = &optim.SGD{Momentum: 0.9} },
		"layer norm": func(tr *Trainer) { tinyCNN(t, tr, nn.LayerNorm); tr.Optimizer = &optim.LARS{} },
		"batch norm": func(tr *Trainer) { tinyCNN(t, tr, nn.BatchNorm) },
		"chunks":     func(tr *Trainer) { tinyCNN(t, tr, nn.NoNorm); tr.Chunk = 5 },
	} {
		t.Run(name, func(t *testing.T) {
			want := tiny(t, "", 1)
			set(want)
			mustRun(t, want)
			tr := tiny(t, "", 0)
			set(tr)
			mustRun(t, tr)
			sameOutcome(t, name, outcomeOf(t, tr), outcomeOf(t, want))
		})
	}
	t.Run("two towers", func(t *testing.T) { mustRun(t, pairsOfKinds(t, "", 0)) })
}
