package data

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

// writeBytes returns a function for WriteAtomic.
func writeBytes(b []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}
}

// names returns the names of the files in dir.
func names(t *testing.T, dir string) []string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}

// checkFile requires dir to hold the one file name, with that content.
func checkFile(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	if got := names(t, dir); !slices.Equal(got, []string{name}) {
		t.Errorf("folder holds %q, want %q alone", got, name)
	}
	if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, content) {
		t.Errorf("file has %d bytes %.20q, error %v, want %d bytes %.20q", len(got), got, err, len(content), content)
	}
}

func TestWriteAtomic(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, n := range []int{5, 0, 1 << 16, 1<<16 + 1, 3} {
		if err := WriteAtomic(path, writeBytes(filetest.Ramp(n))); err != nil {
			t.Fatal(err)
		}
		checkFile(t, dir, "file", filetest.Ramp(n))
	}
}

func TestWriteAtomicRelative(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := WriteAtomic("file", writeBytes(filetest.Ramp(5))); err != nil {
		t.Fatal(err)
	}
	checkFile(t, dir, "file", filetest.Ramp(5))
}

func TestWriteAtomicPermissions(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "plan9" {
		t.Skip("files have no Unix permissions")
	}
	dir := t.TempDir()
	mode := func(name string) fs.FileMode {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode()
	}
	if err := os.WriteFile(filepath.Join(dir, "plain"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := WriteAtomic(filepath.Join(dir, "new"), writeBytes(nil)); err != nil {
		t.Fatal(err)
	}
	if got, want := mode("new"), mode("plain"); got != want {
		t.Errorf("a new file has mode %v, want that of any new file, %v", got, want)
	}
	for _, want := range []fs.FileMode{0o600, 0o640, 0o444, 0} {
		if err := os.Chmod(filepath.Join(dir, "plain"), want); err != nil {
			t.Fatal(err)
		}
		if err := WriteAtomic(filepath.Join(dir, "plain"), writeBytes(nil)); err != nil {
			t.Fatal(err)
		}
		if got := mode("plain"); got != want {
			t.Errorf("a replaced file has mode %v, want %v", got, want)
		}
	}
}

// TestWriteAtomicError lets write fail after k bytes, by an error and by a panic,
// with an old file and without.
func TestWriteAtomicError(t *testing.T) {
	old := []byte("old")
	for _, k := range []int{0, 1, 1<<16 - 1, 1 << 16, 1<<16 + 1, 1 << 20} {
		for _, panics := range []bool{false, true} {
			write := func(w io.Writer) error {
				if _, err := w.Write(filetest.Ramp(k)); err != nil {
					t.Error(err)
				}
				if panics {
					panic(errFull)
				}
				return errFull
			}
			dir := t.TempDir()
			path := filepath.Join(dir, "file")
			try := func() (err error) {
				defer func() {
					if e := recover(); e != nil {
						err = e.(error)
					}
				}()
				return WriteAtomic(path, write)
			}
			if err := try(); !errors.Is(err, errFull) {
				t.Errorf("after %d bytes: error %v, want %v", k, err, errFull)
			}
			if got := names(t, dir); len(got) > 0 {
				t.Errorf("after %d bytes: left behind %q", k, got)
			}
			if err := os.WriteFile(path, old, 0o666); err != nil {
				t.Fatal(err)
			}
			if err := try(); !errors.Is(err, errFull) {
				t.Errorf("after %d bytes: error %v, want %v", k, err, errFull)
			}
			checkFile(t, dir, "file", old)
		}
	}
}

func TestWriteAtomicRefuses(t *testing.T) {
	dir := t.TempDir()
	join := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(join("file"), []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(join("folder"), 0o777); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ path, want string }{
		{join("folder"), "folder: not a regular file but a folder"},
		{join("file/below"), "not a directory"},
		{join("missing/below"), "no such file or directory"},
		{join(strings.Repeat("x", 300)), "file name too long"},
		{".", "write .: not a regular file but a folder"},
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "plan9" {
		tests = tests[:1] // errors have other texts
	} else {
		for link, target := range map[string]string{"link": "file", "dangling": "missing"} {
			if err := os.Symlink(target, join(link)); err != nil {
				t.Fatal(err)
			}
			tests = append(tests, struct{ path, want string }{join(link), link + ": not a regular file but a symbolic link"})
		}
		tests = append(tests, struct{ path, want string }{os.DevNull, "write /dev/null: not a regular file but a device"})
	}
	before := names(t, dir)
	for _, test := range tests {
		err := WriteAtomic(test.path, func(io.Writer) error {
			t.Errorf("%s: write was called", test.path)
			return nil
		})
		filetest.CheckError(t, err, "", test.want)
	}
	if after := names(t, dir); !slices.Equal(before, after) {
		t.Errorf("folder holds %q, want %q", after, before)
	}
	if got, err := os.ReadFile(join("file")); err != nil || string(got) != "old" {
		t.Errorf("file holds %q, error %v", got, err)
	}
	if info, err := os.Lstat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("%s is no device any more", os.DevNull)
	}
}

func TestRemoveStale(t *testing.T) {
	keep := []string{
		"file", "file.tmp-1", ".file.tmp-", ".file.tmp-x", ".file.tmp-1x", ".file.tmp--1", ".file.tmp-1.tmp-2",
		".file2.tmp-1", ".afile.tmp-1", ".*.tmp-1", "..tmp-1",
	}
	dir := filetest.Folder(t, map[string][]byte{".file.tmp-1": nil, ".file.tmp-18446744073709551615": filetest.Ramp(9), ".file.tmp-007": nil})
	for _, name := range keep {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".file.tmp-2"), 0o777); err != nil {
		t.Fatal(err)
	}
	keep = append(keep, ".file.tmp-2") // a folder
	for range 2 {
		if err := RemoveStale(filepath.Join(dir, "file")); err != nil {
			t.Fatal(err)
		}
		slices.Sort(keep)
		if got := names(t, dir); !slices.Equal(got, keep) {
			t.Errorf("folder holds %q, want %q", got, keep)
		}
	}
	if err := RemoveStale(filepath.Join(dir, "missing", "file")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a missing folder: error %v", err)
	}
}

var rewrite = flag.String("rewrite", "", "rewrite the file at this `path` until killed; for TestWriteAtomicKilled")

const killedSize = 1 << 20

func TestMain(m *testing.M) {
	flag.Parse()
	if *rewrite != "" {
		for i := byte(0); ; i++ {
			if err := WriteAtomic(*rewrite, writeBytes(bytes.Repeat([]byte{i}, killedSize))); err != nil {
				os.Stderr.WriteString(err.Error() + "\n")
				os.Exit(1)
			}
			os.Stdout.Write([]byte{i})
		}
	}
	os.Exit(m.Run())
}

// TestWriteAtomicKilled kills a process that rewrites a file over and over. The
// file must then be whole, not older than the last that was reported, and
// RemoveStale must leave it alone.
func TestWriteAtomicKilled(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	rounds, stale := 20, 0
	if testing.Short() {
		rounds = 5
	}
	for round := range rounds {
		cmd := exec.Command(exe, "-rewrite="+path)
		cmd.Stderr = os.Stderr
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			if errors.Is(err, syscall.ENOEXEC) {
				t.Skip("the system cannot start this program, which runs emulated")
			}
			t.Fatal(err)
		}
		out := bufio.NewReader(pipe)
		for range 1 + round%3 {
			if _, err := out.ReadByte(); err != nil {
				t.Fatal(err)
			}
		}
		// Some time into the next file.
		for range round * 1000 {
			runtime.Gosched()
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		reported := byte(round % 3)
		if rest, err := io.ReadAll(out); err != nil {
			t.Fatal(err)
		} else if len(rest) > 0 {
			reported = rest[len(rest)-1]
		}
		cmd.Wait() // reports that it was killed

		stale += len(names(t, dir)) - 1
		if err := RemoveStale(path); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != killedSize || got[0] != reported && got[0] != reported+1 {
			t.Fatalf("round %d: file of %d bytes, number %d, want %d bytes, number %d or the next", round, len(got), got[0], killedSize, reported)
		}
		checkFile(t, dir, "file", bytes.Repeat(got[:1], killedSize))
	}
	t.Logf("%d kills left %d temporary files", rounds, stale)
}
