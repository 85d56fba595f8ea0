package reproduce

import (
	"context"
	"math"
	"runtime"
	"time"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/simd"
)

var memory = Experiment{
	Name:   "memory",
	Title:  "What the loss of CLIP takes by the batch size: all similarities at once, in chunks, or fused",
	Source: "Cheng et al. 2024 (Inf-CL), tables of loss memory and of the time of an iteration",
	Claim:  "Without the matrix of similarities the memory of the loss grows with the batch and not with its square, without a loss of speed.",
	run:    runMemory,
}

const (
	memoryDim   = 128
	memoryLimit = 1 << 30 // most bytes of similarities; a larger batch is left out
	mebibyte    = 1 << 20
)

// An approach is a way to compute the loss of CLIP and its gradients.
type approach struct {
	name         string
	budgeted     bool                              // memory falls where exponentials do not fit any more: it has no exponent
	similarities func(n int) int                   // bytes of similarities it keeps, to tell beforehand what is too large
	loss         func(n, workers int) infonce.Loss // without any memory yet
}

func none(int) int { return 0 }

var approaches = []approach{
	{"fused", false, none, func(_, workers int) infonce.Loss {
		return &infonce.InfoNCE{Symmetric: true, MemoryBudget: -1, Workers: workers}
	}},
	{"fused, 256 MiB", true, none, func(_, workers int) infonce.Loss {
		return &infonce.InfoNCE{Symmetric: true, Workers: workers}
	}},
	{"row chunks", false, func(n int) int { return 4 * n * min(chunkRows, n) }, func(n, workers int) infonce.Loss {
		return &rowChunks{chunk: min(chunkRows, n), workers: workers}
	}},
	{"all at once", false, func(n int) int { return 4 * n * n }, func(n, workers int) infonce.Loss {
		return &rowChunks{chunk: n, workers: workers}
	}},
}

// chunkRows is the number of queries whose similarities are one chunk.
const chunkRows = 512

// A cost is what an approach took on this machine.
type cost struct {
	done      bool
	allocated float64 // bytes, beyond inputs and gradients
	resident  float64 // growth of the resident set at its peak, NaN if the system does not tell
	seconds   float64
}

func runMemory(ctx context.Context, o Options, r *Report) error {
	first, last := o.scale(512, 1024, 1024), o.scale(4096, 16_384, 262_144)
	var sizes []int
	for n := first; n <= last; n *= 2 {
		sizes = append(sizes, n)
	}
	return measureMemory(ctx, o, r, sizes)
}

// measureMemory evaluates each approach at each size.
func measureMemory(ctx context.Context, o Options, r *Report, sizes []int) error {
	costs := make([][]cost, len(sizes)) // by size and approach
	for i, n := range sizes {
		costs[i] = make([]cost, len(approaches))
		b := randomPairs(o.Seed, n)
		g := infonce.Batch{Q: simd.NewMatrix(n, memoryDim), K: simd.NewMatrix(n, memoryDim)}
		for j, a := range approaches {
			if err := ctx.Err(); err != nil {
				return err
			}
			if a.similarities(n) > memoryLimit {
				continue
			}
			var err error
			if costs[i][j], err = measureCost(func() infonce.Loss { return a.loss(n, o.Workers) }, b, &g); err != nil {
				return err
			}
		}
		o.progress("N = %s: done", thousands(n))
	}
	r.Tables = append(r.Tables,
		costTable("MiB that are allocated for the loss and both gradients, 128 columns, beyond these and the batch", sizes, costs, func(c cost) Cell { return num(c.allocated/mebibyte, 1) }),
		costTable("MiB by which the resident set of the process grows meanwhile, as the system counts", sizes, costs, func(c cost) Cell {
			if math.IsNaN(c.resident) {
				return Cell{}
			}
			return num(c.resident/mebibyte, 1)
		}),
		costTable("Seconds, on this machine", sizes, costs, func(c cost) Cell { return short(c.seconds, 3) }),
		publishedMemory())
	judgeMemory(r, sizes, costs)
	r.panels = memoryPanels(sizes, costs)
	return nil
}

