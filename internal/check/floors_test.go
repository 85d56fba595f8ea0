package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/contrast-go/contrast"

// floors lists the packages of the module, the lowest floor first. A package may import those of
// its own floor and of lower ones. "/..." includes the packages below, as in the patterns of the go
// command; the longest match counts.
var floors = [][]string{
	{"internal/bits", "internal/cpu", "internal/generic", "internal/par", "internal/scalar", "asm/..."},
	{"simd"},
	{"infonce/internal/tile"},
	{"infonce"},
	{"infonce/miner"},
	{"infonce/catalog"},
	{"infonce/internal/random", "infonce/data/internal/input", "infonce/data/internal/number"},
	{"infonce/data/internal/idx", "infonce/data/internal/parquet"},
	{"infonce/data", "infonce/data/images"},
	{"infonce/data/glyphs"},
	{"infonce/internal/sealed"},
	{"infonce/nn"},
	{"infonce/optim", "infonce/augment"},
	{"infonce/dataset", "infonce/eval"},
	{"infonce/train"},
	{
		"cmd/contrast/internal/conformance", "cmd/contrast/internal/golden", "cmd/contrast/internal/interrupt",
		"cmd/contrast/internal/report", "cmd/contrast/internal/reproduce", "cmd/contrast/internal/settings", "cmd/contrast/internal/tfevents",
	},
	{"cmd/contrast/internal/dataset"},
	{"cmd/contrast/internal/evaluation"},
	{"cmd/contrast/internal/verification", "cmd/contrast/internal/view"},
	{"cmd/contrast/internal/run"},
	{"cmd/contrast", "bench"},
}

// A listed is what go list says of a package without its tests.
type listed struct {
	ImportPath string
	Dir        string
	Imports    []string
	Deps       []string // all packages that it links
}

// TestImportFloors compares the imports of every package with the table, for both architectures
// that have assembly and without assembly.
func TestImportFloors(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command, as there is under go test: ", err)
	}
	for _, build := range []struct{ arch, tags string }{{"amd64", ""}, {"arm64", ""}, {"amd64", "purego"}} {
		t.Run("arch="+build.arch+"/tags="+build.tags, func(t *testing.T) {
			pkgs := list(t, build.arch, build.tags)
			if !slices.ContainsFunc(pkgs, func(p listed) bool { return p.ImportPath == module+"/internal/check" }) {
				t.Fatalf("go list does not name this package among %d", len(pkgs))
			}
			for _, v := range violations(pkgs) {
				t.Error(v)
			}
			for _, pattern := range slices.Concat(floors...) {
				if !slices.ContainsFunc(pkgs, func(p listed) bool { return matches(pattern, ours(p.ImportPath)) }) {
					t.Errorf("%s has a floor but does not exist", pattern)
				}
			}
		})
	}
}

func list(t *testing.T, arch, tags string) []listed {
	t.Helper()
	// -e: a package that does not build is judged by the imports it has.
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,Imports,Deps", "-tags="+tags, "./...")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

// The floors go through the folders of the module one after the other, so that no folder as a whole
// imports one above it.
func TestFloorsFollowFolders(t *testing.T) {
	folders := map[string]int{"internal": 0, "asm": 0, "simd": 1, "infonce": 2, "cmd": 3, "bench": 3}
	highest := 0
	for _, floor := range floors {
		for _, pattern := range floor {
			top, _, _ := strings.Cut(pattern, "/")
			folder, ok := folders[top]
			if !ok || folder < highest {
				t.Errorf("%s stands above a higher folder, or in none of %v", pattern, folders)
			}
			highest = max(highest, folder)
		}
	}
}

// No package holds more than a quarter of the lines of Go outside tests.
func TestRoomsStaySmall(t *testing.T) {
	lines, total := make(map[string]int), 0
	for _, p := range list(t, "amd64", "") {
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			n := strings.Count(string(text), "\n")
			lines[ours(p.ImportPath)] += n
			total += n
		}
	}
	for room, n := range lines {
		if 4*n > total {
			t.Errorf("%s has %d of %d lines", room, n, total)
		}
	}
	largest := slices.SortedFunc(maps.Keys(lines), func(a, b string) int { return lines[b] - lines[a] })
	for _, room := range largest[:5] {
		t.Logf("%s: %d lines, %.1f %%", room, lines[room], 100*float64(lines[room])/float64(total))
	}
}

// violations returns one line for each import that the house forbids.
func violations(pkgs []listed) []string {
	var v []string
	add := func(format string, args ...any) { v = append(v, fmt.Sprintf(format, args...)) }
	for _, p := range pkgs {
		name := ours(p.ImportPath)
		floor := floorOf(name)
		if floor < 0 && !aside(name) {
			add("%s has no floor: give it one in the table of this test", name)
			continue
		}
		for _, path := range p.Imports {
			imported := ours(path)
			switch {
			case strings.HasPrefix(path, "github.com/klauspost/cpuid/") && name != "internal/cpu":
				add("%s imports cpuid: only internal/cpu may", name)
			case imported == "":
			case name == "internal/ref":
				add("%s imports %s: it shares no code with what it judges", name, imported)
			case name == "infonce/catalog" && imported == "internal/ref": // each loss has its oracle in its row
			case aside(imported) && !(aside(name) && imported == "internal/check"):
				add("%s imports %s: only tests may", name, imported)
			case matches("asm/...", imported) && name != "simd":
				add("%s imports %s: only simd may", name, imported)
			case !aside(name) && floorOf(imported) > floor:
				add("%s imports %s, which is on a higher floor", name, imported)
			}
		}
		if matches("infonce/...", name) && name != "infonce/data/glyphs" {
			for _, d := range p.Deps {
				if matches("codeberg.org/go-fonts/...", d) || matches("golang.org/x/image/font/...", d) {
					add("%s links %s: only infonce/data/glyphs may link fonts", name, d)
				}
			}
		}
		if name == "simd" || name == "infonce" {
			for _, d := range p.Deps {
				if ours(d) == "" && !linkable(d) {
					add("%s links %s: it may link the standard library and cpuid with its x/sys", name, d)
				}
			}
		}
	}
	return v
}

