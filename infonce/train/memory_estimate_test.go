//go:build !race

package train

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/contrast-go/contrast/infonce"
	"github.com/contrast-go/contrast/infonce/data/images"
	"github.com/contrast-go/contrast/infonce/dataset"
	"github.com/contrast-go/contrast/infonce/nn"
	"github.com/contrast-go/contrast/infonce/optim"
	"github.com/contrast-go/contrast/simd"
)

// live returns the size of reachable memory in bytes.
func live() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// large returns a run that takes megabytes.
func large(t testing.TB, set func(tr *Trainer)) *Trainer {
	m, err := nn.NewMLP(1, []int{256, 512, 256}, []int{32})
	if err != nil {
		t.Fatal(err)
	}
	m.Workers = 2
	pixels := make([]byte, 5000*256)
	for i := range pixels {
		pixels[i] = uint8(i * i >> 3)
	}
	images := images.Set{Width: 16, Height: 16, Channels: 1, Pixels: pixels, Labels: make([]int, 5000)}
	for i := range images.Labels {
		images.Labels[i] = i / 10
	}
	tr := &Trainer{
		Encoder:   m,
		Loss:      &infonce.NTXent{Workers: 2},
		Optimizer: &optim.AdamW{Workers: 2},
		Schedule:  optim.Constant{Peak: 1e-3},
		Source:    &dataset.Views{Images: images, Workers: 2},
		Batch:     1024,
		Steps:     2,
	}
	if testing.Short() {
		tr.Batch = 128
	}
	set(tr)
	return tr
}

// A run holds as much memory as was estimated.
func TestMemoryEstimate(t *testing.T) {
	for name, set := range map[string]func(tr *Trainer){
		"NT-Xent": func(tr *Trainer) {},
		"chunks":  func(tr *Trainer) { tr.Chunk, tr.Optimizer = 128, &optim.SGD{Momentum: 0.9} },
		"MoCo": func(tr *Trainer) {
			tr.Loss = &infonce.InfoNCE{Workers: 2}
			tr.KeyEncoder = &MomentumEncoder{Encoder: tr.Encoder.(*nn.MLP).Clone(), Momentum: 0.9}
			tr.Queue, tr.Steps = &Queue{Size: 5 * tr.Batch}, 7 // when it is full
		},
		"CNN": func(tr *Trainer) {
			m := makeCNN(t, nn.CNNConfig{Width: 16, Height: 16, Channels: 1, Filters: []int{24, 48}, Norm: nn.BatchNorm, Activation: nn.GELU, Head: []int{32}}, 1)
			m.Workers = 2
			tr.Encoder, tr.Batch = m, tr.Batch/4
		},
		"rows": func(tr *Trainer) {
			rows := dataset.Table{Matrix: simd.NewMatrix(20000, 256)}
			for i := range rows.Data {
				rows.Data[i] = float32(i%251) - 125
			}
			tr.Loss, tr.Optimizer = &infonce.InfoNCE{Symmetric: true, Workers: 2}, &optim.LARS{}
			tr.Source = &dataset.VectorPairs{Queries: rows, Documents: rows, Workers: 2}
		},
		"classes": func(tr *Trainer) {
			tr.Loss, tr.Arrange = &infonce.SupCon{Workers: 2}, Labelled
			tr.Source = &dataset.Classes{Images: tr.Source.(*dataset.Views).Images, PerClass: 8, Workers: 2}
		},
	} {
		before := live()
		tr := large(t, set)
		want, err := tr.MemoryEstimate()
		if err != nil {
			t.Fatal(err)
		}
		mustRun(t, tr)
		got := live() - before
		t.Logf("%s: %.1f MB are planned, %.1f MB held", name, float64(want)/1e6, float64(got)/1e6)
		if d := got - want; max(d, -d) > got/5 || got < 4<<20 {
			t.Errorf("%s: %.1f MB are planned, %.1f MB held", name, float64(want)/1e6, float64(got)/1e6)
		}
		runtime.KeepAlive(tr)
	}
	if _, err := (&Trainer{}).MemoryEstimate(); err == nil {
		t.Error("no error without parts")
	}
}

// The peak resident set of a process with such a run agrees with the estimate too.
func TestMemoryEstimateIsResident(t *testing.T) {
	const child = "CONTRAST_MEMORY_ESTIMATE"
	if os.Getenv(child) != "" {
		tr := large(t, func(tr *Trainer) { tr.Batch = 2048 })
		want, err := tr.MemoryEstimate()
		if err != nil {
			t.Fatal(err)
		}
		mustRun(t, tr)
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(status) {
			var kb int64
			if _, err := fmt.Sscanf(string(line), "VmHWM: %d kB", &kb); err == nil {
				fmt.Printf("planned %d, resident %d\n", want, kb<<10)
			}
		}
		return
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("this system does not tell the peak of a process")
	}
	if testing.Short() {
		t.Skip("takes seconds")
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestMemoryEstimateIsResident$")
	cmd.Env = append(os.Environ(), child+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var planned, resident int64
	at := max(bytes.Index(out, []byte("planned")), 0)
	if _, err := fmt.Sscanf(string(out[at:]), "planned %d, resident %d", &planned, &resident); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const program = 16 << 20
	t.Logf("%.1f MB are planned, %.1f MB resident", float64(planned)/1e6, float64(resident)/1e6)
	if d := resident - program/2 - planned; max(d, -d) > planned/5+program/2 {
		t.Errorf("%.1f MB are planned, %.1f MB resident", float64(planned)/1e6, float64(resident)/1e6)
	}
}
