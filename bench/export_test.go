package bench

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/contrast-go/contrast/infonce"
)

var export = flag.String("export", "", "write a batch, and our losses and gradients of it, to this folder")

// TestExport writes what rivals compare their values with: the batch as q and k, the losses
// as values.json, and the gradients as LOSS.q and LOSS.k, little-endian and row by row. Labels
// are those of labelled. It runs only with -export.
func TestExport(t *testing.T) {
	if *export == "" {
		t.Skip("runs only with -export")
	}
	write := func(name string, data any) {
		t.Helper()
		f, err := os.Create(filepath.Join(*export, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := binary.Write(f, binary.LittleEndian, data); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	const n, d = 256, 128
	b := pairs(n, d)
	b.Labels = labelled(n, d).Labels
	write("q", b.Q.Data)
	write("k", b.K.Data)
	values := map[string]float64{"n": n, "d": d}
	for name, loss := range map[string]infonce.Loss{
		"InfoNCE":   &infonce.InfoNCE{},
		"CLIP":      &infonce.InfoNCE{Symmetric: true},
		"NTXent":    &infonce.NTXent{},
		"BatchHard": &infonce.BatchHard{},
	} {
		grad := newGrad(b)
		r, err := loss.Evaluate(b, &grad, 1)
		if err != nil {
			t.Fatal(err)
		}
		values[name] = r.Loss
		write(name+".q", grad.Q.Data)
		write(name+".k", grad.K.Data)
	}
	out, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	write("values.json", out)
}
