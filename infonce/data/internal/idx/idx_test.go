package idx

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

// TestMemory has a header that promises 1 GiB where there is 1 MiB. The
// file could hold it, had it compressed that well.
func TestMemory(t *testing.T) {
	const size = 1 << 20
	file := filetest.Gzipped(filetest.IDX(filetest.Ramp(size), 1<<10, 1<<10, 1<<10))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := Decode(bytes.NewReader(file), size, "n", "rows", "columns")
	runtime.ReadMemStats(&after)
	filetest.CheckError(t, err, "offset 1048592: ", "length of data: got end of file, want 1072693248 more bytes")
	if got := after.TotalAlloc - before.TotalAlloc; got > 8*size {
		t.Errorf("%d bytes allocated for a file of %d", got, size)
	}
}

func FuzzDecode(f *testing.F) {
	good := filetest.IDX(filetest.Ramp(12), 2, 2, 3)
	f.Add(good)
	f.Add(filetest.Gzipped(good))
	f.Add(filetest.IDX(filetest.Ramp(5), 5))
	f.Add(good[:20])
	f.Add(filetest.IDX(nil, 1<<16, 1<<8, 1<<8))
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, names := range [][]string{{"labels"}, {"images", "rows", "columns"}} {
			dims, data, err := Decode(bytes.NewReader(file), int64(len(file)), names...)
			if err != nil {
				filetest.CheckError(t, err, "offset ", ": ")
				continue
			}
			n := make([]uint32, len(dims))
			product := 1
			for i, d := range dims {
				n[i] = uint32(d)
				product *= d
			}
			if product != len(data) {
				t.Fatalf("%d bytes of dimensions %d", len(data), dims)
			}
			if again := filetest.IDX(data, n...); file[0] == 0 && !bytes.Equal(again, file) {
				t.Fatalf("%x decoded to dimensions %d and %x", file, dims, data)
			}
		}
	})
}
