package train_test

import (
	"context"
	"fmt"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/data/glyphs"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/infonce/train"
)

// This learns to tell letters in 18 typefaces apart without their labels. The result is the same on
// every machine.
func ExampleTrainer() {
	seen, _, err := glyphs.Draw()
	if err != nil {
		fmt.Println(err)
		return
	}
	encoder, err := nn.NewMLP(1, []int{784, 32}, []int{16})
	if err != nil {
		fmt.Println(err)
		return
	}
	t := train.Trainer{
		Encoder:   encoder,
		Loss:      &infonce.NTXent{Temperature: 0.1},
		Optimizer: &optim.AdamW{},
		Schedule:  optim.Cosine{Peak: 0.003, Steps: 40},
		Source:    &dataset.Views{Images: seen, Seed: 1},
		Batch:     32,
		Steps:     40,
		Report: func(p train.Progress) {
			if p.Step%13 == 0 {
				fmt.Printf("step %d: loss %.2f\n", p.Step, p.Loss)
			}
		},
	}
	if err := t.Run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// step 0: loss 5.58
	// step 13: loss 3.91
	// step 26: loss 3.86
	// step 39: loss 3.79
}
