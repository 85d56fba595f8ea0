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

// WriteAtomic replaces the file at path by what write writes, so that a crash at any moment leaves
// either the whole old file or the whole new one: it writes a temporary file in the same folder,
// syncs it, renames it to path and syncs the folder. The writer passed to write is buffered. The
// new file gets the permissions of the old one.
//
// On an error the old file is untouched and the temporary file is gone, with one exception: if the
// last step fails, the new file is in place but might not survive a loss of power. A process that
// is killed leaves the temporary file to [RemoveStale].
//
// WriteAtomic refuses to replace anything but a regular file, such as a link, a device or a folder.
func WriteAtomic(path string, write func(io.Writer) error) error {
	return writeAtomic(path, "", write)
}

// WriteAtomicKeeping is [WriteAtomic], but it keeps the replaced file at previous, in the same
// folder, in place of the one there. There always is a file at path, unless the file system has no
// links: then it is missing for a moment, during which the old one is at previous.
//
// On an error the old file is at path, at previous, or at both.
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

// lstatRegular describes the regular file at path. It returns nil if there is nothing.
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

// keep moves the file at path to previous, and leaves it at path too if the file system has links.
func keep(path, previous string) error {
	link, err := temp(previous, func(name string) error { return disk.link(path, name) })
	if err != nil {
		return disk.rename(path, previous)
	}
	if err := disk.rename(link, previous); err != nil {
		disk.remove(link)
		return err
	}
	// If both are links to one file, rename leaves both.
	if err := disk.remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// RemoveStale removes the temporary files for path that calls of [WriteAtomic] left behind when
// their process was killed. No such call may be running.
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

// tempPrefix returns the start of the names of temporary files for path. A number follows.
func tempPrefix(path string) string { return "." + filepath.Base(path) + ".tmp-" }

// createTemp creates a temporary file for path with the permissions of a new file, unlike
// os.CreateTemp.
func createTemp(path string) (f file, err error) {
	_, err = temp(path, func(name string) (err error) {
		f, err = disk.create(name)
		return err
	})
	return f, err
}

// temp calls create with names of temporary files for path until one of them is new.
func temp(path string, create func(name string) error) (name string, err error) {
	prefix := filepath.Join(filepath.Dir(path), tempPrefix(path))
	for n := uint64(os.Getpid()); ; n++ {
		name = prefix + strconv.FormatUint(n, 10)
		if err = create(name); !errors.Is(err, fs.ErrExist) {
			return name, err
		}
	}
}

// A fileSystem is where WriteAtomic writes. Tests have one that fails.
type fileSystem interface {
	create(name string) (file, error) // fs.ErrExist if there is one
	link(old, new string) error       // likewise
	rename(old, new string) error
	remove(name string) error
	syncFolder(dir string) error // make the names in dir durable
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
		return nil // folders cannot be synced
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

// fileKind describes the type of a file that is not regular.
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
