package golden

import "github.com/contrast-go/contrast/infonce/data"

func dataEntries() []Entry {
	return []Entry{{"data", "Glyphs", func(h *Hash) {
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
