package dataset

import (
	"github.com/contrast-go/contrast/cmd/contrast/internal/settings"
	"github.com/contrast-go/contrast/infonce/augment"
	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/simd"
)

// OpenAll opens all samples of a source, as rows: embeddings, or the pixels of images to train
// on and then of those to test with, resized as --image-size says.
func OpenAll(source, imageSize string) (dataset.Vectors, error) {
	s := settings.Source{Data: FullName(source), ImageSize: imageSize}
	if s.Kind() != settings.Images {
		return openFile("--data", source)
	}
	d, err := openImages(s, nil)
	if err != nil {
		return nil, err
	}
	return pixelRows{join(d.Train, d.Test)}, nil
}

// pixelRows are the pixels of images as rows.
type pixelRows struct{ images.Set }

// Dim returns the numbers of an image.
func (m pixelRows) Dim() int { return m.Width * m.Height * m.Channels }

// Gather stores images in the rows of dst.
func (m pixelRows) Gather(dst simd.Matrix, indices []int) error {
	augment.Flatten(dst, m.Subset(indices))
	return nil
}
