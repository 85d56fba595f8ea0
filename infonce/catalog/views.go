package catalog

import (
	"fmt"
	"math"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
	"github.com/contrast-go/contrast/simd"
)

// viewLosses are the losses of two views without a softmax.
func viewLosses() []Loss { return []Loss{sigLIP(), alignUniform()} }

func sigLIP() Loss {
	truth := func(s Settings, bias float32) oracle {
		return func(b infonce.Batch) (float64, ref.Grad) {
			return ref.SigLIP(mat(b.Q), mat(b.K), float64(s.Temperature), float64(bias), !s.DotProduct)
		}
	}
	return Loss{
		Name:  "SigLIP",
		About: "each query and key on their own, with a bias",
		Uses:  []Use{{"SigLIP", "`SigLIP`", "Q, K", "Zhai et al. 2023"}},
		Commands: []Command{{Name: "siglip", Title: "SigLIP", New: func(s Settings) (infonce.Loss, *float32) {
			l := &infonce.SigLIP{Temperature: s.Temperature, Workers: s.Workers}
			return l, &l.Temperature
		}}},
		Varies: ByTemperature,
		Cases: func(s Settings) []Case {
			biased := func(bias float32) Case {
				return Case{
					Name: fmt.Sprintf("SigLIP/bias=%v", bias), Shape: pairs, Oracle: truth(s, bias),
					Rounding: Rounding{Queries: 1, Sums: true, Bias: math.Abs(float64(bias))},
					New: func(workers int) infonce.Loss {
						return &infonce.SigLIP{Temperature: s.Temperature, Bias: bias, NoBias: bias == 0, DotProduct: s.DotProduct, Workers: workers}
					},
				}
			}
			keys := biased(-10)
			keys.Name, keys.Keys = "SigLIP/keys", func(n int) int { return n + n/2 + 3 }
			return byTemperature(s, []Case{biased(-10), keys, biased(0), biased(3.5)})
		},
		Golden: []Case{
			{Name: "SigLIP", New: always(&infonce.SigLIP{}), Shape: pairs},
			{Name: "SigLIP/keys=more/bias=0", New: always(&infonce.SigLIP{NoBias: true}), Shape: Shape{Keys: more(9)}},
			{Name: "SigLIP/similarity=dot", New: always(&infonce.SigLIP{DotProduct: true, Temperature: 1, Bias: -3}), Shape: pairs},
			{Name: "SigLIP/precision=bfloat16", New: always(&infonce.SigLIP{Precision: simd.BFloat16}), Shape: pairs},
			{Name: "SigLIP/weights/ids", New: always(&infonce.SigLIP{}), Shape: pairs.weighted()},
		},
		Bench: []Case{{
			Name: "SigLIP", Shape: pairs, Flops: dense,
			New:    func(workers int) infonce.Loss { return &infonce.SigLIP{Workers: workers} },
			Oracle: truth(Settings{Temperature: 0.1}, -10),
		}},
	}
}

func alignUniform() Loss {
	bench := alignUniformCase(infonce.AlignUniform{}, true)
	bench.Name = "AlignUniform"
	bench.Flops = func(n, d float64) float64 { return 2 * dense(n, d) } // of two matrices
	return Loss{
		Name:  "AlignUniform",
		About: "pairs close to each other, all rows spread over the sphere",
		Uses:  []Use{{"alignment and uniformity", "`AlignUniform`", "Q, K", "Wang and Isola 2020"}},
		Cases: func(Settings) []Case {
			return []Case{
				alignUniformCase(infonce.AlignUniform{}, true),
				alignUniformCase(infonce.AlignUniform{Alpha: 1, T: 3, Alignment: 0.5, Uniformity: 2}, true),
				alignUniformCase(infonce.AlignUniform{Alpha: 3, Alignment: 1}, true),
				alignUniformCase(infonce.AlignUniform{T: infonce.MaxUniformT, Uniformity: 1}, true),
				alignUniformCase(infonce.AlignUniform{T: 0.5}, false),
			}
		},
		Golden: []Case{
			{Name: "AlignUniform", New: always(&infonce.AlignUniform{}), Shape: pairs},
			{Name: "AlignUniform/alpha=1/t=3", New: always(&infonce.AlignUniform{Alpha: 1, T: 3, Alignment: 2, Uniformity: 0.5}), Shape: pairs},
			{Name: "AlignUniform/alone", New: always(&infonce.AlignUniform{})},
		},
		Bench: []Case{bench},
	}
}

