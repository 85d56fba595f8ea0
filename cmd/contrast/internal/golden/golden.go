// Package golden holds hashes of results that must be the same on every level and
// architecture, and recomputes them.
//
// The hashes are recorded in one file a package. They are computed with the generic level by go
// test ./cmd/contrast/internal/golden -update; every other level, and every architecture, is held
// to them.
package golden

import (
	"bufio"
	"embed"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/contrast-go/contrast/internal/bits"
)

// An Entry is a result with a recorded hash.
type Entry struct {
	Package, Name string
	add           func(h *bits.Hash)
}

// Entries returns all entries, package by package.
func Entries() []Entry {
	return slices.Concat(simdEntries(), infonceEntries(), dataEntries(), trainEntries(), evalEntries())
}

// Sum recomputes the hash at the level in use.
func (e Entry) Sum() string {
	var h bits.Hash
	e.add(&h)
	return h.Sum()
}

// Check recomputes the hash at the level in use and returns an error unless it is
// the recorded one.
func (e Entry) Check() error {
	want, ok := recorded[e.Package][e.Name]
	if !ok {
		return fmt.Errorf("golden: %s %s: no hash is recorded", e.Package, e.Name)
	}
	if got := e.Sum(); got != want {
		return fmt.Errorf("golden: %s %s: hash is %s, want %s", e.Package, e.Name, got, want)
	}
	return nil
}

//go:embed *.txt
var files embed.FS

// recorded holds the hashes by package and name.
var recorded = func() map[string]map[string]string {
	all := make(map[string]map[string]string)
	names, _ := files.ReadDir(".")
	for _, f := range names {
		text, _ := files.ReadFile(f.Name())
		sums := make(map[string]string)
		for s := bufio.NewScanner(strings.NewReader(string(text))); s.Scan(); {
			if name, sum, ok := strings.Cut(s.Text(), " "); ok {
				sums[name] = sum
			}
		}
		all[strings.TrimSuffix(f.Name(), ".txt")] = sums
	}
	return all
}()

// A source makes inputs, the same on every architecture.
type source struct{ *rand.Rand }

func newSource(seed uint64) source { return source{rand.New(rand.NewPCG(seed, 0x90143))} }

// uniform returns n numbers in [−1, 1).
func (s source) uniform(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(s.IntN(1<<24)-1<<23) / (1 << 23)
	}
	return x
}

// bits returns n numbers of any bit pattern, NaN, infinities and subnormals among them.
func (s source) bits(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = math.Float32frombits(s.Uint32())
		if i%16 == 3 {
			x[i] = math.Float32frombits(s.Uint32() & 0x807fffff)
		}
	}
	return x
}