// ours returns the path within the module, and "" for a package of another module.
func ours(path string) string {
	if path == module {
		return "."
	}
	name, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		return ""
	}
	return name
}

// aside reports whether the package is for tests only.
func aside(name string) bool {
	switch name {
	case "internal/check", "internal/kerneltest", "internal/ref",
		"infonce/internal/testkit", "infonce/data/internal/filetest":
		return true
	}
	return false
}

func floorOf(name string) int {
	floor, longest := -1, 0
	for i, patterns := range floors {
		for _, p := range patterns {
			if matches(p, name) && len(p) > longest {
				floor, longest = i, len(p)
			}
		}
	}
	return floor
}

func matches(pattern, name string) bool {
	prefix, below := strings.CutSuffix(pattern, "/...")
	return name == prefix || below && strings.HasPrefix(name, prefix+"/")
}

// linkable reports whether the library may make all its users link the package.
func linkable(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") || // the standard library, and what it vendors
		matches("github.com/klauspost/cpuid/v2/...", path) ||
		matches("golang.org/x/sys/...", path)
}

func TestFloorsCatch(t *testing.T) {
	const gonum, cpuid, xsys = "gonum.org/v1/gonum/mat", "github.com/klauspost/cpuid/v2", "golang.org/x/sys/cpu"
	for _, c := range []struct {
		name    string
		imports []string
		deps    []string
		want    string // part of the only violation; "" for none
	}{
		{"internal/cpu", []string{"os", cpuid}, nil, ""},
		{"internal/generic", []string{module + "/internal/scalar"}, nil, ""},
		{"internal/generic", []string{cpuid}, nil, "imports cpuid"},
		{"internal/scalar", []string{module + "/simd"}, nil, "imports simd, which is on a higher floor"},
		{"asm/avx2", []string{module + "/infonce"}, nil, "higher floor"},
		{"simd", []string{module + "/asm/avx2", module + "/internal/cpu"}, []string{"os", "vendor/golang.org/x/crypto/chacha20", cpuid, cpuid + "/topology", xsys, module + "/internal/cpu"}, ""},
		{"simd", []string{module + "/infonce"}, nil, "imports infonce"},
		{"simd", nil, []string{gonum}, "links gonum.org"},
		{"infonce", []string{module + "/simd", "errors"}, []string{cpuid, xsys}, ""},
		{"infonce", []string{module + "/asm/neon"}, nil, "only simd may"},
		{"infonce", []string{module + "/infonce/train"}, nil, "higher floor"},
		{"infonce", []string{module + "/infonce/data"}, nil, "higher floor"},
		{"infonce", []string{module + "/infonce/eval"}, nil, "higher floor"},
		{"infonce", nil, []string{"golang.org/x/image/draw"}, "links golang.org/x/image"},
		{"infonce", []string{module + "/internal/ref"}, nil, "only tests may"},
		{"infonce/data", []string{module + "/infonce/train"}, nil, "higher floor"},
		{"infonce/data/internal/parquet", []string{module + "/infonce/eval"}, nil, "higher floor"},
		{"infonce/data/images", []string{module + "/infonce/data"}, []string{"golang.org/x/image/bmp"}, ""},
		{"infonce/data/images", []string{module + "/infonce/data/glyphs"}, nil, "higher floor"},
		{"infonce/data/internal/idx", []string{module + "/infonce/data/internal/filetest"}, nil, "only tests may"},
		{"infonce/nn", nil, []string{"golang.org/x/image/font/sfnt"}, "only infonce/data/glyphs may link fonts"},
		{"infonce/data/glyphs", nil, []string{"codeberg.org/go-fonts/liberation/liberationmonobold"}, ""},
		{"infonce/train", []string{module + "/infonce", module + "/infonce/data"}, []string{gonum}, ""},
		{"infonce/plot", nil, nil, "has no floor"},
		{".", nil, nil, "has no floor"},
		{"cmd/contrast", []string{module + "/infonce/train", gonum}, nil, ""},
		{"cmd/contrast", []string{module + "/internal/check"}, nil, "only tests may"},
		{"cmd/contrast", []string{cpuid}, nil, "imports cpuid"},
		{"bench", []string{module + "/asm/avx512"}, nil, "only simd may"},
		{"internal/check", []string{module + "/internal/cpu"}, nil, ""},
		{"internal/check", []string{module + "/internal/ref"}, nil, "only tests may"},
		{"internal/check", []string{module + "/internal/kerneltest"}, nil, "only tests may"},
		{"internal/kerneltest", []string{module + "/internal/check", module + "/internal/generic"}, nil, ""},
		{"internal/kerneltest", []string{module + "/internal/ref"}, nil, "only tests may"},
		{"internal/kerneltest", []string{module + "/asm/avx2"}, nil, "only simd may"},
		{"asm/avx2", []string{module + "/internal/kerneltest"}, nil, "only tests may"},
		{"internal/ref", []string{"math"}, nil, ""},
		{"internal/ref", []string{module + "/internal/scalar"}, nil, "shares no code"},
	} {
		path := module + "/" + c.name
		if c.name == "." {
			path = module
		}
		got := violations([]listed{{ImportPath: path, Imports: c.imports, Deps: c.deps}})
		if c.want == "" && len(got) != 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
			t.Errorf("%s importing %v, linking %v: %q, want %q", c.name, c.imports, c.deps, got, c.want)
		}
	}
}