// alignUniformCase is AlignUniform with the settings of l, of Q and K or of Q alone.
func alignUniformCase(l infonce.AlignUniform, paired bool) Case {
	set := l
	if set.Alpha == 0 {
		set.Alpha = 2
	}
	if set.T == 0 {
		set.T = 2
	}
	if set.Alignment == 0 && set.Uniformity == 0 {
		set.Alignment, set.Uniformity = 1, 1
	}
	α, t, wa, wu := float64(set.Alpha), float64(set.T), float64(set.Alignment), float64(set.Uniformity)
	c := Case{
		Name:     fmt.Sprintf("AlignUniform/alpha=%v,t=%v,weights=%v,%v", set.Alpha, set.T, set.Alignment, set.Uniformity),
		Shape:    pairs,
		Rounding: Rounding{Queries: 1, Cosine: true, Signed: true},
		New: func(workers int) infonce.Loss {
			return &infonce.AlignUniform{Alpha: l.Alpha, T: l.T, Alignment: l.Alignment, Uniformity: l.Uniformity, Workers: workers}
		},
	}
	if !paired {
		c.Name += ",alone"
		c.Shape = Shape{}
		wa = 0
	} else {
		wu /= 2
	}
	c.Oracle = func(b infonce.Batch) (float64, ref.Grad) {
		loss, g := 0.0, ref.Grad{DQ: ref.NewMat(b.Q.Rows, b.Q.Cols), DK: ref.NewMat(b.K.Rows, b.K.Cols)}
		if wa > 0 && b.Q.Rows > 0 {
			a, h := ref.Align(mat(b.Q), mat(b.K), α)
			loss += wa * a
			g.DQ, g.DK = plus(g.DQ, times(wa, h.DQ)), plus(g.DK, times(wa, h.DK))
		}
		if wu > 0 {
			uq, hq := ref.Uniform(mat(b.Q), t)
			uk, hk := ref.Uniform(mat(b.K), t)
			loss += wu * (uq + uk)
			g.DQ, g.DK = plus(g.DQ, times(wu, hq.DQ)), plus(g.DK, times(wu, hk.DQ))
		}
		return loss, g
	}
	// The exponent is off as a logit of β = 2t is, and the weights e^z/Σ e^z, which all
	// uniformities share, with it. A difference of unit rows is off by two ulps, relative to which
	// its length may be small.
	c.Tolerance = func(b infonce.Batch, loss float64) Tolerance {
		n, d := float64(b.Q.Rows), float64(b.Q.Cols)
		δ := 2 * t * ulp * (8 + math.Sqrt(d)/2)
		var rows [2]ref.Mat
		var norms [2][]float64
		rows[0], norms[0] = ref.Normalize(mat(b.Q))
		rows[1], norms[1] = ref.Normalize(mat(b.K))
		pull := func(i int) float64 { return 0 }
		if wa > 0 {
			pull = func(i int) float64 {
				l := max(math.Sqrt(ref.SquaredDistance(rows[0].Row(i), rows[1].Row(i))), 2*ulp)
				return wa * α / n * (math.Pow(l, α-1) + math.Pow(l, α-2)) * 8 * ulp
			}
		}
		return Tolerance{
			Value: 1e-7*math.Abs(loss) + wa*α*math.Pow(2, α)*8*ulp + 2*wu*(δ+8*ulp),
			Row: func(p, i int) float64 {
				if norms[p][i] == 0 {
					return 0
				}
				unit := 2*t*wu*(2*δ+(8+math.Sqrt(n))*ulp) + pull(i)
				return unit/norms[p][i]*(1+0x1p-149/norms[p][i]) + (2*t*wu+wa*α*math.Pow(2, α)/n)*0x1p-149/norms[p][i]/norms[p][i]
			},
		}
	}
	return c
}
