// Package data reads and writes files of vectors, and the labels and triplets that go with them.
//
//   - [OpenVectors] opens a file of embeddings, which may be larger than memory
//   - [ReadVectors] reads all of it
//   - [WriteVectors] and [WriteVectorsFrom] write one
//   - [ReadLabels] and [ReadTriplets] read what a loss by labels or by triplets needs
//   - [Formats] lists the formats: .npy, .npz, .safetensors, .parquet, .csv, .jsonl and others
//   - [ReadSafetensors] and [WriteSafetensors] are for models: many tensors of float32
//   - [WriteAtomic] replaces a file so that a crash leaves the old content or the new
//
// For example:
//
//	vectors, err := data.OpenVectors("embeddings.parquet")
//	batch := simd.NewMatrix(256, vectors.Dim())
//	err = vectors.Read(batch, 0) // vectors 0 to 255
//
// Pictures are read by data/images, and drawn by data/glyphs.
//
// Every file is taken for hostile: sizes are checked against what the file can hold before memory
// is allocated, and an error is one line that names the byte offset or the line, the rule, what was
// found and what was wanted.
package data
