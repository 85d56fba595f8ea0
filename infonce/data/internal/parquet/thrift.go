package parquet

import (
	"encoding/binary"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
)

// Types of the compact protocol of Thrift (github.com/apache/thrift, doc/specs).
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftInt16  = 4
	thriftInt64  = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftStruct = 12

	maxThriftDepth = 16
	maxThriftCost  = 32 << 20 // bytes that the elements of lists take, roughly
)

// A thriftWalker checks a Thrift struct before the library decodes it, which takes memory for as
// many elements as a list claims to have.
type thriftWalker struct {
	b    []byte
	i    int
	at   int64 // offset of b in the file
	cost int64
}

// decodeThrift decodes the struct at the start of b, which is at an offset of the file, into v, and
// returns its length.
func decodeThrift(b []byte, at int64, what string, v any) (n int, err error) {
	w := &thriftWalker{b: b, at: at}
	if err := w.fields(what, 0); err != nil {
		return 0, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("offset %d: %s: %v", at, what, p)
		}
	}()
	if err := thrift.Unmarshal(new(thrift.CompactProtocol), b[:w.i], v); err != nil {
		return 0, fmt.Errorf("offset %d: %s: %w", at, what, err)
	}
	return w.i, nil
}

// malformed returns the error for the next byte.
func (w *thriftWalker) malformed(what string, got, want any) error {
	return input.Malformed(w.at+int64(w.i), what, got, want)
}

// skip skips n bytes.
func (w *thriftWalker) skip(what string, n uint64) error {
	if left := uint64(len(w.b) - w.i); n > left {
		return w.malformed(what, fmt.Sprintf("%d bytes", left), fmt.Sprintf("%d more", n))
	}
	w.i += int(n)
	return nil
}

func (w *thriftWalker) byte(what string) (byte, error) {
	if err := w.skip(what, 1); err != nil {
		return 0, err
	}
	return w.b[w.i-1], nil
}

func (w *thriftWalker) varint(what string) (uint64, error) {
	v, n := binary.Uvarint(w.b[w.i:])
	if n <= 0 {
		return 0, w.malformed(what, "no end of an integer", "one of 64 bits")
	}
	w.i += n
	return v, nil
}

// fields checks the fields of a struct.
func (w *thriftWalker) fields(what string, depth int) error {
	if depth == maxThriftDepth {
		return w.malformed(what, "more", fmt.Sprintf("at most %d structs in each other", maxThriftDepth))
	}
	for {
		head, err := w.byte(what)
		if err != nil || head == 0 {
			return err
		}
		if head>>4 == 0 {
			if _, err := w.varint(what); err != nil {
				return err
			}
		}
		kind := head & 15
		if kind == thriftTrue || kind == thriftFalse {
			continue // the value of a boolean is its type
		}
		if err := w.value(what, kind, depth); err != nil {
			return err
		}
	}
}

// value checks a value of a type.
func (w *thriftWalker) value(what string, kind byte, depth int) error {
	switch {
	case kind == thriftTrue || kind == thriftFalse || kind == thriftByte:
		return w.skip(what, 1)
	case kind >= thriftInt16 && kind <= thriftInt64:
		_, err := w.varint(what)
		return err
	case kind == thriftDouble:
		return w.skip(what, 8)
	case kind == thriftBinary:
		n, err := w.varint(what)
		if err != nil {
			return err
		}
		return w.skip(what, n)
	case kind == thriftList:
		return w.list(what, depth)
	case kind == thriftStruct:
		return w.fields(what, depth+1)
	}
	return w.malformed(what, fmt.Sprintf("type %d", kind), "one of the format")
}

func (w *thriftWalker) list(what string, depth int) error {
	head, err := w.byte(what)
	if err != nil {
		return err
	}
	n, kind := uint64(head>>4), head&15
	if n == 15 {
		if n, err = w.varint(what); err != nil {
			return err
		}
	}
	if left := uint64(len(w.b) - w.i); n > left {
		return w.malformed(what, fmt.Sprintf("a list of %d", n), fmt.Sprintf("at most as many as the %d bytes that follow", left))
	}
	each := int64(8)
	switch kind {
	case thriftStruct:
		each = 1 << 10 // the largest struct has 560 bytes, and lists of its own
	case thriftBinary:
		each = 32
	}
	if w.cost += int64(n) * each; w.cost > maxThriftCost {
		return w.malformed(what, "more", fmt.Sprintf("at most about %d columns in groups of rows", maxThriftCost>>12))
	}
	for range n {
		if err := w.value(what, kind, depth+1); err != nil {
			return err
		}
	}
	return nil
}
