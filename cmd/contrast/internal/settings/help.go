package settings

import (
	"fmt"
	"strings"

	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
)

// help describes each setting; {default} stands for its defaults.
var help = map[string]string{
	"data": "The dataset: " + Glyphs + ", letters and digits in fonts inside the program; a folder of images, " +
		"which may be of the MNIST family, CIFAR-10, or a folder of " + oneOf(images.Formats()) + " files for each class " +
		"(write idx:DIR, cifar:DIR or images:DIR to say which); or a file of embeddings: " +
		Extensions(func(f data.Format) bool { return f.Vectors }) + ". Default {default}.",
	"pairs": "Two files of embeddings instead of --data: row i of the first, such as a question, matches row i of the second.",
	"labels": "File with the class of each embedding of --data: " + Extensions(func(f data.Format) bool { return f.Labels }) +
		". Default: the column or array called label in the file of embeddings, if there is one.",
	"triplets": "File with rows of --data, three to a line: an anchor, a positive and a negative. It may be " +
		Extensions(func(f data.Format) bool { return f.Triplets }) + ".",
	"holdout": "Share of the embeddings to hold out for evaluation. Default {default}.",
	"split": "What to hold out: samples, or whole classes for tasks such as recognising faces never seen in training: classes. " +
		"With images, every fifth class is held out. Default samples; for images, the split of the dataset.",
	"image-size": "Resize all images to this size. Default: the size they have, which must then be the same for all.",

	"views": "Augmented views of each sample. With more than 2, a loss by labels treats each sample as a class of its own. Default 2.",
	"augment": "Strength of augmentation. For images: rotation, scale, shear, shift, blur, contrast, brightness, noise; " +
		"and crop, flip, saturation, hue, grey, cut-out, which are off by default except for a cnn or colour images. " +
		"For embeddings: noise, dropout, crop, which are off by default for pairs, triplets and labelled data. 0 turns one off.",
	"supervised": "Pair each sample with another one of its class.",
	"distinct":   "Never put two samples of one class into a batch.",

	"loss": "Loss on two views of each sample, or on pairs: " + LossNames(false) + ". " +
		"Loss by labels: " + LossNames(true) + ". Default {default}.",

	"temperature":       "Temperature, for the losses that have one. Default {default}.",
	"learn-temperature": "Learn the temperature: start at --temperature and stay within 0.01 and 1.",
	"margin":            "Margin, for the losses that have one. Default {default}.",
	"queue":             "Embeddings of earlier samples to keep as further negatives, for infonce and moco. Default 0, {default}.",
	"queue-after":       "Steps before the queue is used. Default 0, half of the steps for infonce.",
	"ema":               "EMA decay of the key encoder (MoCo). Default {default}.",

	"arch": "Encoder: mlp; linear, a single matrix; or cnn, a convolutional network for images. " +
		"Default mlp; for embeddings linear, or mlp if there is --hidden or --head.",
	"hidden":     "Widths of the hidden layers. Default {default}.",
	"filters":    "Channels of the blocks of a cnn; each block but the first halves the image. Default 24,48,96,192.",
	"norm":       "Normalisation in a cnn: " + strings.Join(norms, ", ") + ". Default " + nn.Norm(0).String() + ".",
	"head":       "Widths of the hidden layers of the projection head, which --layer representation leaves out. Default none, {default}.",
	"dim":        "Dimension of the embedding. Default {default}; for embeddings, the dimension they have.",
	"activation": "Activation between layers: " + strings.Join(activations, " or ") + ". Default " + activations[0] + ".",
	"residual":   "Add the output of the encoder to its input, and start at the identity. Default for embeddings whose dimension is kept.",
	"shared": "Use one encoder for both sides of --pairs. Default: one each; " +
		"they start with the same weights if the sides have the same width.",

	"steps":     "Training steps. Default {default}.",
	"batch":     "Samples in a batch. Default {default}; fewer if the dataset is smaller.",
	"seed":      "Seed of the weights, the order of samples and their augmentation. Default {default}.",
	"optimizer": "Optimizer: " + strings.Join(optimizerNames(), ", ") + ". Default " + optim.Kinds[0].Name + ".",
	"momentum": "Momentum of the optimizer, for " + withMomentum() + ". Default {default}. " +
		"With --loss moco and another optimizer it is taken for --ema, which it was called in the version before.",
	"lr": "Peak learning rate. Default {default}.",
	"schedule": "Learning rate after the warm-up: cosine, half a cosine to 0; constant; " +
		"or step, to a tenth after each third of the steps. Default " + optim.Schedules[0].Name + ".",
	"warmup": "Steps over which the learning rate rises to its peak. Default: a tenth of --steps.",

	"weight-decay": "Weight decay. Default {default}.",
	"clip-norm":    "Clip the gradient norm to this value; 0 is off. Default 0.",
}

// Help returns the help text of a setting, with its defaults as they follow from the
// rules, or "" if there is no setting of that name.
func Help(name string) string {
	var defaults []string
	for _, r := range rules {
		if v, ok := r.values[name]; ok {
			defaults = append(defaults, strings.TrimSpace(valueText(v)+" "+r.when))
		}
	}
	return strings.Replace(help[name], "{default}", strings.Join(defaults, ", "), 1)
}

// valueText writes a default as it would be given on a command line.
func valueText(v any) string {
	list, ok := v.([]int)
	switch {
	case !ok:
		return fmt.Sprint(v)
	case len(list) == 0:
		return "none"
	}
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(list), "[]"), " ", ",")
}

// Extensions lists the extensions of files that can be read, or written, as what is asked for.
func Extensions(can func(data.Format) bool) string {
	var list []string
	for _, f := range data.Formats() {
		if can(f) {
			list = append(list, f.Extension)
		}
	}
	return oneOf(list)
}

// oneOf returns a list such as "a, b or c".
func oneOf(list []string) string {
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " or " + list[last]
}
