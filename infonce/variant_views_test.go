package infonce_test

import (
	"fmt"
	"math"

	. "github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/internal/ref"
)

// viewVariants are the losses of a sum over rows of logits that are not softmax alone.
func viewVariants(temperature float32, dot bool) []variant {
	τ := float64(temperature)
	sigLIP := func(bias float32) variant {
		return variant{name: fmt.Sprintf("SigLIP/bias=%v", bias), queries: 1, keys: same, negs: none, sums: true, bias: math.Abs(float64(bias)),
			new: func(w int) Loss {
				return &SigLIP{Temperature: temperature, Bias: bias, NoBias: bias == 0, DotProduct: dot, Workers: w}
			},
			truth: func(b Batch) (float64, ref.Grad) {
				return ref.SigLIP(mat(b.Q), mat(b.K), τ, float64(bias), !dot)
			},
		}
	}
	hcl := func(concentration, prior float32) variant {
		v := variant{name: fmt.Sprintf("HCL/concentration=%v,prior=%v", concentration, prior), queries: 2, keys: same, negs: none,
			new: func(w int) Loss {
				return &HCL{Temperature: temperature, Concentration: concentration, PriorPositive: prior, DotProduct: dot, Workers: w}
			},
			truth: func(b Batch) (float64, ref.Grad) {
				return ref.HCL(mat(b.Q), mat(b.K), τ, float64(concentration), float64(prior), !dot)
			},
		}
		// The gradient of a logit is A·((1+c)·p − c·p′), where A is R/(R + (1−ρ−ρm)·e^z⁺), above 1 where the prior takes a part
		// of R; with it grows what a change of the logits does.
		v.steep = 2 * float64(1+concentration)
		if prior > 0 {
			v.steep *= 10
		}
		v.mass = v.steep
		return v
	}
	more := sigLIP(-10)
	more.name, more.keys = "SigLIP/keys", func(n int) int { return n + n/2 + 3 }
	vs := []variant{sigLIP(-10), more, sigLIP(0), sigLIP(3.5), hcl(1, 0), hcl(0, 0), hcl(0, 0.1), hcl(0.5, 0.05)}
	for i := range vs {
		vs[i].beta, vs[i].cosine = 1/τ, !dot
		vs[i].name += fmt.Sprintf("/temperature=%v", temperature)
		if dot {
			vs[i].name += "/dot"
		}
	}
	return vs
}

// spreadVariants are the losses without a temperature that compare all rows.
func spreadVariants() []variant {
	nPair := func(λ float32) variant {
		return variant{name: fmt.Sprintf("NPair/regularization=%v", λ), queries: 1, keys: same, negs: none, beta: 1,
			new:   func(w int) Loss { return &NPair{Regularization: λ, Workers: w} },
			truth: func(b Batch) (float64, ref.Grad) { return ref.NPair(mat(b.Q), mat(b.K), float64(λ)) },
		}
	}
	return []variant{
		nPair(0), nPair(0.02),
		alignUniform(AlignUniform{}, true),
		alignUniform(AlignUniform{Alpha: 1, T: 3, Alignment: 0.5, Uniformity: 2}, true),
		alignUniform(AlignUniform{Alpha: 3, Alignment: 1}, true),
		alignUniform(AlignUniform{T: MaxUniformT, Uniformity: 1}, true),
		alignUniform(AlignUniform{T: 0.5}, false),
	}
}

// alignUniform is AlignUniform with the settings of l, of Q and K or of Q alone.
func alignUniform(l AlignUniform, paired bool) variant {
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
	v := variant{queries: 1, keys: same, negs: none, cosine: true, signed: true,
		name: fmt.Sprintf("AlignUniform/alpha=%v,t=%v,weights=%v,%v", set.Alpha, set.T, set.Alignment, set.Uniformity),
		new: func(w int) Loss {
			return &AlignUniform{Alpha: l.Alpha, T: l.T, Alignment: l.Alignment, Uniformity: l.Uniformity, Workers: w}
		},
	}
	if !paired {
		v.name += ",alone"
		v.keys = none
		wa = 0
	} else {
		wu /= 2
	}
	v.truth = func(b Batch) (float64, ref.Grad) {
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
	// The exponent is off as a logit of β = 2t is, and the weights e^z/Σ e^z, which all uniformities share, with it. A difference of
	// unit rows is off by two ulps, relative to which its length may be small.
	v.tolerance = func(b Batch, want truth) tolerance {
		n, d := float64(b.Q.Rows), float64(b.Q.Cols)
		δ := 2 * t * ulp * (8 + math.Sqrt(d)/2)
		var rows [2]ref.Mat
		var norms [2][]float64
		for p := range 2 {
			rows[p], norms[p] = ref.Normalize(mat(part(b, p)))
		}
		pull := func(i int) float64 { return 0 }
		if wa > 0 {
			pull = func(i int) float64 {
				l := max(math.Sqrt(ref.SquaredDistance(rows[0].Row(i), rows[1].Row(i))), 2*ulp)
				return wa * α / n * (math.Pow(l, α-1) + math.Pow(l, α-2)) * 8 * ulp
			}
		}
		return tolerance{
			value: 1e-7*math.Abs(want.loss) + wa*α*math.Pow(2, α)*8*ulp + 2*wu*(δ+8*ulp),
			row: func(p, i int) float64 {
				if norms[p][i] == 0 {
					return 0
				}
				unit := 2*t*wu*(2*δ+(8+math.Sqrt(n))*ulp) + pull(i)
				return unit/norms[p][i]*(1+0x1p-149/norms[p][i]) + (2*t*wu+wa*α*math.Pow(2, α)/n)*0x1p-149/norms[p][i]/norms[p][i]
			},
		}
	}
	return v
}

func times(s float64, a ref.Mat) ref.Mat {
	for i := range a.Data {
		a.Data[i] *= s
	}
	return a
}
