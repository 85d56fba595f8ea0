package data

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// WriteAtomic replaces the file at path by what write writes, so that a crash at
// any moment leaves the old file or the new one, whole: it writes a temporary
// file in the same folder, syncs it, renames it to path and syncs the folder. The
// writer it passes to write is buffered. A file that is replaced passes on its
// permissions.
//
// On an error the old file is untouched and the temporary file is gone, with one
// exception: when the last step fails, the new file is in place but might not
// survive a loss of power. A process that is killed leaves the temporary file to
// RemoveStale.
//
// What is at path must be a regular file or nothing: a link, device or folder is
// refused.
func WriteAtomic(path string, write func(io.Writer) error) error {
	return writeAtomic(path, "", write)
}

// WriteAtomicKeeping is [WriteAtomic], but the file that it replaces takes the
// place of the one at previous, in the same folder. There is a file at path all
// the time, unless the file system has no links: there it is missing for a moment, in
// which the old one is at previous.
//
// On an error the old file is at path, or at previous, or at both.
func WriteAtomicKeeping(path, previous string, write func(io.Writer) error) error {
	return writeAtomic(path, previous, write)
}

func writeAtomic(path, previous string, write func(io.Writer) error) error {
	old, err := lstatRegular(path)
	if err != nil {
		return err
	}
	if previous != "" {
		if _, err := lstatRegular(previous); err != nil {
			return err
		}
	}
	f, err := createTemp(path)
	if err != nil {
		return err
	}
	renamed := false
	defer func() { // also when write panics
		f.Close()
		if !renamed {
			disk.remove(f.Name())
		}
	}()

	b := bufio.NewWriterSize(f, 1<<16)
	if err := write(b); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := b.Flush(); err != nil {
		return err
	}
	if old != nil {
		if err := f.Chmod(old.Mode().Perm()); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if old != nil && previous != "" {
		if err := keep(path, previous); err != nil {
			return err
		}
	}
	if err := disk.rename(f.Name(), path); err != nil {
		return err
	}
	renamed = true
	return disk.syncFolder(filepath.Dir(path))
}

// lstatRegular tells of the regular file at path; nil where there is nothing.
func lstatRegular(path string) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("write %s: not a regular file but %s", path, fileKind(info.Mode()))
	}
	return info, nil
}

// keep puts the file at path in the place of the one at previous, and leaves it
// at path too where the file system has links.
func keep(path, previous string) error {
	link, err := temp(previous, func(name string) error { return disk.link(path, name) })
	if err != nil {
		return disk.rename(path, previous)
	}
	if err := disk.rename(link, previous); err != nil {
		disk.remove(link)
		return err
	}
	// Where both are links to one file, rename leaves both.
	if err := disk.remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// RemoveStale removes the temporary files that calls of WriteAtomic for path left
// behind when their process was killed. No such call may be under way.
func RemoveStale(path string) error {
	dir := filepath.Dir(path)
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		number, ok := strings.CutPrefix(file.Name(), tempPrefix(path))
		if !ok || !file.Type().IsRegular() {
			continue
		}
		if _, err := strconv.ParseUint(number, 10, 64); err != nil {
			continue
		}
		if err := os.Remove(filepath.Join(dir, file.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// tempPrefix returns how the names of temporary files for path begin. A number
// follows.
func tempPrefix(path string) string { return "." + filepath.Base(path) + ".tmp-" }

// createTemp creates a temporary file for path, with the permissions of a new
// file, which os.CreateTemp does not give.
func createTemp(path string) (f file, err error) {
	_, err = temp(path, func(name string) (err error) {
		f, err = disk.create(name)
		return err
	})
	return f, err
}

// temp calls create with names of temporary files for path, until one of them is new.
func temp(path string, create func(name string) error) (name string, err error) {
	prefix := filepath.Join(filepath.Dir(path), tempPrefix(path))
	for n := uint64(os.Getpid()); ; n++ {
		name = prefix + strconv.FormatUint(n, 10)
		if err = create(name); !errors.Is(err, fs.ErrExist) {
			return name, err
		}
	}
}

// A fileSystem is where WriteAtomic writes. A test has one that fails.
type fileSystem interface {
	create(name string) (file, error) // fs.ErrExist where there is one
	link(old, new string) error       // likewise
	rename(old, new string) error
	remove(name string) error
	syncFolder(dir string) error // makes the names in it durable
}

type file interface {
	io.WriteCloser
	Name() string
	Chmod(fs.FileMode) error
	Sync() error
}

var disk fileSystem = system{}

// system is the file system of the operating system.
type system struct{}

func (system) create(name string) (file, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (system) link(old, new string) error   { return os.Link(old, new) }
func (system) rename(old, new string) error { return os.Rename(old, new) }
func (system) remove(name string) error     { return os.Remove(name) }

func (system) syncFolder(dir string) error {
	if runtime.GOOS == "windows" || runtime.GOOS == "plan9" {
		return nil // a folder cannot be synced
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil // some network file systems
	}
	return err
}

// fileKind names the type of a file that is not regular.
func fileKind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	default:
		return "a special file"
	}
}
