package run

import (
	"fmt"
	"strings"

	"github.com/contrast-go/contrast/cmd/contrast/internal/settings"
	"github.com/contrast-go/contrast/internal/cpu"
	"github.com/contrast-go/contrast/internal/par"
)

// heading tells what is about to happen.
func (r *Run) heading() string {
	var b strings.Builder
	fmt.Fprintf(&b, "data     %s\n", r.Dataset.Describe())
	fmt.Fprintf(&b, "encoder  %s, %d weights\n", settings.Describe(r.encoder), len(r.encoder.Params().Values))
	fmt.Fprintf(&b, "loss     %s\n", r.Settings.Describe())
	fmt.Fprintf(&b, "kernels  %v, %d workers\n", cpu.Active(), par.Workers(r.Workers))
	fmt.Fprintf(&b, "memory   %s at most, as planned\n", Megabytes(r.memory.total))
	fmt.Fprintf(&b, "folder   %s\n", r.folder)
	fmt.Fprintf(&b, "config   %s\n", r.trainer.Config)
	return b.String()
}
