package golden

import (
	"context"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/internal/bits"
	"github.com/contrast-go/contrast/simd"
)

// trainEntries are the weights after some steps of small runs on the built-in glyphs.
func trainEntries() []Entry {
	run := func(name string, set func(t *train.Trainer, encoder *train.MLP)) Entry {
		return Entry{"train", name, func(h *bits.Hash) {
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
				Loss:      &infonce.NTXent{},
				Optimizer: &train.AdamW{},
				Schedule:  train.Cosine{Peak: 0.01, Warmup: 3, Steps: 12},
				Source:    &train.Views{Images: seen, Seed: 1},
				Batch:     12,
				Steps:     12,
			}
			set(&t, encoder)
			if err := t.Run(context.Background()); err != nil {
				panic(err) // nothing here depends on the outside
			}
			h.Float32s(t.Encoder.Params().Values)
			if s, ok := t.Encoder.(train.Stateful); ok {
				for _, tensor := range s.State() {
					h.Float32s(tensor.Data)
				}
			}
		}}
	}
	cnn := func(t *train.Trainer, c train.CNNConfig) *train.CNN {
		images := t.Source.(*train.Views).Images
		c.Width, c.Height, c.Channels = images.Width, images.Height, images.Channels
		encoder, err := c.New(1)
		if err != nil {
			panic(err) // the sizes are fixed
		}
		t.Batch, t.Steps = 5, 3
		return encoder
	}
	return []Entry{
		run("NTXent/optimizer=adamw", func(*train.Trainer, *train.MLP) {}),
		run("NTXent/optimizer=adamw/chunk=7", func(t *train.Trainer, _ *train.MLP) { // the same
			t.Chunk = 7
		}),
		run("NTXent/learned-temperature", func(t *train.Trainer, _ *train.MLP) {
			loss := &infonce.NTXent{Temperature: 0.5}
			t.Loss, t.Scale = loss, &train.LogScale{Temperature: &loss.Temperature}
		}),
		run("InfoNCE/optimizer=sgd", func(t *train.Trainer, _ *train.MLP) {
			t.Loss, t.Optimizer = &infonce.InfoNCE{}, &train.SGD{Momentum: 0.9}
		}),
		run("NTXent/optimizer=lars/clip=0.5", func(t *train.Trainer, _ *train.MLP) {
			t.Optimizer, t.Clip = &train.LARS{Trust: 0.05, Decay: 0.01}, 0.5
			t.Schedule = train.StepDecay{Peak: 1, Every: 4, Warmup: 2}
		}),
		run("NTXent/optimizer=adam/l2", func(t *train.Trainer, _ *train.MLP) {
			t.Optimizer, t.Schedule = &train.AdamW{Decay: 0.1, Coupled: true}, train.Constant{Peak: 0.01}
		}),
		run("SupCon/views=3", func(t *train.Trainer, _ *train.MLP) {
			images := t.Source.(*train.Views).Images
			t.Loss, t.Views, t.Source = &infonce.SupCon{}, 3, &train.Views{Images: images, Each: 3}
		}),
		run("InfoNCE/rows", func(t *train.Trainer, _ *train.MLP) {
			images := t.Source.(*train.Views).Images
			rows := train.Table{Matrix: simd.NewMatrix(images.Len(), images.Width*images.Height)}
			train.Flatten(rows.Matrix, images)
			t.Loss, t.Source = &infonce.InfoNCE{}, &train.RowPairs{
				Queries: rows, Documents: rows, Augment: train.VectorAugmentation{Noise: 0.5, Dropout: 0.1, Crop: 0.2},
			}
		}),
		run("InfoNCE/encoder=adapter", func(t *train.Trainer, encoder *train.MLP) {
			in, _ := encoder.Dims()
			adapter, err := train.MLPConfig{Body: []int{in, 40, in}, Head: []int{24, 8}, Activation: train.GELU, Residual: true}.New(1)
			if err != nil {
				panic(err) // the widths are fixed
			}
			t.Encoder, t.Loss = adapter, &infonce.InfoNCE{}
		}),
		run("NTXent/encoder=cnn", func(t *train.Trainer, _ *train.MLP) {
			t.Encoder = cnn(t, train.CNNConfig{Filters: []int{4, 7}, Head: []int{9, 8}})
		}),
		run("NTXent/encoder=cnn/norm=batch", func(t *train.Trainer, _ *train.MLP) {
			t.Encoder = cnn(t, train.CNNConfig{Filters: []int{3, 7}, Norm: train.BatchNorm, Activation: train.GELU, Pooling: train.MaxPooling})
		}),
		run("InfoNCE/encoder=dual", func(t *train.Trainer, document *train.MLP) {
			query := cnn(t, train.CNNConfig{Filters: []int{3, 4}, Strides: []int{2, 2}, Norm: train.NoNorm, Pooling: train.AveragePooling, Head: []int{8}})
			dual, err := train.NewDual(query, document)
			if err != nil {
				panic(err) // both embed in 8 numbers
			}
			t.Encoder, t.Loss = dual, &infonce.InfoNCE{}
		}),
		run("InfoNCE/queue=50/momentum=0.9", func(t *train.Trainer, encoder *train.MLP) {
			t.Loss, t.Memory = &infonce.InfoNCE{}, &train.Queue{Size: 50}
			t.Keys = &train.MomentumEncoder{Encoder: encoder.Clone(), Momentum: 0.9}
		}),
		run("InfoNCE/queue=50", func(t *train.Trainer, _ *train.MLP) {
			t.Loss, t.Memory, t.MemoryAfter = &infonce.InfoNCE{InBatch: true}, &train.Queue{Size: 50}, 4
		}),
	}
}
