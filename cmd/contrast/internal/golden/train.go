package golden

import (
	"context"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/data/glyphs"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/internal/bits"
	"github.com/contrast-go/contrast/simd"
)

// trainEntries are the weights after some steps of small runs on the built-in glyphs.
func trainEntries() []Entry {
	run := func(name string, set func(t *train.Trainer, encoder *nn.MLP)) Entry {
		return Entry{"train", name, func(h *bits.Hash) {
			seen, _, err := glyphs.Draw()
			if err != nil {
				panic(err) // the typefaces are part of the program
			}
			encoder, err := nn.NewMLP(1, []int{seen.Width * seen.Height, 48, 24}, []int{24, 24, 8})
			if err != nil {
				panic(err) // the widths are fixed
			}
			t := train.Trainer{
				Encoder:   encoder,
				Loss:      &infonce.NTXent{},
				Optimizer: &optim.AdamW{},
				Schedule:  optim.Cosine{Peak: 0.01, Warmup: 3, Steps: 12},
				Source:    &dataset.Views{Images: seen, Seed: 1},
				Batch:     12,
				Steps:     12,
			}
			set(&t, encoder)
			if err := t.Run(context.Background()); err != nil {
				panic(err) // nothing here depends on the outside
			}
			h.Float32s(t.Encoder.Params().Values)
			if s, ok := t.Encoder.(nn.Stateful); ok {
				for _, tensor := range s.State() {
					h.Float32s(tensor.Data)
				}
			}
		}}
	}
	cnn := func(t *train.Trainer, c nn.CNNConfig) *nn.CNN {
		images := t.Source.(*dataset.Views).Images
		c.Width, c.Height, c.Channels = images.Width, images.Height, images.Channels
		encoder, err := c.New(1)
		if err != nil {
			panic(err) // the sizes are fixed
		}
		t.Batch, t.Steps = 5, 3
		return encoder
	}
	return []Entry{
		run("NTXent/optimizer=adamw", func(*train.Trainer, *nn.MLP) {}),
		run("NTXent/optimizer=adamw/chunk=7", func(t *train.Trainer, _ *nn.MLP) { // the same
			t.Chunk = 7
		}),
		run("NTXent/learned-temperature", func(t *train.Trainer, _ *nn.MLP) {
			loss := &infonce.NTXent{Temperature: 0.5}
			t.Loss, t.LearnedTemperature = loss, &train.LearnedTemperature{Temperature: &loss.Temperature}
		}),
		run("InfoNCE/optimizer=sgd", func(t *train.Trainer, _ *nn.MLP) {
			t.Loss, t.Optimizer = &infonce.InfoNCE{}, &optim.SGD{Momentum: 0.9}
		}),
		run("NTXent/optimizer=lars/clip=0.5", func(t *train.Trainer, _ *nn.MLP) {
			t.Optimizer, t.ClipNorm = &optim.LARS{Trust: 0.05, WeightDecay: 0.01}, 0.5
			t.Schedule = optim.StepDecay{Peak: 1, Every: 4, Warmup: 2}
		}),
		run("NTXent/optimizer=adam/l2", func(t *train.Trainer, _ *nn.MLP) {
			t.Optimizer, t.Schedule = &optim.AdamW{WeightDecay: 0.1, Coupled: true}, optim.Constant{Peak: 0.01}
		}),
		run("SupCon/views=3", func(t *train.Trainer, _ *nn.MLP) {
			images := t.Source.(*dataset.Views).Images
			t.Loss, t.Views, t.Source = &infonce.SupCon{}, 3, &dataset.Views{Images: images, Each: 3}
		}),
		run("InfoNCE/rows", func(t *train.Trainer, _ *nn.MLP) {
			images := t.Source.(*dataset.Views).Images
			rows := dataset.Table{Matrix: simd.NewMatrix(images.Len(), images.Width*images.Height)}
			augment.Flatten(rows.Matrix, images)
			t.Loss, t.Source = &infonce.InfoNCE{}, &dataset.VectorPairs{
				Queries: rows, Documents: rows, Augment: augment.Vector{Noise: 0.5, Dropout: 0.1, Crop: 0.2},
			}
		}),
		run("InfoNCE/encoder=adapter", func(t *train.Trainer, encoder *nn.MLP) {
			in, _ := encoder.Dims()
			adapter, err := nn.MLPConfig{Body: []int{in, 40, in}, Head: []int{24, 8}, Activation: nn.GELU, Residual: true}.New(1)
			if err != nil {
				panic(err) // the widths are fixed
			}
			t.Encoder, t.Loss = adapter, &infonce.InfoNCE{}
		}),
		run("NTXent/encoder=cnn", func(t *train.Trainer, _ *nn.MLP) {
			t.Encoder = cnn(t, nn.CNNConfig{Filters: []int{4, 7}, Head: []int{9, 8}})
		}),
		run("NTXent/encoder=cnn/norm=batch", func(t *train.Trainer, _ *nn.MLP) {
			t.Encoder = cnn(t, nn.CNNConfig{Filters: []int{3, 7}, Norm: nn.BatchNorm, Activation: nn.GELU, Pooling: nn.MaxPooling})
		}),
		run("InfoNCE/encoder=dual", func(t *train.Trainer, document *nn.MLP) {
			query := cnn(t, nn.CNNConfig{Filters: []int{3, 4}, Strides: []int{2, 2}, Norm: nn.NoNorm, Pooling: nn.AveragePooling, Head: []int{8}})
			dual, err := nn.NewDual(query, document)
			if err != nil {
				panic(err) // both embed in 8 numbers
			}
			t.Encoder, t.Loss = dual, &infonce.InfoNCE{}
		}),
		run("InfoNCE/queue=50/momentum=0.9", func(t *train.Trainer, encoder *nn.MLP) {
			t.Loss, t.Queue = &infonce.InfoNCE{}, &train.Queue{Size: 50}
			t.KeyEncoder = &train.MomentumEncoder{Encoder: encoder.Clone(), Momentum: 0.9}
		}),
		run("InfoNCE/queue=50", func(t *train.Trainer, _ *nn.MLP) {
			t.Loss, t.Queue, t.QueueAfter = &infonce.InfoNCE{InBatch: true}, &train.Queue{Size: 50}, 4
		}),
	}
}
