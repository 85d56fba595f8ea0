package images

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Open reads images from a folder, and tells by what is in it how:
//
//   - the MNIST family, where there is an idx3-ubyte file, by [ReadIDX]
//   - CIFAR-10, where there is data_batch_1.bin or test_batch.bin, by [ReadCIFAR10]
//   - two folders of images, train and test, by [ReadFolder]
//   - else one, by ReadFolder: every fifth image, the first being image 4, is in test
//
// Images of a folder are brought to size, all to one; for the other formats, size must be
// zero or that which they have. Classes of train and test are the same.
func Open(dir string, size Size) (train, test Set, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return Set{}, Set{}, fmt.Errorf("images: %w", err)
	}
	folders := 0
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".gz")
		switch {
		case strings.HasSuffix(name, "idx3-ubyte"):
			return sized(dir, size, ReadIDX)
		case name == "data_batch_1.bin" || name == "test_batch.bin":
			return sized(dir, size, ReadCIFAR10)
		case name == "train" || name == "test":
			folders++
		}
	}
	if folders < 2 {
		all, err := ReadFolder(dir, size)
		if err != nil {
			return Set{}, Set{}, err
		}
		train, test = splitFifth(all)
		return train, test, nil
	}
	if train, err = ReadFolder(filepath.Join(dir, "train"), size); err != nil {
		return Set{}, Set{}, err
	}
	same := Size{train.Width, train.Height, train.Channels}
	if test, err = ReadFolder(filepath.Join(dir, "test"), same); err != nil {
		return Set{}, Set{}, err
	}
	classes := make(map[string]int)
	for c, name := range train.Classes {
		classes[name] = c
	}
	for i, label := range test.Labels {
		c, ok := classes[test.Classes[label]]
		if !ok {
			return Set{}, Set{}, fmt.Errorf("images: %s: class: got it to test with, want it to train on too", filepath.Join(dir, "test", test.Classes[label]))
		}
		test.Labels[i] = c
	}
	if (train.Labels == nil) != (test.Labels == nil) {
		return Set{}, Set{}, fmt.Errorf("images: %s: folders of classes: got them in one of train and test, want them in both or none", dir)
	}
	test.Classes = train.Classes
	return train, test, nil
}

// sized reads images, which have a size of their own.
func sized(dir string, size Size, read func(string) (train, test Set, err error)) (Set, Set, error) {
	train, test, err := read(dir)
	if err != nil {
		return Set{}, Set{}, err
	}
	have := Size{train.Width, train.Height, train.Channels}
	for _, d := range [][2]int{{size.Width, have.Width}, {size.Height, have.Height}, {size.Channels, have.Channels}} {
		if d[0] != 0 && d[0] != d[1] {
			return Set{}, Set{}, fmt.Errorf("images: %s: size: got %d×%d with %d channels, want to keep it", dir, have.Width, have.Height, have.Channels)
		}
	}
	return train, test, nil
}
