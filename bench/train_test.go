package bench

import (
	"context"
	"math"
	"runtime"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/data/glyphs"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/simd"
)

// BenchmarkTrainStep makes steps of training on the built-in glyphs: augmentation, the encoder
// and back, the loss and the optimizer, on all cores.
func BenchmarkTrainStep(b *testing.B) {
	const batch = 256
	b.Run(size("batch", batch), func(b *testing.B) {
		eachLevel(b, false, func(b *testing.B) {
			seen, _, err := glyphs.Draw()
			if err != nil {
				b.Fatal(err)
			}
			encoder, err := nn.NewMLP(1, []int{seen.Width * seen.Height, 512, 256}, []int{128, 64})
			if err != nil {
				b.Fatal(err)
			}
			var loss float64
			t := train.Trainer{
				Encoder:   encoder,
				Loss:      &infonce.NTXent{Temperature: 0.1},
				Optimizer: &optim.AdamW{},
				Schedule:  optim.Cosine{Peak: 1e-3, Steps: math.MaxInt},
				Source:    &dataset.Views{Images: seen, Seed: 1},
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

// BenchmarkTrain makes steps of training with 256 pairs on all cores: of a CNN on two views of
// images, and of an adapter on pairs of embeddings. GFLOP/s and %peak count the products of the
// encoder, as if nothing else took time. The share of all processor time that products take is that
// of simd.(*Packed).product and Pack… in
//
//	go test -run '^$' -bench Train/encoder=cnn -benchtime 30x -cpuprofile cpu.out . && go tool pprof -top -cum cpu.out
func BenchmarkTrain(b *testing.B) {
	const batch = 256
	b.Run("encoder=cnn", func(b *testing.B) {
		images, _, err := glyphs.Draw()
		if err != nil {
			b.Fatal(err)
		}
		config := nn.CNNConfig{Width: images.Width, Height: images.Height, Channels: images.Channels, Head: []int{128, 64}}
		encoder, err := config.New(1)
		if err != nil {
			b.Fatal(err)
		}
		config = encoder.Config()
		var products []float64 // multiplications of a view in each layer
		width, height, in := config.Width, config.Height, config.Channels
		for i, out := range config.Filters {
			width, height = (width+config.Strides[i]-1)/config.Strides[i], (height+config.Strides[i]-1)/config.Strides[i]
			products = append(products, float64(width*height*9*in*out))
			in = out
		}
		products = append(products, float64(in*128), 128*64)
		benchmarkTrain(b, train.Trainer{
			Encoder: encoder, Loss: &infonce.NTXent{Temperature: 0.1}, Source: &dataset.Views{Images: images, Seed: 1}, Batch: batch,
		}, 2*batch, products, "images", 2*batch)
	})
	b.Run("encoder=adapter", func(b *testing.B) {
		encoder, err := nn.MLPConfig{Body: []int{768, 1024, 768}, Head: []int{256}, Residual: true}.New(1)
		if err != nil {
			b.Fatal(err)
		}
		rows := func(seed uint64) dataset.Table {
			return dataset.Table{Matrix: simd.Matrix{Rows: 2048, Cols: 768, Stride: 768, Data: uniform(seed, 2048*768)}}
		}
		benchmarkTrain(b, train.Trainer{
			Encoder: encoder, Loss: &infonce.InfoNCE{Temperature: 0.1}, Source: &dataset.VectorPairs{Queries: rows(1), Documents: rows(2)}, Batch: batch,
		}, 2*batch, []float64{768 * 1024, 1024 * 768, 768 * 256}, "pairs", batch)
	})
}

// benchmarkTrain makes steps of t, whose encoder takes so many rows and makes for each the given
// numbers of multiplications in its layers, and twice as many on the way back: but once in the
// first layer, since nobody asks for the gradient of the samples.
func benchmarkTrain(b *testing.B, t train.Trainer, rows int, products []float64, what string, n int) {
	flops := -2 * products[0]
	for _, p := range products {
		flops += 6 * p
	}
	flops *= float64(rows)
	eachLevel(b, false, func(b *testing.B) {
		skipSlow(b, min(flops, 5e9)) // a few steps are short enough to run once
		t.Optimizer, t.Schedule = &optim.AdamW{}, optim.Cosine{Peak: 1e-3, Steps: math.MaxInt}
		var loss float64
		t.Report = func(p train.Progress) { loss = p.Loss }
		step := func() {
			t.Steps++
			if err := t.Run(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
		step()
		if !(loss > 1 && loss < 20) {
			b.Fatalf("the loss of the first step is %v", loss)
		}
		best := peak(runtime.GOMAXPROCS(0))
		b.ReportAllocs()
		for b.Loop() {
			step()
		}
		reportFlops(b, flops, best)
		reportRate(b, n, what)
	})
}
