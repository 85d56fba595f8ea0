package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/contrast-go/contrast/infonce/train"
)

// A folder is where a run is kept.
type folder string

// The files of a run, beside those of its trainer.
const (
	ModelFile   = "model.safetensors"
	CurveFile   = "loss.png"
	GridFile    = "neighbours.png"
	ReportFile  = "report.html"
	MonitorFile = "monitor.jsonl" // probes of samples that are not trained on
)

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

// newFolder makes a folder that no other run has.
func newFolder() (folder, error) {
	if err := os.MkdirAll("runs", 0o777); err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		dir := filepath.Join("runs", fmt.Sprintf("%03d", n))
		if err := os.Mkdir(dir, 0o777); !errors.Is(err, fs.ErrExist) {
			return folder(dir), err
		}
	}
}

// claim returns the folder of a new run, locked: f, or a new one if that is empty. It makes sure
// that nothing is lost: if the folder holds a run, it returns an error, unless that run is to be
// replaced; then it removes what would tell of the old run while the new one is under way.
func (f folder) claim(force bool) (_ folder, unlock func(), err error) {
	if f == "" {
		if f, err = newFolder(); err != nil {
			return "", nil, err
		}
	} else if info, err := os.Stat(string(f)); err == nil && !info.IsDir() {
		return "", nil, fmt.Errorf("--out: %s is not a folder", f)
	}
	if unlock, err = f.lock(); err != nil {
		return "", nil, err
	}
	if err := f.clear(force); err != nil {
		unlock()
		return "", nil, err
	}
	return f, unlock, nil
}

// lock keeps other processes from the folder, which is made if it is missing, until unlock is called
// or this process ends. Two runs in one folder would destroy each other's files. A file system that
// has no locks locks nothing.
func (f folder) lock() (unlock func(), err error) {
	if err := os.MkdirAll(string(f), 0o777); err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	dir, err := os.Open(string(f))
	if err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	if !lockFile(dir) {
		dir.Close()
		return nil, fmt.Errorf("--out: %s is in use by another process", f)
	}
	return func() { dir.Close() }, nil
}

func (f folder) clear(force bool) error {
	names := []string{ModelFile, CurveFile, GridFile, ReportFile, MonitorFile, train.CheckpointFile, train.PreviousFile, train.MetricsFile}
	entries, err := os.ReadDir(string(f))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--out: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "events.out.tfevents.") {
			names = append(names, e.Name())
		}
	}
	var found []string
	for _, name := range names {
		switch info, err := os.Lstat(f.path(name)); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("--out: %w", err)
		case !info.Mode().IsRegular():
			return fmt.Errorf("--out: %s is not a regular file", f.path(name))
		default:
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return nil
	}
	if !force {
		return fmt.Errorf("--out: %s; --force replaces it", f.describe(found))
	}
	for _, name := range found {
		if name == train.CheckpointFile || name == train.PreviousFile || name == train.MetricsFile {
			continue // replaced by the first step
		}
		if err := os.Remove(f.path(name)); err != nil {
			return fmt.Errorf("--force: %w", err)
		}
	}
	return nil
}

// describe tells what run the files are of.
func (f folder) describe(found []string) string {
	if found[0] == ModelFile {
		return fmt.Sprintf("%s holds a finished run", f)
	}
	if c, _, err := train.LastCheckpoint(string(f)); err == nil {
		return fmt.Sprintf("%s holds a run that stopped after step %d; --resume goes on with it", f, c.Step)
	}
	return fmt.Sprintf("%s holds %s", f, strings.Join(found, ", "))
}

// list names the files of a finished run.
func (f folder) list() string {
	var names []string
	for _, name := range []string{ModelFile, ReportFile, CurveFile, GridFile, train.MetricsFile, MonitorFile, train.CheckpointFile} {
		if _, err := os.Stat(f.path(name)); err == nil {
			names = append(names, name)
		}
	}
	return f.path("{" + strings.Join(names, ",") + "}")
}

// shellQuote returns s as a word of a command line.
func shellQuote(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
