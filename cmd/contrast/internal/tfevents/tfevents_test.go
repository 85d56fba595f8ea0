package tfevents

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var at = time.Unix(1700000000, 500_000_000)

// TestGoldenBytes holds a file to bytes put together by hand from the .proto files; the
// checksums are those of the reader below, which was given the known answer of
// TestMaskedCRC.
func TestGoldenBytes(t *testing.T) {
	w := create(t, t.TempDir())
	must(t, w.Scalar("loss", 300, 0.5, at))
	must(t, w.Scalar("a/b", -1, float32(math.Inf(1)), at))
	must(t, w.Restart(2, at))
	must(t, w.Close())
	wall := "09" + "00002040fc54d941" // 1700000000.5
	want := []string{
		wall + "1a0d" + hex.EncodeToString([]byte("brain.Event:2")),
		wall + "10ac02" + "2a0d" + "0a0b" + "0a04" + hex.EncodeToString([]byte("loss")) + "15" + "0000003f",
		wall + "10ffffffffffffffffff01" + "2a0c" + "0a0a" + "0a03" + hex.EncodeToString([]byte("a/b")) + "15" + "0000807f",
		wall + "1002" + "3a02" + "0801",
	}
	got := records(t, read(t, w.Name()))
	if len(got) != len(want) {
		t.Fatalf("got %d records, want %d", len(got), len(want))
	}
	for i := range got {
		if g := hex.EncodeToString(got[i]); g != want[i] {
			t.Errorf("record %d:\n got %s\nwant %s", i, g, want[i])
		}
	}
	first := "1800000000000000a37f4b22" + want[0] // as TensorFlow writes the first 12 bytes of every file
	if g := hex.EncodeToString(read(t, w.Name())); !strings.HasPrefix(g, first) {
		t.Errorf("the file begins %s,\nwant %s", g[:len(first)], first)
	}
}

// TestMaskedCRC knows the CRC-32C of 32 zeros from RFC 3720, B.4.
func TestMaskedCRC(t *testing.T) {
	crc := uint32(0x8a9136aa)
	if got, want := masked(make([]byte, 32)), (crc>>15|crc<<17)+0xa282ead8; got != want {
		t.Errorf("got %#x, want %#x", got, want)
	}
}

func TestScalarsReadBack(t *testing.T) {
	w := create(t, t.TempDir())
	type scalar struct {
		tag   string
		step  int64
		value float32
	}
	var want []scalar
	for i, n := range []int{0, 1, 100, 116, 117, 118, 127, 128, 129, 16370, 16384, 20000} { // around lengths of 1, 2 and 3 bytes
		want = append(want, scalar{strings.Repeat("é", n/2) + strings.Repeat("x", n%2), int64(i) << (5 * i), float32(i) / 3})
	}
	for _, s := range want {
		must(t, w.Scalar(s.tag, s.step, s.value, at))
	}
	must(t, w.Close())
	got := records(t, read(t, w.Name()))[1:]
	if len(got) != len(want) {
		t.Fatalf("got %d scalars, want %d", len(got), len(want))
	}
	for i, s := range want {
		event := fields(t, got[i])
		value := fields(t, fields(t, event[5].bytes)[1].bytes)
		read := scalar{string(value[1].bytes), int64(event[2].number), math.Float32frombits(uint32(value[2].number))}
		if read != s {
			t.Errorf("scalar %d: got %+v, want %+v", i, read, s)
		}
		if seconds := math.Float64frombits(event[1].number); seconds != 1700000000.5 {
			t.Errorf("scalar %d: at %v", i, seconds)
		}
	}
}

// TestFilesOfOneSecond holds that a run never appends to the file of another.
func TestFilesOfOneSecond(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs", "run")
	host, err := os.Hostname()
	must(t, err)
	for n := range 3 {
		w := create(t, dir)
		must(t, w.Close())
		if got, want := filepath.Base(w.Name()), fmt.Sprintf("events.out.tfevents.1700000000.%s.%d.%d", fileName(host), os.Getpid(), n); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := fileName(`a/b\c:d` + "\n"); got != "a-b-c-d-" {
		t.Errorf("host in a file name: got %q", got)
	}
}

func TestErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o666))
	if _, err := Create(file, at); err == nil || !strings.HasPrefix(err.Error(), "events: ") {
		t.Errorf("a file as folder: got error %v", err)
	}
	w := create(t, t.TempDir())
	must(t, w.Scalar("loss", 1, 1, at))
	must(t, w.f.Close())
	if err := w.Close(); err == nil || !strings.HasPrefix(err.Error(), "events: ") {
		t.Errorf("a file that was closed: got error %v", err)
	}
}

func TestScalarAllocatesNothing(t *testing.T) {
	w := create(t, t.TempDir())
	defer w.Close()
	if n := testing.AllocsPerRun(100, func() { must(t, w.Scalar("train/loss", 1<<40, 1, at)) }); n != 0 {
		t.Errorf("%v allocations a scalar", n)
	}
}

func create(t *testing.T, dir string) *Writer {
	t.Helper()
	w, err := Create(dir, at)
	must(t, err)
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return b
}

// records returns the payloads of a file, all checksums checked.
func records(t *testing.T, b []byte) (payloads [][]byte) {
	t.Helper()
	next := func(n uint64) []byte {
		if uint64(len(b)) < n {
			t.Fatalf("%d bytes are left after %d records, want %d", len(b), len(payloads), n)
		}
		head := b[:n]
		b = b[n:]
		return head
	}
	checked := func(n uint64) []byte {
		p := next(n)
		// The inverse of the mask.
		sum := binary.LittleEndian.Uint32(next(4)) - 0xa282ead8
		if got, want := sum<<15|sum>>17, crc32.Checksum(p, crc32.MakeTable(crc32.Castagnoli)); got != want {
			t.Fatalf("record %d: checksum %#x, want %#x", len(payloads), got, want)
		}
		return p
	}
	for len(b) > 0 {
		payloads = append(payloads, bytes.Clone(checked(binary.LittleEndian.Uint64(checked(8)))))
	}
	return payloads
}

type field struct {
	number uint64
	bytes  []byte
}

// fields returns the fields of a message by their numbers.
func fields(t *testing.T, b []byte) map[uint64]field {
	t.Helper()
	m := make(map[uint64]field)
	uvarint := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			t.Fatalf("no varint in % x", b)
		}
		b = b[n:]
		return v
	}
	for len(b) > 0 {
		key := uvarint()
		var f field
		switch key & 7 {
		case 0:
			f.number = uvarint()
		case 1:
			f.number = binary.LittleEndian.Uint64(b)
			b = b[8:]
		case 2:
			n := uvarint()
			f.bytes = b[:n]
			b = b[n:]
		case 5:
			f.number = uint64(binary.LittleEndian.Uint32(b))
			b = b[4:]
		default:
			t.Fatalf("field of type %d", key&7)
		}
		m[key>>3] = f
	}
	return m
}
