//go:build unix

package images

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

// TestPipes has pipes, in which nobody writes, for files: none is opened, which would wait for
// ever.
func TestPipes(t *testing.T) {
	for _, test := range []struct {
		name string
		read func(path string) error
	}{
		{"train-images-idx3-ubyte", readIDXFolder},
		{"data_batch_2.bin", readCIFARFolder},
		{"a.png", readPicture},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), test.name)
			if err := syscall.Mkfifo(path, 0o666); err != nil {
				t.Skip("the file system has no pipes: ", err)
			}
			filetest.CheckError(t, test.read(path), "", path+": not a regular file")
		})
	}
}

// TestNames has names that would break the lines of errors and of tables.
func TestNames(t *testing.T) {
	for name, want := range map[string]string{"a\nb/1.pgm": `: name: got "a\nb", want one without control characters`, "a/\x1b[2J.pgm": `: name: got "\x1b[2J.pgm"`, "\u2028.png": `: name: got "\u2028.png"`} {
		_, err := ReadFolder(filetest.Folder(t, map[string][]byte{name: pgm(1, 1, 1)}), Size{})
		filetest.CheckError(t, err, "images: ", want)
	}
	if _, err := ReadFolder(filetest.Folder(t, map[string][]byte{"ä b/1.pgm": pgm(1, 1, 1), "not read\n.txt": nil}), Size{}); err != nil {
		t.Error(err)
	}
}

// TestLinks reads through links, but not in circles.
func TestLinks(t *testing.T) {
	dir := filetest.Folder(t, map[string][]byte{"images/a/1.pgm": pgm(1, 1, 1)})
	at := func(name string) string { return filepath.Join(dir, name) }
	for link, target := range map[string]string{"images/b": "a", "images/a/2.pgm": "1.pgm"} {
		if err := os.Symlink(target, at(link)); err != nil {
			t.Skip("the file system has no links: ", err)
		}
	}
	if m, err := ReadFolder(at("images"), Size{}); err != nil || m.Len() != 4 || len(m.Classes) != 2 {
		t.Errorf("%d images of %q, error %v", m.Len(), m.Classes, err)
	}
	if err := os.Symlink("..", at("images/a/up")); err != nil {
		t.Fatal(err)
	}
	if m, err := ReadFolder(at("images"), Size{}); err != nil || m.Len() != 4 {
		t.Errorf("%d images in a circle, error %v", m.Len(), err)
	}
}
