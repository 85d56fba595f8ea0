package images

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/bmp"

	"github.com/contrast-go/contrast/infonce/data/internal/filetest"
)

// pgm returns a grey image.
func pgm(width, height int, pixels ...byte) []byte {
	return append(fmt.Appendf(nil, "P5 %d %d 255\n", width, height), pixels...)
}

// encoded returns a picture in a format.
func encoded(format string, m image.Image) []byte {
	var b bytes.Buffer
	var err error
	switch format {
	case "png":
		err = png.Encode(&b, m)
	case "jpg":
		err = jpeg.Encode(&b, m, &jpeg.Options{Quality: 100})
	case "gif":
		err = gif.Encode(&b, m, nil)
	case "bmp":
		err = bmp.Encode(&b, m)
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

// onScreen returns a GIF whose screen has columns, of which the image begins at left.
func onScreen(m image.Image, columns, left uint16) []byte {
	b := encoded("gif", m)
	binary.LittleEndian.PutUint16(b[6:], columns)
	at := bytes.IndexByte(b[13:], ',') + 13 // descriptor of the image; colours of the palette have no comma
	binary.LittleEndian.PutUint16(b[at+1:], left)
	return b
}

func TestReadFolder(t *testing.T) {
	grey := image.NewGray(image.Rect(0, 0, 2, 1))
	grey.Pix = []byte{10, 200}
	rgb := image.NewRGBA(image.Rect(0, 0, 2, 1))
	rgb.Pix = []byte{1, 2, 3, 255, 250, 128, 0, 255}
	clear := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	clear.Pix = []byte{100, 100, 100, 0, 255, 255, 255, 255}
	deep := image.NewGray16(image.Rect(0, 0, 2, 1))
	deep.Pix = []byte{10, 1, 200, 255}
	palette := image.NewPaletted(image.Rect(0, 0, 2, 1), color.Palette{color.RGBA{1, 2, 3, 255}, color.RGBA{250, 128, 0, 255}})
	palette.Pix = []byte{0, 1}
	pair := []byte{1, 2, 3, 250, 128, 0}
	for _, test := range []struct {
		name     string
		file     string
		content  []byte
		channels int
		want     []byte
	}{
		{"grey PNG", "a.png", encoded("png", grey), 1, []byte{10, 200}},
		{"grey PNG as RGB", "a.png", encoded("png", grey), 3, []byte{10, 10, 10, 200, 200, 200}},
		{"PNG of 16 bits", "a.png", encoded("png", deep), 0, []byte{10, 200}},
		{"PNG", "a.PNG", encoded("png", rgb), 0, pair},
		{"PNG as grey", "a.png", encoded("png", rgb), 1, []byte{1, 150}}, // 0.299 R + 0.587 G + 0.114 B, as by color.GrayModel
		{"PNG, transparent", "a.png", encoded("png", clear), 0, []byte{255, 255, 255, 255, 255, 255}},
		{"grey JPEG", "a.jpeg", encoded("jpg", grey), 0, []byte{10, 200}},
		{"GIF", "a.gif", encoded("gif", palette), 0, pair},
		{"GIF smaller than its screen", "a.gif", onScreen(palette.SubImage(image.Rect(0, 0, 1, 1)), 2, 0), 0, []byte{1, 2, 3, 255, 255, 255}},
		{"GIF at the right of its screen", "a.gif", onScreen(palette.SubImage(image.Rect(1, 0, 2, 1)), 2, 1), 0, []byte{255, 255, 255, 250, 128, 0}},
		{"BMP", "a.bmp", encoded("bmp", rgb), 0, pair},
		{"PGM", "a.pgm", pgm(2, 1, 10, 200), 0, []byte{10, 200}},
		{"PGM of 16 bits", "a.pgm", append([]byte("P5\n# by hand\n2 1\n65535\n"), 0x0a, 0x0a, 0xc8, 0xc8), 0, []byte{10, 200}},
		{"PGM to 15", "a.pgm", append([]byte("P5 2 1 15\n"), 3, 15), 0, []byte{51, 255}},
		{"PGM of text", "a.pgm", []byte("P2\n2 1 100 # white\n50 100"), 0, []byte{128, 255}},
		{"PPM", "a.ppm", append([]byte("P6 2 1 255\n"), pair...), 0, pair},
		{"PPM of text", "a.pnm", []byte("P3 2 1 255\n1 2 3\n250 128 0\n"), 0, pair},
		{"of another extension", "a.jpg", encoded("png", rgb), 0, pair},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filetest.Folder(t, map[string][]byte{"only/" + test.file: test.content, "only/.hidden.png": nil, "README": []byte("text"), "empty/notes.txt": nil})
			m, err := ReadFolder(dir, Size{Channels: test.channels})
			if err != nil {
				t.Fatal(err)
			}
			want := Set{Width: 2, Height: 1, Channels: len(test.want) / 2, Pixels: test.want, Labels: []int{0}, Classes: []string{"only"}}
			if !reflect.DeepEqual(m, want) {
				t.Errorf("read %v, want %v", m, want)
			}
		})
	}
}

