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
	old, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = nil
	case err != nil:
		return err
	case !old.Mode().IsRegular():
		return fmt.Errorf("write %s: not a regular file but %s", path, fileKind(old.Mode()))
	}
	f, err := createTemp(path)
	if err != nil {
		return err
	}
	renamed := false
	defer func() { // also when write panics
		f.Close()
		if !renamed {
			os.Remove(f.Name())
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
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	renamed = true
	return syncFolder(filepath.Dir(path))
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
func createTemp(path string) (*os.File, error) {
	prefix := filepath.Join(filepath.Dir(path), tempPrefix(path))
	for n := uint64(os.Getpid()); ; n++ {
		f, err := os.OpenFile(prefix+strconv.FormatUint(n, 10), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// syncFolder makes the names in dir durable, where the system can.
func syncFolder(dir string) error {
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
