// Command contrast trains and verifies contrastive models on the CPU.
//
//	contrast train           train on the built-in letters and digits, or on IDX files
//	contrast info            the CPU, the levels it offers and which is in use
//	contrast verify [FILE]   recompute the golden hashes, run conformance cases
//
// With --json the last line of stdout is one JSON object; everything for people goes to stderr.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type commands struct {
	Train  trainCommand  `cmd:"" help:"Train an encoder and evaluate it on what it never saw."`
	Info   infoCommand   `cmd:"" help:"Show the CPU, the levels it offers and which one is in use."`
	Verify verifyCommand `cmd:"" help:"Recompute the golden hashes at every level of this CPU."`
}

// An output is where a command writes.
type output struct {
	out, err io.Writer
}

// object prints v as one line of JSON on stdout.
func (o *output) object(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.out, "%s\n", line)
	return err
}

// Exit statuses.
const (
	failed      = 1
	usage       = 2
	interrupted = 130 // as of a program that a shell's Ctrl-C ended
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run runs a command line and returns the exit status.
func run(args []string, stdout, stderr io.Writer) (status int) {
	var c commands
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("contrast"),
		kong.Description("Contrastive learning on the CPU, with the same bits on every CPU."),
		kong.UsageOnError(),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }))
	if err != nil {
		panic(err) // the grammar above is wrong
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 {
		return exit // --help
	}
	if err != nil {
		fmt.Fprintf(stderr, "contrast: %v\n", err)
		return usage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	switch err := parsed.Run(&output{stdout, stderr}); {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(stderr, "contrast: %v\n", err)
		return interrupted
	default:
		fmt.Fprintf(stderr, "contrast: %v\n", err)
		return failed
	}
}
