package golden

import (
	"context"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/train"
)

// trainEntries are the weights after some steps of small runs on the built-in glyphs.
func trainEntries() []Entry {
	run := func(name string, chunk int, loss infonce.Loss, optimizer func() train.Optimizer) Entry {
		return Entry{"train", name, func(h *Hash) {
			seen, _, err := data.Glyphs()
			if err != nil {
				panic(err) // the typefaces are part of the program
			}
			encoder, err := train.NewMLP(1, []int{seen.Width * seen.Height, 48, 24}, []int{24, 24, 8})
			if err != nil {
				panic(err) // the widths are fixed
			}
			t := train.Trainer{
				Encoder:   encoder,
				Loss:      loss,
				Optimizer: optimizer(),
				Schedule:  train.Cosine{Peak: 0.01, Warmup: 3, Steps: 12},
				Source:    &train.Views{Images: seen, Seed: 1},
				Batch:     12,
				Steps:     12,
				Chunk:     chunk,
			}
			if err := t.Run(context.Background()); err != nil {
				panic(err) // nothing here depends on the outside
			}
			h.Float32s(encoder.Params().Values)
		}}
	}
	return []Entry{
		run("NTXent/optimizer=adamw", 0, &infonce.NTXent{}, func() train.Optimizer { return &train.AdamW{} }),
		run("NTXent/optimizer=adamw/chunk=7", 7, &infonce.NTXent{}, func() train.Optimizer { return &train.AdamW{} }), // the same
		run("InfoNCE/optimizer=sgd", 0, &infonce.InfoNCE{}, func() train.Optimizer { return &train.SGD{Momentum: 0.9} }),
	}
}
