package images

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Open reads images from a folder. What is in the folder tells how:
//
//   - with an idx3-ubyte file, as a dataset of the MNIST family, by [ReadIDX]
//   - with data_batch_1.bin or test_batch.bin, as CIFAR-10, by [ReadCIFAR10]
//   - with folders train and test, as two folders of images, by [ReadFolder]
//   - otherwise as one folder of images: every fifth, the first being image 4, goes to test
//
// Folders of images are brought to size. For the other formats, size must be zero or the one they
// have. Train and test have the same classes.
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

// sized reads images of a format with a size of its own, which size must not contradict.
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
