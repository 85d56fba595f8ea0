package data

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

// A faultyDisk is the disk of the system, of which operation number fail, counted from 0,
// does not work; or, once dead, none from there on. A write that fails writes a part.
type faultyDisk struct {
	system
	err    error
	fail   int
	dead   bool
	count  int
	failed []string // operations
}

func (d *faultyDisk) try(op string) error {
	n := d.count
	d.count++
	if n == d.fail || d.dead && n > d.fail {
		d.failed = append(d.failed, op)
		return &fs.PathError{Op: op, Path: "disk", Err: d.err}
	}
	return nil
}

func (d *faultyDisk) create(name string) (file, error) {
	if err := d.try("create"); err != nil {
		return nil, err
	}
	f, err := d.system.create(name)
	return &faultyFile{file: f, disk: d}, err
}

func (d *faultyDisk) link(old, new string) error {
	if err := d.try("link"); err != nil {
		return err
	}
	return d.system.link(old, new)
}

func (d *faultyDisk) rename(old, new string) error {
	if err := d.try("rename"); err != nil {
		return err
	}
	return d.system.rename(old, new)
}

func (d *faultyDisk) remove(name string) error {
	if err := d.try("remove"); err != nil {
		return err
	}
	return d.system.remove(name)
}

func (d *faultyDisk) syncFolder(dir string) error {
	if err := d.try("sync folder"); err != nil {
		return err
	}
	return d.system.syncFolder(dir)
}

type faultyFile struct {
	file
	disk   *faultyDisk
	closed bool
}

func (f *faultyFile) Write(b []byte) (int, error) {
	if err := f.disk.try("write"); err != nil {
		n, _ := f.file.Write(b[:len(b)/2])
		return n, err
	}
	return f.file.Write(b)
}

func (f *faultyFile) Chmod(mode fs.FileMode) error {
	if err := f.disk.try("chmod"); err != nil {
		return err
	}
	return f.file.Chmod(mode)
}

func (f *faultyFile) Sync() error {
	if err := f.disk.try("sync"); err != nil {
		return err
	}
	return f.file.Sync()
}

func (f *faultyFile) Close() error {
	if f.closed {
		return fs.ErrClosed
	}
	f.closed = true
	err := f.disk.try("close")
	return errors.Join(err, f.file.Close())
}

// Every operation that writing takes fails in every way, alone or with all that come after
// it, as when the process died. There is always a whole file where it should be, the error is
// that of the operation, and the next write works.
func TestWriteAtomicFaults(t *testing.T) {
	defer func() { disk = system{} }()
	older, old, young := bytes.Repeat([]byte("a"), 3), bytes.Repeat([]byte("b"), 200_000), bytes.Repeat([]byte("c"), 200_000)
	seen := make(map[string]bool)
	for _, errno := range []error{syscall.ENOSPC, syscall.EIO, syscall.EACCES, syscall.EROFS} {
		for _, keeping := range []bool{false, true} {
			for _, dead := range []bool{false, true} {
				for fail := 0; ; fail++ {
					dir := filetest.Folder(t, map[string][]byte{"file": old, "previous": older})
					path, previous := filepath.Join(dir, "file"), filepath.Join(dir, "previous")
					d := &faultyDisk{err: errno, fail: fail, dead: dead}
					disk = d
					write := func(content []byte) error {
						if keeping {
							return WriteAtomicKeeping(path, previous, writeBytes(content))
						}
						return WriteAtomic(path, writeBytes(content))
					}
					err := write(young)
					disk = system{}
					if len(d.failed) == 0 {
						if err != nil {
							t.Fatal(err)
						}
						break // there are no more operations
					}
					name := fmt.Sprintf("%v, keeping %v, dead %v, %s", errno, keeping, dead, d.failed[0])
					seen[d.failed[0]] = true
					survives := !dead && d.failed[0] == "link" // it goes on with a rename
					if survives && err != nil || !survives && !errors.Is(err, errno) {
						t.Errorf("%s: error %v", name, err)
					}
					got, missing := os.ReadFile(path)
					kept, _ := os.ReadFile(previous)
					switch {
					case missing != nil && !(keeping && bytes.Equal(kept, old)):
						t.Errorf("%s: no file", name)
					case missing == nil && !bytes.Equal(got, old) && !bytes.Equal(got, young):
						t.Errorf("%s: %d bytes %.3q", name, len(got), got)
					case bytes.Equal(got, young) && keeping && !bytes.Equal(kept, old):
						t.Errorf("%s: the old file is lost", name)
					case !bytes.Equal(kept, older) && !bytes.Equal(kept, old):
						t.Errorf("%s: %d bytes %.3q before it", name, len(kept), kept)
					case err != nil && bytes.Equal(got, young) && d.failed[0] != "sync folder":
						t.Errorf("%s: the new file in spite of %v", name, err)
					}
					if !dead && d.failed[0] != "remove" && len(names(t, dir)) != 2 {
						t.Errorf("%s: left behind %q", name, names(t, dir))
					}

					for _, stale := range []string{path, previous} {
						if err := RemoveStale(stale); err != nil {
							t.Fatal(err)
						}
					}
					before, gone := os.ReadFile(path)
					if err := write(older); err != nil {
						t.Errorf("%s: then %v", name, err)
					}
					if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, older) {
						t.Errorf("%s: then %d bytes, error %v", name, len(got), err)
					}
					if got, _ := os.ReadFile(previous); keeping && gone == nil && !bytes.Equal(got, before) {
						t.Errorf("%s: then %d bytes before it, want %d", name, len(got), len(before))
					}
					if n := names(t, dir); !slices.Equal(n, []string{"file", "previous"}) {
						t.Errorf("%s: then left behind %q", name, n)
					}
				}
			}
		}
	}
	for _, op := range []string{"create", "write", "chmod", "sync", "close", "link", "rename", "remove", "sync folder"} {
		if !seen[op] {
			t.Errorf("no %s failed", op)
		}
	}
}

func TestWriteAtomicKeeping(t *testing.T) {
	dir := t.TempDir()
	path, previous := filepath.Join(dir, "file"), filepath.Join(dir, "previous")
	for i := range 4 {
		if err := WriteAtomicKeeping(path, previous, writeBytes(filetest.Ramp(i))); err != nil {
			t.Fatal(err)
		}
		want := []string{"file", "previous"}
		if i == 0 {
			want = want[:1]
		}
		if got := names(t, dir); !slices.Equal(got, want) {
			t.Errorf("folder holds %q, want %q", got, want)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, filetest.Ramp(i)) {
			t.Errorf("file holds %q, error %v", got, err)
		}
		if got, _ := os.ReadFile(previous); i > 0 && !bytes.Equal(got, filetest.Ramp(i-1)) {
			t.Errorf("the file before it is %q", got)
		}
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "plan9" {
		return // no link without a privilege
	}
	// Both names of one file, as after a crash.
	if err := os.Remove(previous); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, previous); err != nil {
		t.Fatal(err)
	}
	if err := WriteAtomicKeeping(path, previous, writeBytes(filetest.Ramp(9))); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"file", "previous"}) {
		t.Errorf("folder holds %q", got)
	}
	if got, err := os.ReadFile(previous); err != nil || !bytes.Equal(got, filetest.Ramp(3)) {
		t.Errorf("the file before it is %q, error %v", got, err)
	}
	if err := os.Remove(previous); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", previous); err != nil {
		t.Fatal(err)
	}
	err := WriteAtomicKeeping(path, previous, writeBytes(nil))
	if err == nil || !strings.Contains(err.Error(), "not a regular file but a symbolic link") {
		t.Errorf("a link in place: %v", err)
	}
}
