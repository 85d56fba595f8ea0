package train

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/contrast-go/contrast/infonce/internal/testkit"
	"github.com/contrast-go/contrast/internal/check"
)

var (
	kills   = flag.Int("kills", 0, "kill a run that writes a checkpoint after each step so many times; 0 means 200, 5 with -short")
	victim  = flag.String("victim", "", "train in this `folder` until killed; for the tests that kill")
	victims = flag.Int("victimsteps", 0, "steps of the victim")
	often   = flag.Int("victimevery", 0, "steps between its checkpoints")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *victim != "" {
		if err := runVictim(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// toKill returns a run with every part that a checkpoint contains.
func toKill(t testing.TB, dir string, steps, every int) *Trainer {
	tr := tiny(t, dir, 1)
	withQueue(tr, 17)
	learnTemperature(tr)
	tr.ClipNorm, tr.Steps, tr.CheckpointEvery = 0.5, steps, every
	return tr
}

// runVictim trains in its folder, from the last checkpoint if there is one, and prints the number
// of each finished step.
func runVictim() error {
	tr := toKill(new(testing.B), *victim, *victims, *often)
	step, err := tr.Resume()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fmt.Println(step)
	tr.Report = func(p Progress) { fmt.Println(p.Step + 1) }
	return tr.Run(context.Background())
}

// A prey is a process that trains.
type prey struct {
	cmd  *exec.Cmd
	out  *bufio.Reader
	last int // the number that it printed last
}

func startVictim(t *testing.T, dir string, steps, every int) *prey {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &prey{cmd: exec.Command(exe, "-victim="+dir, fmt.Sprint("-victimsteps=", steps), fmt.Sprint("-victimevery=", every))}
	p.cmd.Stderr = os.Stderr
	pipe, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		if errors.Is(err, syscall.ENOEXEC) {
			t.Skip("the system cannot start this program, which runs emulated")
		}
		t.Fatal(err)
	}
	p.out = bufio.NewReader(pipe)
	return p
}

// next waits for the number of the next step.
func (p *prey) next(t *testing.T) int {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err == nil {
		_, err = fmt.Sscan(line, &p.last)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p.last
}

// kill kills the process after a while and reads the rest of its output.
func (p *prey) kill(t *testing.T, while int) {
	t.Helper()
	for range while {
		runtime.Gosched()
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(p.out)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(rest) {
		if bytes.HasSuffix(line, []byte("\n")) {
			fmt.Sscan(string(line), &p.last)
		}
	}
	p.cmd.Wait() // the error says that it was killed
}

// A run that is killed after any step and resumed ends with the bytes of one that was not: weights,
// optimizer, key encoder, queue, temperature and metrics.
func TestKilledRunsResumeExactly(t *testing.T) {
	const steps, every = 40, 3
	whole := toKill(t, t.TempDir(), steps, every)
	mustRun(t, whole)
	trials := 50
	if testing.Short() {
		trials = 4
	}
	r := check.NewRand(12)
	for trial := range trials {
		dir := t.TempDir()
		p := startVictim(t, dir, steps, every)
		for at := r.IntN(steps); p.next(t) < at; {
		}
		p.kill(t, r.IntN(2000))
		c, damage, err := LastCheckpoint(dir)
		if p.last == 0 && errors.Is(err, fs.ErrNotExist) {
			c = &Checkpoint{} // killed before the first was written
		} else if damage != nil || err != nil {
			t.Fatalf("killed after step %d: damage %v, error %v", p.last, damage, err)
		}
		if lost := p.last - c.Step; lost > every {
			t.Errorf("killed after step %d: the checkpoint is of step %d", p.last, c.Step)
		}
		p = startVictim(t, dir, steps, every)
		if first := p.next(t); first != c.Step {
			t.Errorf("trial %d: resumed at %d, want %d", trial, first, c.Step)
		}
		if _, err := io.Copy(io.Discard, p.out); err != nil {
			t.Fatal(err)
		}
		if err := p.cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 3 {
			t.Errorf("trial %d: the folder has %v, error %v", trial, files, err)
		}
		for _, name := range []string{CheckpointFile, PreviousFile, MetricsFile} {
			if !bytes.Equal(testkit.ReadFile(t, filepath.Join(dir, name)), testkit.ReadFile(t, filepath.Join(whole.Dir, name))) {
				t.Errorf("trial %d: killed after step %d, resumed at %d: %s differs", trial, p.last, c.Step, name)
			}
		}
	}
}

// A run that is killed again and again while it writes checkpoints never falls back behind one that
// was complete, and ends like one that was not killed.
func TestKillsLoseNoCheckpoint(t *testing.T) {
	rounds := *kills
	if rounds == 0 {
		if rounds = 200; testing.Short() {
			rounds = 5
		}
	}
	const endless = 1 << 30
	dir := t.TempDir()
	r := check.NewRand(13)
	stale, step := 0, 0
	for round := range rounds {
		p := startVictim(t, dir, endless, 1)
		first := p.next(t)
		if first != step {
			t.Fatalf("round %d: resumed at %d, want %d", round, first, step)
		}
		for p.next(t) < first+2+r.IntN(3) {
		}
		p.kill(t, r.IntN(1<<15))
		c, damage, err := LastCheckpoint(dir)
		if err != nil || damage != nil {
			t.Fatalf("round %d: damage %v, error %v", round, damage, err)
		}
		if before, err := ReadCheckpoint(filepath.Join(dir, PreviousFile)); err != nil || before.Step != c.Step-1 && before.Step != c.Step {
			t.Fatalf("round %d: the checkpoint before step %d is %v, error %v", round, c.Step, before, err)
		}
		// Step k is printed after checkpoint k−1 and before checkpoint k is written.
		if c.Step < p.last-1 || c.Step > p.last+1 {
			t.Fatalf("round %d: the checkpoint is of step %d, %d were reported", round, c.Step, p.last)
		}
		step = c.Step
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.Contains(f.Name(), ".tmp-") {
				stale++
			}
		}
	}
	t.Logf("%d kills in %d steps, 0 checkpoints lost, %d temporary files left", rounds, step, stale)

	tr := toKill(t, dir, step, 0)
	if got, err := tr.Resume(); got != step || err != nil {
		t.Fatalf("step %d, error %v, want %d", got, err, step)
	}
	mustRun(t, tr)
	whole := toKill(t, t.TempDir(), step, 0)
	mustRun(t, whole)
	sameOutcome(t, "killed", outcomeOf(t, tr), outcomeOf(t, whole))
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 {
		t.Errorf("the folder has %v, error %v, want the checkpoints and the metrics", files, err)
	}
}
