package golden

import (
	"github.com/contrast-go/contrast/infonce/eval"
	"github.com/contrast-go/contrast/internal/bits"
)

func evalEntries() []Entry {
	return []Entry{{"eval", "Probe", func(h *bits.Hash) {
		s := newSource(5)
		for _, c := range [][3]int{{40, 3, 2}, {700, 17, 5}} {
			x, labels := s.matrix(c[0], c[1]), make([]int, c[0])
			for i := range labels {
				labels[i] = s.IntN(c[2])
				x.Row(i)[0] += float32(labels[i])
			}
			p, err := eval.Probe{Steps: 20}.Fit(x, labels)
			if err != nil {
				panic(err) // the inputs are fixed: only a broken probe can fail
			}
			classes, err := p.Predict(x, 0)
			if err != nil {
				panic(err)
			}
			h.Float64s([]float64{p.Loss, p.Gradient})
			h.Ints([]int{p.Steps})
			h.Ints(classes)
		}
	}}}
}
