package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Images of colour files are trained on, of CIFAR-10 and of a folder for each class, brought to one
// size.
func TestColourImages(t *testing.T) {
	cifar, folder, out := t.TempDir(), t.TempDir(), t.TempDir()
	for name, n := range map[string]int{"data_batch_1.bin": 20, "test_batch.bin": 8} {
		var b []byte
		for i := range n {
			b = append(b, byte(i%4))
			for p := range 3 * 1024 {
				b = append(b, byte(p/1024*60+i%4*40+p*i%23))
			}
		}
		write(t, filepath.Join(cifar, name), b)
	}
	for i := range 30 {
		m := image.NewRGBA(image.Rect(0, 0, 20+i%3, 18))
		for p := range 18 * m.Rect.Dx() {
			m.SetRGBA(p%m.Rect.Dx(), p/m.Rect.Dx(), color.RGBA{uint8(i % 3 * 100), uint8(p * i), uint8(50 + p), 255})
		}
		dir := filepath.Join(folder, fmt.Sprintf("kind %c", 'a'+i%3))
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%02d.png", i)))
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, m); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	for _, c := range []struct {
		name  string
		flags []string
		says  string
	}{
		{"cifar", []string{"--data=cifar:" + cifar, "--arch=cnn", "--filters=4,6", "--report"}, "cnn 32x32x3, filters 4-6"},
		{"folder", []string{"--data=" + folder, "--image-size=12x10", "--loss=supcon"}, "24 images to train on; 6 images not trained on"},
	} {
		one := filepath.Join(out, c.name)
		_, stderr := succeed(t, append([]string{"train", "--out", one, "--steps=6", "--hidden=8"}, c.flags...)...)
		for _, want := range []string{c.says, `"batch":16,`, `"saturation":0.4`} {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: standard error lacks %q:\n%s", c.name, want, stderr)
			}
		}
		succeed(t, "eval", "--model", one)
		succeed(t, "train", "--resume", "--out", one)
	}
	succeed(t, "embed", "--model", filepath.Join(out, "folder"), "--data", folder, "--out", filepath.Join(out, "z.csv"))
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"train", "--data", folder, "--out", "run"}, "want"},
		{[]string{"train", "--data", t.TempDir(), "--out", "run"}, "image"},
		{[]string{"train", "--data", "cifar:" + folder, "--out", "run"}, "data_batch_1.bin"},
		{[]string{"train", "--data", cifar, "--image-size=8x8", "--out", "run"}, "32"},
		{[]string{"eval", "--model", filepath.Join(out, "cifar"), "--data=glyphs"}, "glyphs has images of 28x28x1, want the 32x32x3 of the encoder"},
	} {
		t.Chdir(t.TempDir())
		status, stdout, stderr := command(c.args...)
		if status != statusFailed || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.says) || len(contents(t, ".")) > 0 {
			t.Errorf("%v: status %d, stderr %q, want one line with %q", c.args, status, stderr, c.says)
		}
	}
}
