package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/contrast-go/contrast/internal/cpu"
)

type infoCommand struct {
	JSON bool `help:"Print one JSON object on stdout."`
}

// info is what the command knows of the machine.
type info struct {
	CPU        string   `json:"cpu"`
	Arch       string   `json:"arch"`
	Features   []string `json:"features"`
	Levels     []string `json:"levels"`
	Level      string   `json:"level"`
	Why        string   `json:"why"`
	Subnormals bool     `json:"subnormals"`
	Go         string   `json:"go"`
	Processors int      `json:"gomaxprocs"`
}

func (c *infoCommand) Run(o *output) error {
	i := gather()
	if c.JSON {
		return o.object(i)
	}
	subnormals := "kept"
	if !i.Subnormals {
		subnormals = "flushed to zero: results differ from those of other programs"
	}
	for _, row := range [][2]string{
		{"CPU", i.CPU + " (" + i.Arch + ")"},
		{"features", strings.Join(i.Features, " ")},
		{"levels", strings.Join(i.Levels, " ")},
		{"in use", i.Level + ", " + i.Why},
		{"subnormals", subnormals},
		{"go", fmt.Sprintf("%s, GOMAXPROCS %d", i.Go, i.Processors)},
	} {
		fmt.Fprintf(o.out, "%-11s %s\n", row[0], row[1])
	}
	return nil
}

func gather() info {
	brand, features := cpu.Features()
	if brand == "" {
		brand = "unknown CPU"
	}
	i := info{
		CPU:        brand,
		Arch:       runtime.GOARCH,
		Features:   features,
		Level:      cpu.Active().String(),
		Subnormals: keepsSubnormals(),
		Go:         runtime.Version(),
		Processors: runtime.GOMAXPROCS(0),
	}
	for _, l := range cpu.Levels() {
		i.Levels = append(i.Levels, l.String())
	}
	switch asked := os.Getenv("CONTRAST_LEVEL"); {
	case cpu.RequestError() != nil:
		i.Why = "the best that there is: CONTRAST_LEVEL=" + asked + " is not available"
	case asked != "":
		i.Why = "as CONTRAST_LEVEL asks"
	case len(i.Levels) == 1:
		i.Why = "the only one: this CPU or build has no assembly kernels"
	default:
		i.Why = "the best that this CPU has"
	}
	return i
}

// keepsSubnormals reports whether the arithmetic of this thread keeps numbers below
// the normal range, which a C library in the program can change.
func keepsSubnormals() bool {
	least := smallest
	return least*1 != 0
}

// smallest is a variable so that the compiler can not fold the product.
var smallest float32 = 0x1p-149