// randomPairs returns a batch of similar pairs: the same direction twice, with noise of the same
// size.
func randomPairs(seed uint64, n int) infonce.Batch {
	b := infonce.Batch{Q: simd.NewMatrix(n, memoryDim), K: simd.NewMatrix(n, memoryDim)}
	r := newRandom(seed, toDefine, uint64(n))
	r.fill(b.Q.Data)
	r.fill(b.K.Data)
	simd.Axpy(b.K.Data, 1, b.Q.Data)
	return b
}

// measureCost evaluates a new loss, so that every byte counts, then repeats it if that is quick,
// and keeps the shortest time.
func measureCost(newLoss func() infonce.Loss, b infonce.Batch, g *infonce.Batch) (c cost, err error) {
	var loss infonce.Loss
	var before, after runtime.MemStats
	evaluate := func() {
		clear(g.Q.Data)
		clear(g.K.Data)
		start := time.Now()
		_, err = loss.Evaluate(b, g, 1)
		c.seconds = min(c.seconds, time.Since(start).Seconds())
	}
	c = cost{done: true, seconds: math.Inf(1)}
	evaluateNew := func() {
		runtime.ReadMemStats(&before)
		loss = newLoss()
		evaluate()
		runtime.ReadMemStats(&after)
	}
	c.resident = residentGrowth(evaluateNew)
	c.allocated = float64(after.TotalAlloc - before.TotalAlloc)
	for range 4 {
		if err != nil || c.seconds > 2 {
			break
		}
		evaluate()
	}
	return c, err
}

// costTable has a row for each size, and one for the exponent.
func costTable(title string, sizes []int, costs [][]cost, see func(cost) Cell) Table {
	t := Table{Title: title, Columns: []string{"N"}}
	for _, a := range approaches {
		t.Columns = append(t.Columns, a.name)
	}
	for i, n := range sizes {
		row := []Cell{count(n)}
		for _, c := range costs[i] {
			if c.done {
				row = append(row, see(c))
			} else {
				row = append(row, text("too large"))
			}
		}
		t.add(row...)
	}
	row := []Cell{text("grows as N to the")}
	for j, a := range approaches {
		e := Cell{}
		if x := growth(sizes, costs, j, func(c cost) float64 { return see(c).value }); !a.budgeted && !math.IsNaN(x) {
			e = num(x, 2)
		}
		row = append(row, e)
	}
	t.add(row...)
	return t
}

// growth returns the exponent of an approach over the three largest sizes it did, because overhead
// matters in smaller ones. It is NaN for fewer sizes.
func growth(sizes []int, costs [][]cost, approach int, see func(cost) float64) float64 {
	var x, y []float64
	for i := len(sizes) - 1; i >= 0 && len(x) < 3; i-- {
		if c := costs[i][approach]; c.done && see(c) > 0 {
			x, y = append(x, float64(sizes[i])), append(y, see(c))
		}
	}
	if len(x) < 3 {
		return math.NaN()
	}
	return exponent(x, y)
}

func allocatedBytes(c cost) float64 { return c.allocated }
func secondsTaken(c cost) float64   { return c.seconds }