// TestReadFolderOrder has the layout of a database of faces.
func TestReadFolderOrder(t *testing.T) {
	files := make(map[string][]byte)
	for class := 1; class <= 12; class++ {
		for i := 1; i <= 2; i++ {
			files[fmt.Sprintf("s%d/%d.pgm", class, i)] = pgm(1, 1, byte(10*class+i))
		}
	}
	m, err := ReadFolder(filetest.Folder(t, files), Size{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"s1", "s10", "s11", "s12", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"}; !slices.Equal(m.Classes, want) {
		t.Errorf("classes %q, want %q", m.Classes, want)
	}
	if want := []byte{11, 12, 101, 102, 111, 112, 121, 122, 21, 22}; !slices.Equal(m.Pixels[:10], want) || m.Labels[9] != 4 {
		t.Errorf("pixels %v of classes %v, want %v", m.Pixels[:10], m.Labels[:10], want)
	}
}

func TestReadFolderMixed(t *testing.T) {
	dir := filetest.Folder(t, map[string][]byte{"a/1.pgm": pgm(1, 1, 7), "b/1.ppm": []byte("P3 1 1 255 1 2 3")})
	m, err := ReadFolder(dir, Size{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Channels != 3 || !slices.Equal(m.Pixels, []byte{7, 7, 7, 1, 2, 3}) {
		t.Errorf("%d channels, pixels %v", m.Channels, m.Pixels)
	}
	flat, err := ReadFolder(filepath.Join(dir, "a"), Size{Width: 2, Height: 2})
	if err != nil {
		t.Fatal(err)
	}
	if want := (Set{Width: 2, Height: 2, Channels: 1, Pixels: []byte{7, 7, 7, 7}}); !reflect.DeepEqual(flat, want) {
		t.Errorf("folder without classes is %v, want %v", flat, want)
	}
}

func TestReadFolderRefuses(t *testing.T) {
	one, two := pgm(1, 1, 7), pgm(2, 1, 7, 8)
	large := func(n int) map[string][]byte {
		files := make(map[string][]byte)
		for i := range n {
			files[fmt.Sprintf("a/%d.jpg", i)] = jpegOf(0xc0, 1024, 2048)
		}
		return files
	}
	for _, test := range []struct {
		name  string
		files map[string][]byte
		size  Size
		want  string
	}{
		{"nothing", nil, Size{}, ": no images: want folders of PNG, JPEG, GIF, BMP, PGM or PPM files"},
		{"no images", map[string][]byte{"a/b.txt": one, "c.txt": one}, Size{}, ": no images: want folders"},
		{"images beside folders", map[string][]byte{"a/b.pgm": one, "c.pgm": one}, Size{}, "c.pgm: got images beside folders, want one of both"},
		{"two sizes", map[string][]byte{"a/b.pgm": one, "a/c.pgm": two}, Size{}, "c.pgm: size: got 2×1, want 1×1 as of "},
		{"width only", map[string][]byte{"a/b.pgm": one}, Size{Width: 3}, "size: got 3×0, want both positive or both 0"},
		{"size negative", map[string][]byte{"a/b.pgm": one}, Size{-1, -1, 0}, "size: got -1×-1, want both"},
		{"two channels", map[string][]byte{"a/b.pgm": one}, Size{Channels: 2}, "channels: got 2, want 1 for grey, 3 for RGB or 0"},
		{"too large", map[string][]byte{"a/b.pgm": one}, Size{maxSide, maxSide, 3}, "size of all images: got 1 of 67108864×67108864 with 3 channels, want at most"},
		{"too many", large(1000), Size{Channels: 3}, "size of all images: got 1000 of 1024×2048 with 3 channels, want at most"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := ReadFolder(filetest.Folder(t, test.files), test.size)
			filetest.CheckError(t, err, "images: ", test.want)
		})
	}
	_, err := ReadFolder(filepath.Join(t.TempDir(), "missing"), Size{})
	filetest.CheckError(t, err, "images: ", "missing: no such file or directory")
}

// goodPicture returns a black picture of 8×8 in a format.
func goodPicture(format string) []byte { return encoded(format, image.NewRGBA(image.Rect(0, 0, 8, 8))) }

// badPictures returns files of images that break a rule.
func badPictures() []badFile {
	picture := goodPicture
	half := func(b []byte) []byte { return b[:len(b)/2] }
	const want = "that of PNG, JPEG, GIF, BMP, PGM or PPM"
	pngOf := func(width, height uint32) []byte { // without the checksum of its header, which is read first
		b := bytes.Clone(picture("png"))
		copy(b[16:], []byte{byte(width >> 24), byte(width >> 16), byte(width >> 8), byte(width), byte(height >> 24), byte(height >> 16), byte(height >> 8), byte(height)})
		return b
	}
	return append(badBMP(), []badFile{
		{"empty", nil, `offset 0: magic: got "", want ` + want},
		{"text", []byte("hello"), `offset 0: magic: got "hello", want ` + want},
		{"WebP", []byte("RIFF\x10\x00\x00\x00WEBPVP8 "), `offset 0: magic: got "RIFF`},
		{"PNG magic only", picture("png")[:8], "png: unexpected EOF"},
		{"PNG half", half(picture("png")), "png: "},
		{"PNG checksum", filetest.Patch(picture("png"), 30, 1), "png: png: invalid format: invalid checksum"},
		{"PNG of another size", pngOf(9, 8), "png: png: invalid format: invalid checksum"},
		{"PNG of 4 Gi columns", pngOf(1<<31, 8), "png: "},
		{"JPEG magic only", []byte("\xff\xd8"), "jpeg: "},
		{"JPEG half", half(picture("jpg")), "jpeg: "},
		{"JPEG of 64 Ki × 64 Ki", func() []byte {
			b := picture("jpg")
			i := bytes.Index(b, []byte("\xff\xc0"))
			return filetest.Join(b[:i+5], []byte{0xff, 0xff, 0xff, 0xff}, b[i+9:])
		}(), "jpeg: size: got 65535×65535 of 8 bytes each, want at most"},
		{"GIF magic only", []byte("GIF89a"), "gif: "},
		{"GIF without an image", append([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00"), ';'), "gif: gif: missing image data"},
		{"GIF half", half(picture("gif")), "gif: "},
		{"GIF of 64 Ki × 64 Ki", filetest.Join([]byte("GIF89a\xff\xff\xff\xff"), picture("gif")[10:]), "gif: size: got 65535×65535 of 5 bytes each, want at most"},
		{"BMP magic only", []byte("BM"), "bmp: offset 2: length of data: got end of file, want 16 more bytes"},
		{"BMP half", half(picture("bmp")), "bmp: "},
		{"BMP of 128 Mi pixels", func() []byte { b := picture("bmp"); return filetest.Join(b[:18], []byte("\x00\x00\x00\x01"), b[22:]) }(), "bmp: offset 310: length of data: got end of file, want 536870656 more bytes"},
		{"BMP of no columns", func() []byte { b := picture("bmp"); return filetest.Join(b[:18], make([]byte, 4), b[22:]) }(), "bmp: "},
		{"PBM", []byte("P4 8 1\n\xff"), `offset 0: magic: got "P4 8 1`},
		{"PGM magic only", []byte("P5"), "pnm: offset 2: length of data: got end of file, want 1 more bytes"},
		{"PGM without size", []byte("P5\n"), "pnm: offset 3: length of data: got end of file"},
		{"PGM without maximum", []byte("P5 1 1\n"), "pnm: offset 7: length of data: got end of file"},
		{"PGM of no columns", []byte("P5 0 1 255\n"), "pnm: offset 3: width: got 0, want an integer from 1"},
		{"PGM negative", []byte("P5 -1 1 255\n"), `pnm: offset 3: width: got "-", want an integer from 1`},
		{"PGM of a word", []byte("P5 ten 1 255\n"), `pnm: offset 3: width: got "t", want`},
		{"PGM of too many digits", []byte("P5 11111111111 1 255\n"), `width: got "11111111111", want an integer from 1 to 1073741824`},
		{"PGM maximum 0", []byte("P5 1 1 0\n\x00"), "pnm: offset 7: maximum: got 0, want an integer from 1 to 65535"},
		{"PGM maximum 65536", []byte("P5 1 1 65536\n\x00"), "pnm: offset 7: maximum: got 65536, want"},
		{"PGM of a comment", []byte("P5 #" + strings.Repeat("x", 100)), "pnm: offset 104: length of data: got end of file"},
		{"PGM of 64 Ki × 64 Ki", []byte("P5 65536 65536 255\n"), "pnm: size: got 65536×65536, want at most the 19 bytes of the file"},
		{"PGM cut", pgm(2, 2, 1, 2, 3), "pnm: offset 14: length of data: got end of file, want 1 more bytes"},
		{"PGM over its maximum", []byte("P5 1 1 100\n\xff"), "pnm: offset 11: number of a pixel: got 255, want at most 100"},
		{"PGM of text over its maximum", []byte("P2 1 1 100\n101\n"), "pnm: offset 11: number of a pixel: got 101, want an integer from 0 to 100"},
		{"PPM cut", []byte("P6 1 1 255\n\x01\x02"), "pnm: offset 13: length of data: got end of file"},
		{"PPM of text cut", []byte("P3 1 1 255\n1 2"), "pnm: offset 14: length of data: got end of file"},
	}...)
}

func readPicture(path string) error {
	_, err := ReadFolder(filepath.Dir(path), Size{})
	return err
}

func TestOpen(t *testing.T) {
	cifar := bytes.Repeat(cifarImage(1, 1, 1, 1), 5)
	five := make(map[string][]byte)
	for i := range 5 {
		five[fmt.Sprintf("a/%d.pgm", i)] = pgm(1, 1, byte(i))
	}
	for _, test := range []struct {
		name        string
		files       map[string][]byte
		size        Size
		train, test Set
	}{
		{"IDX", map[string][]byte{
			"train-images-idx3-ubyte": filetest.IDX([]byte{1, 2}, 2, 1, 1), "t10k-images.idx3-ubyte.gz": filetest.Gzipped(filetest.IDX([]byte{3}, 1, 1, 1)),
		}, Size{1, 1, 1}, Set{1, 1, 1, []byte{1, 2}, nil, nil}, Set{1, 1, 1, []byte{3}, nil, nil}},
		{"CIFAR-10", map[string][]byte{"data_batch_1.bin": cifar[:4*cifarRecord], "test_batch.bin": cifar[:cifarRecord]}, Size{},
			Set{32, 32, 3, bytes.Repeat([]byte{1}, 4*3*1024), []int{1, 1, 1, 1}, cifarClasses}, Set{32, 32, 3, bytes.Repeat([]byte{1}, 3*1024), []int{1}, cifarClasses}},
		{"folder", five, Size{},
			Set{1, 1, 1, []byte{0, 1, 2, 3}, []int{0, 0, 0, 0}, []string{"a"}}, Set{1, 1, 1, []byte{4}, []int{0}, []string{"a"}}},
		{"train and test", map[string][]byte{"train/a/1.pgm": pgm(1, 1, 1), "train/b/1.pgm": pgm(1, 1, 2), "test/b/1.pgm": pgm(1, 1, 3)}, Size{},
			Set{1, 1, 1, []byte{1, 2}, []int{0, 1}, []string{"a", "b"}}, Set{1, 1, 1, []byte{3}, []int{1}, []string{"a", "b"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			train, held, err := Open(filetest.Folder(t, test.files), test.size)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(train, test.train) || !reflect.DeepEqual(held, test.test) {
				t.Errorf("%v and %v, want %v and %v", train, held, test.train, test.test)
			}
		})
	}
	for _, test := range []struct {
		name  string
		files map[string][]byte
		size  Size
		want  string
	}{
		{"another size", map[string][]byte{"test_batch.bin": cifar}, Size{16, 16, 3}, ": size: got 32×32 with 3 channels, want to keep it"},
		{"a class to test only", map[string][]byte{"train/a/1.pgm": pgm(1, 1, 1), "test/b/1.pgm": pgm(1, 1, 3)}, Size{}, "b: class: got it to test with, want it to train on too"},
		{"classes to train only", map[string][]byte{"train/a/1.pgm": pgm(1, 1, 1), "test/1.pgm": pgm(1, 1, 3)}, Size{}, ": folders of classes: got them in one of train and test"},
		{"nothing", nil, Size{}, ": no images"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := Open(filetest.Folder(t, test.files), test.size)
			filetest.CheckError(t, err, "images: ", test.want)
		})
	}
}
