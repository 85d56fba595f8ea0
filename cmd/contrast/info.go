package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/simd"
)

type infoCommand struct {
	JSON bool `name:"json" help:"Print a JSON object on standard output."`
}

// An infoReport is what --json prints.
type infoReport struct {
	Version        string   `json:"version"`
	Go             string   `json:"go"`
	OS             string   `json:"os"`
	Arch           string   `json:"arch"`
	CPU            string   `json:"cpu"`
	Features       []string `json:"features"`
	Levels         []string `json:"levels"`
	Level          string   `json:"level"`
	Reason         string   `json:"reason"`
	Requested      string   `json:"requested"`       // CONTRAST_LEVEL
	RequestHonored bool     `json:"request_honored"` // true where nothing was requested
	GOMAXPROCS     int      `json:"gomaxprocs"`
	SubnormalsKept bool     `json:"subnormals_kept"`
}

// Run prints what the kernels run on.
func (c *infoCommand) Run(con *console) error {
	r := infoReport{
		Version:        version(),
		Go:             runtime.Version(),
		OS:             runtime.GOOS,
		Arch:           runtime.GOARCH,
		Features:       []string{},
		Level:          cpu.Active().String(),
		Requested:      os.Getenv("CONTRAST_LEVEL"),
		RequestHonored: cpu.RequestError() == nil,
		GOMAXPROCS:     runtime.GOMAXPROCS(0),
		SubnormalsKept: subnormalsKept(),
	}
	brand, features := cpu.Features()
	r.CPU, r.Features = brand, append(r.Features, features...)
	for _, l := range cpu.Levels() {
		r.Levels = append(r.Levels, l.String())
	}
	r.Reason = reason()

	name := func(s string) string {
		if s == "" {
			return "unknown"
		}
		return s
	}
	con.printf("contrast    %s\n", r.Version)
	con.printf("built by    %s for %s/%s\n", r.Go, r.OS, r.Arch)
	con.printf("CPU         %s\n", name(r.CPU))
	con.printf("features    %s\n", name(strings.Join(r.Features, " ")))
	con.printf("levels      %s\n", strings.Join(r.Levels, " "))
	con.printf("in use      %s: %s\n", r.Level, r.Reason)
	con.printf("GOMAXPROCS  %d\n", r.GOMAXPROCS)
	if r.SubnormalsKept {
		con.printf("subnormals  kept\n")
	} else {
		con.printf("subnormals  flushed to zero: results may differ from those of other machines\n")
	}
	if c.JSON {
		return con.printJSON(r)
	}
	return nil
}

// reason tells why the level in use was chosen.
func reason() string {
	levels := cpu.Levels()
	switch err := cpu.RequestError(); {
	case err != nil:
		return fmt.Sprintf("CONTRAST_LEVEL could not be followed (%v), so it is the highest", err)
	case os.Getenv("CONTRAST_LEVEL") != "":
		return "CONTRAST_LEVEL names it"
	case len(levels) == 1:
		return "the only one of this CPU and build"
	}
	return "the highest of this CPU and build"
}

// subnormalsKept reports whether the kernels neither read nor write 0 for numbers
// below the smallest normal one.
func subnormalsKept() bool {
	x := make([]float32, 64)
	for i := range x {
		x[i] = 0x1p-126
	}
	simd.Scale(x, 0x1p-10, x) // to 2⁻¹³⁶
	simd.Scale(x, 0x1p10, x)  // and back
	for _, v := range x {
		if v != 0x1p-126 {
			return false
		}
	}
	return true
}

// version returns the version of the module that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown version)"
	}
	return info.Main.Version
}
