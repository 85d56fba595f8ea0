// Package images reads pictures: folders of image files, the MNIST family (IDX) and CIFAR-10.
//
//   - [Open] tells by what is in a folder which of these it is
//   - [ReadFolder], [ReadIDX] and [ReadCIFAR10] read one of them
//   - [Formats] lists the formats of the files of a folder: PNG, JPEG and others
//   - [Set] is what they return: images of one size, with a class each
//   - [SplitClasses] splits a Set so that whole classes are unseen
//
// For example:
//
//	train, test, err := images.Open("faces", images.Size{Width: 64, Height: 64})
//	fmt.Println(train.Len(), "images of", len(train.Classes), "people")
//
// Every file is taken for hostile: sizes are checked before memory is allocated, and an error is
// one line that names the file, the rule, what was found and what was wanted.
package images
