package bench

import (
	"context"
	"math"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/train"
)

// BenchmarkTrainStep makes steps of training on the built-in glyphs: augmentation, the encoder
// and back, the loss and the optimizer, on all cores.
func BenchmarkTrainStep(b *testing.B) {
	const batch = 256
	b.Run(size("batch", batch), func(b *testing.B) {
		eachLevel(b, false, func(b *testing.B) {
			seen, _, err := data.Glyphs()
			if err != nil {
				b.Fatal(err)
			}
			encoder, err := train.NewMLP(1, []int{seen.Width * seen.Height, 512, 256}, []int{128, 64})
			if err != nil {
				b.Fatal(err)
			}
			var loss float64
			t := train.Trainer{
				Encoder:   encoder,
				Loss:      &infonce.NTXent{Temperature: 0.1},
				Optimizer: &train.AdamW{},
				Schedule:  train.Cosine{Peak: 1e-3, Steps: math.MaxInt},
				Source:    &train.Views{Images: seen, Seed: 1},
				Batch:     batch,
				Report:    func(p train.Progress) { loss = p.Loss },
			}
			step := func() {
				t.Steps++
				if err := t.Run(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			// All views of an untrained encoder are much alike: ln(2·256−1), or less.
			step()
			if !(loss > 1 && loss < 1.2*math.Log(2*batch-1)) {
				b.Fatalf("the loss of the first step is %v", loss)
			}
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
			reportRate(b, batch, "pairs")
		})
	})
}
