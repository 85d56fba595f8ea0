package golden

import (
	"github.com/contrast-go/contrast/infonce/data/glyphs"
	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/internal/bits"
)

func dataEntries() []Entry {
	return []Entry{{"data", "Glyphs", func(h *bits.Hash) {
		seen, unseen, err := glyphs.Draw()
		if err != nil {
			panic(err) // the typefaces are part of the program
		}
		for _, m := range []images.Set{seen, unseen} {
			for _, p := range m.Pixels {
				h.Ints([]int{int(p)})
			}
		}
	}}}
}
