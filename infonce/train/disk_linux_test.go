package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/contrast-go/contrast/infonce/internal/testkit"
)

// diskFails continues from the checkpoint in dir until the disk refuses something. That must be an
// error of the wanted kind, of one line that names a file of the run, and must leave the checkpoint
// unchanged.
func diskFails(t *testing.T, name, dir string, every int, want error) {
	t.Helper()
	newest := testkit.ReadFile(t, filepath.Join(dir, CheckpointFile))
	tr := tiny(t, dir, 1)
	tr.CheckpointEvery = every
	if _, err := tr.Resume(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	err := tr.Run(context.Background())
	if !errors.Is(err, want) || !strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: error %v, want one line of %v that names a file", name, err, want)
	}
	c, damage, err := LastCheckpoint(dir)
	if err != nil || damage != nil {
		t.Fatalf("%s: damage %v, error %v", name, damage, err)
	}
	now := testkit.ReadFile(t, filepath.Join(dir, CheckpointFile))
	if every == 0 && !bytes.Equal(now, newest) {
		t.Errorf("%s: the checkpoint is another one, of step %d", name, c.Step)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.Contains(f.Name(), ".tmp-") {
			t.Errorf("%s: %s is left", name, f.Name())
		}
	}
}

// diskRecovers finishes the run in dir, which must end as if nothing had happened.
func diskRecovers(t *testing.T, name, dir string, want outcome) {
	t.Helper()
	tr := tiny(t, dir, 1)
	if _, err := tr.Resume(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	mustRun(t, tr)
	sameOutcome(t, name, outcomeOf(t, tr), want)
}

// Under a limit of the file size the kernel cuts some write of the metrics or the checkpoint short,
// and the next one fails. The limit is set in a process of its own, because the one of the tests
// writes files too.
func TestRunOnAShortWrite(t *testing.T) {
	const child = "CONTRAST_SHORT_WRITE"
	if os.Getenv(child) == "" {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestRunOnAShortWrite$")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Skip("this system does not run the test binary on its own: ", err)
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	whole := tiny(t, t.TempDir(), 1)
	mustRun(t, whole)
	want := outcomeOf(t, whole)
	size := len(testkit.ReadFile(t, whole.checkpoint()))

	signal.Ignore(syscall.SIGXFSZ) // it would end the process
	defer signal.Reset(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limits := []int{0, 1, 8, 450, 1000, 2000, 3000, size / 2, size - 1000, size - 1}
	for _, limit := range limits {
		dir := trained(t)
		name := fmt.Sprintf("limit of %d bytes", limit)
		if len(testkit.ReadFile(t, filepath.Join(dir, MetricsFile))) > 2000 || size < 5000 {
			t.Fatal("the limits do not fall into the files")
		}
		narrow := old
		narrow.Cur = uint64(limit)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &narrow); err != nil {
			t.Fatal(err)
		}
		diskFails(t, name, dir, 0, syscall.EFBIG)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
			t.Fatal(err)
		}
		diskRecovers(t, name, dir, want)
	}
}

// The file system is full after any number of pages, or read-only. It is one of its own, mounted by
// a process of its own.
func TestRunOnAFullDisk(t *testing.T) {
	const child = "CONTRAST_FULL_DISK"
	if os.Getenv(child) == "" {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestRunOnAFullDisk$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) || bytes.Contains(out, []byte("--- SKIP")) {
			t.Skipf("the system lets nobody mount a file system: %v %s", err, out)
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	whole := tiny(t, t.TempDir(), 1)
	mustRun(t, whole)
	want := outcomeOf(t, whole)

	disk := t.TempDir()
	mount := func(flags uintptr, options string) {
		t.Helper()
		if err := syscall.Mount("tmpfs", disk, "tmpfs", flags, options); err != nil {
			t.Skip("no tmpfs: ", err)
		}
	}
	const page = 4096 // of a tmpfs
	pages := func(name string) int { return (len(testkit.ReadFile(t, filepath.Join(disk, name))) + page - 1) / page }
	// stopped leaves a run at step 5 on a new disk.
	stopped := func() {
		t.Helper()
		mount(0, "size=1m")
		tr := tiny(t, disk, 1)
		ctx, cancel := context.WithCancel(context.Background())
		tr.Report = func(p Progress) {
			if p.Step == 4 {
				cancel()
			}
		}
		if err := tr.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	finish := func(name string) {
		t.Helper()
		mount(syscall.MS_REMOUNT, "size=1m")
		diskRecovers(t, name, disk, want)
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, every := range []int{0, 5} {
		for spare := 0; ; spare++ {
			stopped()
			size := pages(CheckpointFile)
			if spare >= size {
				finish("enough room")
				break
			}
			name := fmt.Sprintf("every %d, %d pages left", every, spare)
			used := size + pages(PreviousFile) + pages(MetricsFile)
			mount(syscall.MS_REMOUNT, fmt.Sprintf("size=%d", (used+spare)*page))
			diskFails(t, name, disk, every, syscall.ENOSPC)
			finish(name)
		}
	}
	stopped()
	mount(syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
	diskFails(t, "read-only", disk, 0, syscall.EROFS)
	finish("read-only")
}
