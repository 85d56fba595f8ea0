package tfevents

import (
	"encoding/binary"
	"hash/crc32"
)

// recordHeader is the bytes before the payload: its length and the checksum of that.
const recordHeader = 8 + 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame completes a record whose payload lies after a header yet to be filled in.
func frame(record []byte) []byte {
	binary.LittleEndian.PutUint64(record, uint64(len(record)-recordHeader))
	binary.LittleEndian.PutUint32(record[8:], masked(record[:8]))
	return binary.LittleEndian.AppendUint32(record, masked(record[recordHeader:]))
}

// masked returns the CRC-32C of b, rotated and shifted by a constant, so that checksums of data
// that contains checksums are no special case (tensorflow/core/lib/hash/crc32c.h).
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}
