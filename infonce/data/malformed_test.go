package data

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// A badFile breaks a rule. It is told by an error of one line that contains want.
type badFile struct {
	name string
	file []byte
	want string
}

// A badCorpus is files that break the rules of a format.
type badCorpus struct {
	format  string // as errors begin
	file    string // the name of a file, with what tells its format
	atLeast int    // how many there are
	files   []badFile
	read    func(path string) error // reads all of a file
	bytes   bool                    // read is told bytes, so that the error names no file
}

var badCorpora = []badCorpus{
	{"npy", "bad.npy", 40, badNPY(), readAllRows, false},
	{"npz", "bad.npz", 20, badNPZ(), readAllRows, false},
	{"fvecs", "bad.fvecs", 10, badFvecs(), readAllRows, false},
	{"bvecs", "bad.bvecs", 3, badBvecs(), readAllRows, false},
	{"safetensors", "bad.safetensors", 50, badSafetensors(), readTensorFile, true},
	{"safetensors", "bad.safetensors", 10, badTensorRows(), readAllRows, false},
	{"csv", "bad.csv", 20, badCSV(), readAllRows, false},
	{"jsonl", "bad.jsonl", 20, badJSONL(), readAllRows, false},
	{"parquet", "bad.parquet", 60, badParquet(), readAllRows, false},
	{"npy", "labels.npy", 5, badNPYLabels(), readAllLabels, false},
	{"csv", "labels.csv", 4, badCSVLabels(), readAllLabels, false},
	{"jsonl", "labels.jsonl", 4, badJSONLLabels(), readAllLabels, false},
	{"txt", "labels.txt", 3, badText(), readAllLabels, false},
	{"npy", "triplets.npy", 4, badNPYTriplets(), readAllTriplets, false},
	{"ivecs", "triplets.ivecs", 5, badIvecs(), readAllTriplets, false},
	{"csv", "triplets.csv", 5, badCSVTriplets(), readAllTriplets, false},
	{"jsonl", "triplets.jsonl", 5, badJSONLTriplets(), readAllTriplets, false},
	{"cifar", "data_batch_1.bin", 5, badCIFAR(), readCIFARFolder, false},
	{"images", "bad.png", 20, badPictures(), readPicture, false},
	{"idx", "train-images-idx3-ubyte", 40, badIDX(), readIDXFolder, false},
}

func readAllRows(path string) error {
	_, err := ReadRows(path)
	return err
}

// TestMalformed reads every file that breaks a rule: the error names the file and the
// rule, and no more memory is taken than 64 MiB and twice the size of the file.
func TestMalformed(t *testing.T) {
	files := 0
	for _, c := range badCorpora {
		if len(c.files) < c.atLeast {
			t.Errorf("%d malformed files of %s, want %d", len(c.files), c.format, c.atLeast)
		}
		files += len(c.files)
		for _, bad := range c.files {
			t.Run(c.format+"/"+bad.name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), c.file)
				if err := os.WriteFile(path, bad.file, 0o666); err != nil {
					t.Fatal(err)
				}
				var err error
				took := allocated(func() { err = c.read(path) }) // TotalAlloc includes what is freed
				prefix := c.format + ": " + path + ": "
				if c.bytes {
					prefix = c.format + ": offset "
				}
				checkMalformed(t, err, prefix, bad.want)
				if limit := uint64(64<<20 + 2*len(bad.file)); took > limit {
					t.Errorf("%d bytes allocated for a file of %d", took, len(bad.file))
				}
			})
		}
	}
	if files < 150 {
		t.Errorf("%d malformed files, want at least 150", files)
	}
	t.Logf("%d malformed files", files)
}

// allocated returns the bytes that f allocates, and other goroutines meanwhile.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
