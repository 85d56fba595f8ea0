// Contrast trains an encoder with a contrastive loss and checks that this machine
// computes what every other one does.
//
//	contrast train            an encoder of images, of embeddings or of pairs of them
//	contrast eval             all that can be measured of what a run has learned
//	contrast embed            what an encoder makes of samples, as a file
//	contrast info             this CPU, and which kernels are in use and why
//	contrast verify [FILE]    recompute the recorded hashes at every level
//	contrast reproduce NAME   repeat a published experiment and compare its shape
//
// Each has --help and --json. With --json the last line of standard output is one
// JSON object; all that is for people goes to standard error.
//
// The exit status is 0, 1 where the command failed, 2 where the command line is
// wrong, and 130 where a signal ended it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/contrast-go/contrast/cmd/contrast/internal/interrupt"
	"github.com/contrast-go/contrast/cmd/contrast/internal/reproduce"
	"github.com/contrast-go/contrast/cmd/contrast/internal/run"
	"github.com/contrast-go/contrast/cmd/contrast/internal/settings"
)

func main() {
	ignoreSignals()
	ctx, stop := signal.NotifyContext(context.Background(), endingSignals...)
	context.AfterFunc(ctx, stop) // the second signal ends the program at once
	interrupt.Watch(ctx, func() {
		fmt.Fprintf(os.Stderr, "contrast: %v\n", run.ErrInterrupted)
		os.Exit(statusInterrupted)
	})
	os.Exit(start(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// The exit statuses.
const (
	statusOK          = 0
	statusFailed      = 1
	statusUsage       = 2
	statusInterrupted = 130 // as a shell reports a program that SIGINT ended
)

// A commandLine is the flags and arguments of the program.
type commandLine struct {
	Help helpFlag `short:"h" help:"Show what the command does and its flags."`

	Train     trainCommand     `cmd:"" help:"Train an encoder and measure what it learned."`
	Eval      evalCommand      `cmd:"" help:"Measure what a run has learned."`
	Embed     embedCommand     `cmd:"" help:"Write what an encoder makes of samples."`
	Info      infoCommand      `cmd:"" help:"Show this CPU and the kernels in use."`
	Verify    verifyCommand    `cmd:"" help:"Recompute the recorded hashes at every level of this CPU."`
	Reproduce reproduceCommand `cmd:"" help:"Repeat a published experiment on generated data, and compare its shape."`
}

// A console is where a command writes.
type console struct {
	ctx    context.Context
	stdout io.Writer // the JSON object
	stderr io.Writer // for people
}

func (c *console) printf(format string, args ...any) { fmt.Fprintf(c.stderr, format, args...) }

// printJSON writes v as one line.
func (c *console) printJSON(v any) error {
	e := json.NewEncoder(c.stdout)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// start runs the program and returns its exit status.
func start(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := &console{ctx, stdout, stderr}
	command, err := parse(args, c)
	switch {
	case errors.Is(err, errHelp):
		return statusOK
	case err == nil:
		err = command.Run()
	}
	if err == nil {
		return statusOK
	}
	c.printf("contrast: %v\n", err)
	switch {
	case errors.As(err, new(*configError)):
		return statusFailed
	case errors.As(err, new(*kong.ParseError)), errors.As(err, new(*run.UsageError)):
		return statusUsage
	case errors.Is(err, run.ErrInterrupted):
		return statusInterrupted
	}
	return statusFailed
}

// parse reads the command line, and the file of flags that it names.
func parse(args []string, c *console) (*kong.Context, error) {
	parser, err := kong.New(new(commandLine),
		kong.Name("contrast"),
		kong.Description("Contrastive learning in Go, with the same bits on every CPU."),
		kong.Writers(c.stdout, c.stderr),
		kong.Vars{"experiments": strings.Join(reproduce.Names(), ","), "writable": writable()},
		kong.NoDefaultHelp(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.WithHyphenPrefixedParameters(true), // --temperature -1 is a number out of range, not two flags
		kong.PostBuild(describeSettings),
		kong.Bind(c),
	)
	if err != nil {
		return nil, err
	}
	return parser.Parse(renameFlags(args, c))
}

// describeSettings gives the flags of settings their help texts.
func describeSettings(k *kong.Kong) error {
	for _, command := range k.Model.Children {
		for _, flag := range command.Flags {
			if command.Name == "train" && flag.Help == "" {
				flag.Help = settings.Help(flag.Name)
			}
		}
	}
	return nil
}

// renameFlags gives flags of train that had other names in the version before their names of
// now, and tells of it.
func renameFlags(args []string, c *console) []string {
	if len(args) == 0 || args[0] != "train" {
		return args
	}
	args = slices.Clone(args)
	for i, arg := range args {
		flag, value, ok := strings.Cut(arg, "=")
		name, found := settings.Renamed[strings.TrimPrefix(flag, "--")]
		if !found || !strings.HasPrefix(flag, "--") {
			continue
		}
		c.printf("contrast: %s is now --%s\n", flag, name)
		args[i] = "--" + name
		if ok {
			args[i] += "=" + value
		}
	}
	return args
}

// errHelp says that help was asked for and shown.
var errHelp = errors.New("help was shown")

// A helpFlag shows help and ends the parsing, whatever else is on the command line.
type helpFlag bool

// IgnoreDefault tells kong that the flag has none.
func (helpFlag) IgnoreDefault() {}

// BeforeReset is called by kong where the flag is given.
func (helpFlag) BeforeReset(ctx *kong.Context) error {
	if err := ctx.PrintUsage(false); err != nil {
		return err
	}
	return errHelp
}