// judgeMemory compares the growth with the claim. Memory is what the program asks for, and is the
// same on every machine with the same number of workers; times are not judged.
func judgeMemory(r *Report, sizes []int, costs [][]cost) {
	fused, most := growth(sizes, costs, 0, allocatedBytes), 0.0
	all := len(approaches) - 1
	square := growth(sizes, costs, all, allocatedBytes)
	for i := range sizes {
		if costs[i][all].done {
			most = max(most, costs[i][all].allocated/costs[i][0].allocated)
		}
	}
	r.judge(fused <= 1.1, "fused, memory grows as N to the %.2f, want 1 (at most 1.1)", fused)
	r.judge(square >= 1.7, "with all similarities at once it grows as N to the %.2f, want 2 (at least 1.7, for the copies of the batch grow as N)", square)
	r.judge(most > 8, "at the largest batch that has room for all similarities they take %.0f times the memory of the fused loss, want more than 8", most)
	last := len(sizes) - 1
	for last > 0 && !costs[last][all].done {
		last--
	}
	r.note("fused, time grows as N to the %.2f, with all similarities at once as N to the %.2f, where the work grows as N²; at N = %s fused takes %.2f of the time, and %.2f with a budget for exponentials, its default",
		growth(sizes, costs, 0, secondsTaken), growth(sizes, costs, all, secondsTaken), thousands(sizes[last]),
		costs[last][0].seconds/costs[last][all].seconds, costs[last][1].seconds/costs[last][all].seconds)
	r.note("times and memory are measured, and those of this machine: other numbers the next time are no fault. The published ones are of 8 GPUs and embeddings of 512 columns: the exponents can be compared, the amounts can not")
	r.note("all at once keeps one matrix of similarities and turns it into their gradient in place; frameworks that derive the gradient by themselves keep two to four of them")
}

// memoryPanels draw both against N.
func memoryPanels(sizes []int, costs [][]cost) []panel {
	bytes := panel{title: "memory of the loss", x: "N, pairs in a batch", y: "MiB", logX: true, logY: true}
	times := panel{title: "time of the loss and its gradients", x: "N, pairs in a batch", y: "seconds", logX: true, logY: true}
	for j, a := range approaches {
		b, t := curve{name: a.name}, curve{name: a.name}
		for i, n := range sizes {
			if c := costs[i][j]; c.done {
				b.points = append(b.points, point{float64(n), c.allocated / mebibyte})
				t.points = append(t.points, point{float64(n), c.seconds})
			}
		}
		bytes.curves, times.curves = append(bytes.curves, b), append(times.curves, t)
	}
	guide := curve{name: "N²", dashed: true}
	for _, n := range sizes { // below the curves
		times := float64(n) / float64(sizes[0])
		guide.points = append(guide.points, point{float64(n), costs[0][0].seconds / 2 * times * times})
	}
	times.curves = append(times.curves, guide)
	return []panel{bytes, times}
}

// What Cheng et al. measured with ViT-L/14 on 8 GPUs: GB of the loss; 0 if it ran out of memory, −1
// if they do not say.
var (
	publishedSizes  = []int{32 << 10, 64 << 10, 128 << 10, 256 << 10, 1024 << 10}
	publishedLosses = []struct {
		name      string
		gigabytes []float64
	}{
		{"CLIP", []float64{16.67, 66.11, 0, 0, 0}},
		{"OpenCLIP", []float64{2.27, 8.63, 33.64, 0, 0}},
		{"Inf-CL", []float64{0.18, 0.36, 0.72, 1.45, 6.53}},
	}
)

func publishedMemory() Table {
	t := Table{Title: "As published: GB of the loss of ViT-L/14 on 8 GPUs; the last row of Inf-CL with offload", Columns: []string{"N"}}
	for _, p := range publishedLosses {
		t.Columns = append(t.Columns, p.name)
	}
	for i, n := range publishedSizes {
		row := []Cell{count(n)}
		for _, p := range publishedLosses {
			if p.gigabytes[i] > 0 {
				row = append(row, num(p.gigabytes[i], 2))
			} else {
				row = append(row, text("too large"))
			}
		}
		t.add(row...)
	}
	row := []Cell{text("grows as N to the")}
	for _, p := range publishedLosses {
		var x, y []float64
		for i, g := range p.gigabytes {
			if g > 0 {
				x, y = append(x, float64(publishedSizes[i])), append(y, g)
			}
		}
		row = append(row, num(exponent(x, y), 2))
	}
	t.add(row...)
	return t
}
