package golden

import (
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/internal/bits"
)

func dataEntries() []Entry {
	return []Entry{{"data", "Glyphs", func(h *bits.Hash) {
		seen, unseen, err := data.Glyphs()
		if err != nil {
			panic(err) // the typefaces are part of the program
		}
		for _, m := range []data.Images{seen, unseen} {
			for _, p := range m.Pixels {
				h.Ints([]int{int(p)})
			}
		}
	}}}
}
