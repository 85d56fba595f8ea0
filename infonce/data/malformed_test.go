package data

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
	{Format: "npy", File: "bad.npy", AtLeast: 40, Files: filetest.Files(badNPY()), Read: readAllVectors},
	{Format: "npz", File: "bad.npz", AtLeast: 20, Files: filetest.Files(badNPZ()), Read: readAllVectors},
	{Format: "fvecs", File: "bad.fvecs", AtLeast: 10, Files: filetest.Files(badFvecs()), Read: readAllVectors},
	{Format: "bvecs", File: "bad.bvecs", AtLeast: 3, Files: filetest.Files(badBvecs()), Read: readAllVectors},
	{Format: "safetensors", File: "bad.safetensors", AtLeast: 50, Files: filetest.Files(badSafetensors()), Read: readTensorFile, Unnamed: true},
	{Format: "safetensors", File: "bad.safetensors", AtLeast: 10, Files: filetest.Files(badTensorVectors()), Read: readAllVectors},
	{Format: "csv", File: "bad.csv", AtLeast: 20, Files: filetest.Files(badCSV()), Read: readAllVectors},
	{Format: "jsonl", File: "bad.jsonl", AtLeast: 20, Files: filetest.Files(badJSONL()), Read: readAllVectors},
	{Format: "parquet", File: "bad.parquet", AtLeast: 60, Files: filetest.Files(badParquet()), Read: readAllVectors},
	{Format: "npy", File: "labels.npy", AtLeast: 5, Files: filetest.Files(badNPYLabels()), Read: readAllLabels},
	{Format: "ivecs", File: "labels.ivecs", AtLeast: 3, Files: filetest.Files(badIvecsLabels()), Read: readAllLabels},
	{Format: "csv", File: "labels.csv", AtLeast: 4, Files: filetest.Files(badCSVLabels()), Read: readAllLabels},
	{Format: "jsonl", File: "labels.jsonl", AtLeast: 4, Files: filetest.Files(badJSONLLabels()), Read: readAllLabels},
	{Format: "txt", File: "labels.txt", AtLeast: 3, Files: filetest.Files(badText()), Read: readAllLabels},
	{Format: "npy", File: "triplets.npy", AtLeast: 4, Files: filetest.Files(badNPYTriplets()), Read: readAllTriplets},
	{Format: "ivecs", File: "triplets.ivecs", AtLeast: 5, Files: filetest.Files(badIvecs()), Read: readAllTriplets},
	{Format: "csv", File: "triplets.csv", AtLeast: 5, Files: filetest.Files(badCSVTriplets()), Read: readAllTriplets},
	{Format: "jsonl", File: "triplets.jsonl", AtLeast: 5, Files: filetest.Files(badJSONLTriplets()), Read: readAllTriplets},
}

func readAllVectors(path string) error {
	_, err := ReadVectors(path)
	return err
}

func TestMalformed(t *testing.T) { filetest.Malformed(t, badCorpora) }
