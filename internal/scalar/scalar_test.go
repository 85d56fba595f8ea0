package scalar

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// fmaExact is a·b + c in exact arithmetic, rounded once.
func fmaExact(a, b, c float32) float32 {
	x := new(big.Float).SetPrec(1200).SetFloat64(float64(a))
	x.Mul(x, new(big.Float).SetFloat64(float64(b)))
	x.Add(x, new(big.Float).SetFloat64(float64(c)))
	f, _ := x.Float32()
	return f
}

func finite(x float32) bool { return x-x == 0 }

// The double rounding that FMA must avoid shows up where the exact sum lies
// close to the middle of two float32. naive is the usual emulation; the test
// has power because naive fails it.
func TestFMAMidpoints(t *testing.T) {
	naive := func(a, b, c float32) float32 { return float32(float64(float64(a)*float64(b)) + float64(c)) }
	r := rand.New(rand.NewPCG(1, 2))
	naiveFails := 0
	check := func(a, b, c float32) {
		t.Helper()
		if !finite(a) || !finite(b) || !finite(c) {
			return
		}
		want := fmaExact(a, b, c)
		if got := FMA(a, b, c); math.Float32bits(got) != math.Float32bits(want) && !(got == 0 && want == 0) {
			t.Fatalf("FMA(%x, %x, %x) = %x, want %x", a, b, c, got, want)
		}
		if math.Float32bits(naive(a, b, c)) != math.Float32bits(want) {
			naiveFails++
		}
	}
	check(-0x1.0001p-24, 0x1.fffep-1, 0x1.19d072p+00)
	for range 100_000 {
		// c has 24 bits; the product puts a bit half an ulp below c and a
		// little more or less far below that.
		c := math.Float32frombits(0x3f800000 | r.Uint32()&0x007fffff)
		shift := r.IntN(22) + 1
		d := float32(math.Ldexp(1, -shift))
		a := float32(math.Ldexp(float64(1+d), -24))
		b := 1 - d
		for _, s := range []float32{1, -1} {
			check(float32(s*a), b, c)
			check(float32(s*a), 1+d, c)
			check(float32(s*a), b, -c)
		}
		// The same at the edge of the subnormals, where the last place is fixed.
		e := float32(math.Ldexp(float64(r.Uint32()&0xffffff), -149))
		check(float32(math.Ldexp(float64(1+d), -75)), float32(math.Ldexp(float64(b), -75)), e)
	}
	if naiveFails < 1000 {
		t.Errorf("the naive emulation failed %d cases only: the cases are too easy", naiveFails)
	}
}

func TestFMARandomBits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200_000 {
		a, b, c := math.Float32frombits(r.Uint32()), math.Float32frombits(r.Uint32()), math.Float32frombits(r.Uint32())
		if !finite(a) || !finite(b) || !finite(c) {
			continue
		}
		got, want := FMA(a, b, c), fmaExact(a, b, c)
		if math.Float32bits(got) != math.Float32bits(want) && !(got == 0 && want == 0) {
			t.Fatalf("FMA(%x, %x, %x) = %x, want %x", a, b, c, got, want)
		}
	}
}

func TestFMASpecial(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	negZero := float32(math.Copysign(0, -1))
	for _, c := range []struct{ a, b, c, want float32 }{
		{inf, 1, -inf, nan}, {0, inf, 1, nan}, {nan, 0, 0, nan}, {1, inf, 1, inf}, {1, 1, -inf, -inf},
		{math.MaxFloat32, 2, 0, inf}, {math.MaxFloat32, 1, math.MaxFloat32, inf},
		{0, 0, 0, 0}, {negZero, 1, negZero, negZero}, {negZero, 1, 0, 0}, {1, 1, -1, 0},
	} {
		got := FMA(c.a, c.b, c.c)
		if math.Float32bits(got) != math.Float32bits(c.want) && !(got != got && c.want != c.want) {
			t.Errorf("FMA(%v, %v, %v) = %v, want %v", c.a, c.b, c.c, got, c.want)
		}
	}
}

func TestFloat64Functions(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	near := func(name string, x, got, want, tol float64) {
		t.Helper()
		if !(math.Abs(got-want) <= tol) {
			t.Errorf("%s(%v) = %v, want %v", name, x, got, want)
		}
	}
	for range 200_000 {
		x := math.Ldexp(0.5+r.Float64(), r.IntN(400)-200)
		near("Log64", x, Log64(x), math.Log(x), 3e-16*math.Abs(math.Log(x))+1e-17)
		near("Log1p64", x, Log1p64(x), math.Log1p(x), 1e-15*math.Log1p(x))
		y := float64(20*r.Float64()) - 10
		near("CosPi64", y, CosPi64(y), math.Cos(math.Pi*y), 8e-15)
	}
	for range 200_000 {
		x := float64(1450*r.Float64()) - 745
		if x < 709.7 {
			near("Exp64", x, Exp64(x), math.Exp(x), 4.5e-16*math.Exp(x)+5e-324)
		}
	}
	for _, x := range []float64{0, 5e-324, -5e-324, 1e-300, 1, -1, 709.7, -708} {
		near("Exp64", x, Exp64(x), math.Exp(x), 4.5e-16*math.Exp(x))
	}
	if !math.IsInf(Exp64(math.Inf(1)), 1) || !math.IsInf(Exp64(709.8), 1) || Exp64(math.Inf(-1)) != 0 || Exp64(-746) != 0 || Exp64(0) != 1 || Exp64(math.NaN()) == Exp64(math.NaN()) {
		t.Error("Exp64 is wrong at a special case")
	}
	for _, x := range []float64{0, 5e-324, 1e-300, 1, 2, math.MaxFloat64} {
		near("Log1p64", x, Log1p64(x), math.Log1p(x), 1e-15*math.Log1p(x))
	}
	if !math.IsInf(Log1p64(math.Inf(1)), 1) {
		t.Error("Log1p64(+Inf) is not +Inf")
	}
	if Log64(1) != 0 || !math.IsInf(Log64(0), -1) || !math.IsInf(Log64(math.Inf(1)), 1) || Log64(-1) == Log64(-1) {
		t.Error("Log64 is wrong at a special case")
	}
	if CosPi64(0) != 1 || CosPi64(1) != -1 || CosPi64(0.5) != 0 || CosPi64(1.5) != 0 {
		t.Error("CosPi64 is not exact at a multiple of one half")
	}
}
