package images

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/contrast-go/contrast/infonce/data/internal/input"
)

const (
	maxFolder = 1 << 32 // bytes of pixels in a folder
	maxFiles  = 1 << 22 // files in a folder
	maxSide   = 1 << 26 // width and height that pictures are brought to
)

// A Size is what the images of a folder are brought to.
type Size struct {
	Width, Height int // 0 keeps the size of the images, which must then be the same for all
	Channels      int // 1 is grey, 3 is RGB; 0 means 1 if all images are grey, else 3
}

// ReadFolder reads the images of a folder that has a folder for each class. Classes are in the
// order of their names, byte for byte, and so are the images of a class. The images of a folder
// without folders have no labels.
//
// Files are PNG, JPEG, GIF, BMP, PGM or PPM; of a GIF, the first image is read. The content tells
// which of them a file is, but files with other extensions are left out, and so are files and
// folders whose names start with a dot. Images of another size are scaled by Catmull–Rom, which may
// change their proportions. The orientation in EXIF is followed, and what is transparent lies on
// white.
//
// Reading a picture may take up to 1 GiB, and all images together up to 4 GiB.
func ReadFolder(dir string, size Size) (Set, error) {
	m, err := readFolder(dir, size)
	if err != nil {
		return Set{}, fmt.Errorf("images: %w", err)
	}
	return m, nil
}

func readFolder(dir string, size Size) (Set, error) {
	switch {
	case size.Width < 0 || size.Height < 0 || (size.Width == 0) != (size.Height == 0) || size.Width > maxSide || size.Height > maxSide:
		return Set{}, fmt.Errorf("size: got %d×%d, want both positive or both 0", size.Width, size.Height)
	case size.Channels != 0 && size.Channels != 1 && size.Channels != 3:
		return Set{}, fmt.Errorf("channels: got %d, want 1 for grey, 3 for RGB or 0", size.Channels)
	}
	files, labels, classes, err := listImages(dir)
	if err != nil {
		return Set{}, err
	}
	m, err := commonSize(files, size)
	if err != nil {
		return Set{}, err
	}
	m.Labels, m.Classes = labels, classes
	for _, path := range files {
		if m.Pixels, err = appendPicture(m.Pixels, path, m); err != nil {
			return Set{}, err
		}
	}
	return m, nil
}

// listImages returns the image files of a folder, in order, and their classes.
func listImages(dir string) (files []string, labels []int, classes []string, err error) {
	folders, flat, err := listFolder(dir)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(flat) > 0 && len(folders) > 0 {
		return nil, nil, nil, fmt.Errorf("%s: got images beside folders, want one of both", flat[0])
	}
	files = flat
	for _, folder := range folders {
		_, images, err := listFolder(folder)
		if err != nil {
			return nil, nil, nil, err
		}
		if len(images) == 0 {
			continue
		}
		for range images {
			labels = append(labels, len(classes))
		}
		classes = append(classes, filepath.Base(folder))
		if files = append(files, images...); len(files) > maxFiles {
			return nil, nil, nil, fmt.Errorf("%s: got more files, want at most %d images", folder, maxFiles)
		}
	}
	if len(files) == 0 {
		return nil, nil, nil, fmt.Errorf("%s: no images: want folders of %s files, one for each class", dir, input.OneOf(Formats()))
	}
	return files, labels, classes, nil
}

// listFolder returns the folders and the image files in a folder, sorted.
func listFolder(dir string) (folders, images []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		isDir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := os.Stat(path)
			if err != nil {
				return nil, nil, err
			}
			isDir = info.IsDir()
		}
		switch {
		case strings.HasPrefix(e.Name(), ".") || !isDir && !isPicture(e.Name()):
		case strings.ContainsFunc(e.Name(), endsLine):
			return nil, nil, fmt.Errorf("%s: name: got %s, want one without control characters", dir, input.Quoted(e.Name()))
		case isDir:
			folders = append(folders, path)
		default:
			images = append(images, path)
		}
	}
	slices.Sort(folders)
	slices.Sort(images)
	return folders, images, nil
}

// endsLine reports whether a character, printed as part of a name, could end the line or do worse.
func endsLine(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

// commonSize returns an empty Set of the size that the files are brought to.
func commonSize(files []string, size Size) (Set, error) {
	m := Set{Width: size.Width, Height: size.Height, Channels: size.Channels}
	grey := true
	for _, path := range files {
		f, p, err := openPicture(path)
		if err != nil {
			return Set{}, err
		}
		f.Close()
		grey = grey && p.grey()
		width, height := p.size()
		if m.Width == 0 {
			m.Width, m.Height = width, height
		}
		if size.Width == 0 && (width != m.Width || height != m.Height) {
			return Set{}, fmt.Errorf("%s: size: got %d×%d, want %d×%d as of %s, or a size to bring all to", path, width, height, m.Width, m.Height, files[0])
		}
	}
	if m.Channels == 0 {
		m.Channels = 3
		if grey {
			m.Channels = 1
		}
	}
	limit := int64(min(maxFolder, math.MaxInt))
	if one := int64(m.Width) * int64(m.Height) * int64(m.Channels); one > limit/int64(len(files)) {
		return Set{}, fmt.Errorf("%s: size of all images: got %d of %d×%d with %d channels, want at most %d bytes", filepath.Dir(files[0]), len(files), m.Width, m.Height, m.Channels, limit)
	}
	return m, nil
}

// appendPicture appends the pixels of a file to pixels, brought to the size of m.
func appendPicture(pixels []uint8, path string, m Set) ([]uint8, error) {
	f, p, err := openPicture(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	picture, err := decodePicture(f, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	start := len(pixels)
	pixels = slices.Grow(pixels, m.size())[:start+m.size()]
	resize(pixels[start:], m.Width, m.Height, newRowReader(picture, m.Channels, p.orientation))
	return pixels, nil
}
