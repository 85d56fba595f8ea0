package tfevents

import (
	"encoding/binary"
	"math"
	"time"
)

// The fields that are written: their numbers in event.proto and summary.proto.
const (
	eventWallTime    = 1 // double, seconds since 1970
	eventStep        = 2 // int64
	eventFileVersion = 3 // string
	eventSummary     = 5 // message
	eventSessionLog  = 7 // message

	summaryValue = 1 // message, repeated

	valueTag    = 1 // string
	valueSimple = 2 // float

	sessionLogStatus = 1 // enum
	sessionStart     = 1
)

// The types of a field on the wire.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

// appendEvent appends the fields that all events have.
func appendEvent(b []byte, at time.Time, step int64) []byte {
	b = append(b, eventWallTime<<3|wire64)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(at.UnixMicro())/1e6))
	if step == 0 {
		return b // the value of a field that is absent
	}
	b = append(b, eventStep<<3|wireVarint)
	return binary.AppendUvarint(b, uint64(step)) // a negative int64 takes ten bytes
}

// appendScalar appends the field Summary{Value{tag, simple_value}} of an event.
func appendScalar(b []byte, tag string, value float32) []byte {
	size := 1 + uvarintSize(len(tag)) + len(tag) + 1 + 4 // of the Value
	b = append(b, eventSummary<<3|wireBytes)
	b = binary.AppendUvarint(b, uint64(1+uvarintSize(size)+size))
	b = append(b, summaryValue<<3|wireBytes)
	b = binary.AppendUvarint(b, uint64(size))
	b = appendBytes(b, valueTag, tag)
	b = append(b, valueSimple<<3|wire32)
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(value))
}

// appendRestart appends the field SessionLog{START} of an event.
func appendRestart(b []byte) []byte {
	return append(b, eventSessionLog<<3|wireBytes, 2, sessionLogStatus<<3|wireVarint, sessionStart)
}

// appendBytes appends a field of the type string.
func appendBytes(b []byte, field int, s string) []byte {
	b = append(b, byte(field<<3|wireBytes))
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// uvarintSize returns the bytes that AppendUvarint appends.
func uvarintSize(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}
