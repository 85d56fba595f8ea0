package run

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contrast-go/contrast/cmd/contrast/internal/settings"
	"github.com/contrast-go/contrast/infonce/data"
	"github.com/contrast-go/contrast/infonce/train"
	"github.com/contrast-go/contrast/simd"
)

// small resolves a run on a few rows.
func small(t *testing.T, rows, out string) *Run {
	t.Helper()
	flags := &settings.Settings{
		Source:   settings.Source{Data: rows},
		Training: settings.Training{Steps: 1, Batch: 8},
	}
	given := settings.Given{"data": true, "steps": true, "batch": true}
	r, err := Resolve(io.Discard, flags, given, Options{Out: out})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A checkpoint may say anything of its run: that is one line, and nothing else happens.
func TestCheckpointsOfUnknownRuns(t *testing.T) {
	dir := t.TempDir()
	rows := filepath.Join(dir, "rows.npy")
	x := simd.NewMatrix(40, 4)
	for i := range x.Data {
		x.Data[i] = float32(i*i%13) - 6
	}
	if err := data.WriteVectors(rows, x); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	for name, text := range map[string]string{
		"empty": "", "null": "null", "list": "[]", "object": "{}", "loss": `{"loss":"of-the-future"}`,
		"server": `{"serve":"` + address + `","serve-all":true}`,
	} {
		out := filepath.Join(dir, name)
		r := small(t, rows, out)
		r.trainer.Config = text
		if _, err := r.Train(context.Background(), io.Discard); err != nil {
			t.Fatal(err)
		}
		_, err := Open(out, 1)
		check := func(how string, err error) {
			if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), out) || strings.Count(err.Error(), "config") != 1 {
				t.Errorf("%s: %s: got %v, want one line about the config in %s", name, how, err, out)
			}
		}
		check("open", err)
		_, err = Resolve(io.Discard, new(settings.Settings), nil, Options{Out: out, Resume: true})
		check("resume", err)
	}

	// What is given is compared before data are opened.
	out := filepath.Join(dir, "good")
	if _, err := small(t, rows, out).Train(context.Background(), io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(rows); err != nil {
		t.Fatal(err)
	}
	flags := &settings.Settings{Training: settings.Training{Seed: 2}}
	_, err = Resolve(io.Discard, flags, settings.Given{"seed": true}, Options{Out: out, Resume: true, Serve: address})
	if err == nil || !strings.Contains(err.Error(), `config: got "seed" 1, want 2`) {
		t.Errorf("got %v, want one that names the seed", err)
	}
	if _, err := train.ReadCheckpoint(filepath.Join(out, train.CheckpointFile)); err != nil {
		t.Error(err)
	}
}
