package images

import (
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

// A badFile is a filetest.Bad, in tables without the names of the fields.
type badFile struct {
	Name string
	File []byte
	Want string
}

var badCorpora = []filetest.Corpus{
	{Format: "cifar", File: "data_batch_1.bin", AtLeast: 5, Files: filetest.Files(badCIFAR()), Read: readCIFARFolder},
	{Format: "images", File: "bad.png", AtLeast: 20, Files: filetest.Files(badPictures()), Read: readPicture},
	{Format: "idx", File: "train-images-idx3-ubyte", AtLeast: 40, Files: filetest.Files(badIDX()), Read: readIDXFolder},
}

func TestMalformed(t *testing.T) { filetest.Malformed(t, badCorpora) }
