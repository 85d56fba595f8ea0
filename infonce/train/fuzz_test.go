package train

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/infonce/nn"
)

// A checkpoint that can be read is written with the same bytes. A run that it does not belong to
// refuses it and can still train.
func FuzzCheckpoint(f *testing.F) {
	f.Add(testkit.ReadFile(f, filepath.Join(trained(f), CheckpointFile)))
	for _, set := range []func(tr *Trainer){
		func(tr *Trainer) { withQueue(tr, 5); tr.ClipNorm = 1 },
		func(tr *Trainer) { tinyCNN(f, tr, nn.BatchNorm); learnTemperature(tr) },
	} {
		tr := tiny(f, f.TempDir(), 1)
		set(tr)
		tr.Steps = 1
		mustRun(f, tr)
		f.Add(testkit.ReadFile(f, tr.checkpoint()))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		testkit.FuzzSealed(t, content, "checkpoint", func(path string) error {
			c, err := ReadCheckpoint(path)
			if err != nil {
				return err
			}
			if c.Step < 0 {
				t.Fatalf("step %d", c.Step)
			}
			if err := c.write(path+".1", ""); err != nil {
				t.Fatal(err)
			}
			again, err := ReadCheckpoint(path + ".1")
			if err != nil {
				t.Fatalf("what was read from a file and written to one: %v", err)
			}
			if again.Step != c.Step || again.Config != c.Config || len(again.Tensors) != len(c.Tensors) {
				t.Fatalf("step %d, config %q and %d tensors became others", c.Step, c.Config, len(c.Tensors))
			}
			tr := tiny(t, t.TempDir(), 1)
			if err := os.Rename(path+".1", tr.checkpoint()); err != nil {
				t.Fatal(err)
			}
			before := nn.WeightsSHA256(tr.Encoder.Params().Values)
			step, err := tr.Resume()
			if err == nil && (step != c.Step || step > tr.Steps) {
				t.Fatalf("step %d, want %d, and at most %d", step, c.Step, tr.Steps)
			}
			if err != nil && nn.WeightsSHA256(tr.Encoder.Params().Values) != before {
				t.Fatal("a checkpoint that was refused changed the weights")
			}
			return nil
		})
	})
}
