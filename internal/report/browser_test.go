//go:build browser

package report

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The tests of this file open pages in a browser without a window. They need Chromium:
//
//	go test -tags browser ./internal/report -shots FOLDER

var shots = flag.String("shots", "", "the folder for pictures of the pages")

// A browser is a Chromium that is told what to do over two pipes, by the DevTools
// protocol: JSON, each message ended by a zero.
type browser struct {
	t        *testing.T
	in       *os.File
	out      *bufio.Reader
	last     int // the number of the last command
	session  string
	errors   []string // what the console told, and what was not loaded
	requests []string
}

// newBrowser starts Chromium with one page.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Fatal("no Chromium: install it, or leave the tag browser out")
	}
	theirIn, in, err := os.Pipe()
	must(t, err)
	out, theirOut, err := os.Pipe()
	must(t, err)
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "--no-first-run", "--disable-background-networking", "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	must(t, cmd.Start())
	theirIn.Close()
	theirOut.Close()
	b := &browser{t: t, in: in, out: bufio.NewReaderSize(out, 1<<20)}
	t.Cleanup(func() {
		b.session = ""
		b.do("Browser.close", nil, nil)
		cmd.Wait()
		stop()
		in.Close()
		out.Close()
	})
	var target struct{ TargetID string }
	b.do("Target.createTarget", object{"url": "about:blank"}, &target)
	var session struct{ SessionID string }
	b.do("Target.attachToTarget", object{"targetId": target.TargetID, "flatten": true}, &session)
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.do(domain+".enable", nil, nil)
	}
	return b
}

type object map[string]any

// do runs a command and reads its answer, noting events on the way.
func (b *browser) do(method string, params object, result any) {
	b.t.Helper()
	b.last++
	m := object{"id": b.last, "method": method}
	if params != nil {
		m["params"] = params
	}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	line, err := json.Marshal(m)
	must(b.t, err)
	_, err = b.in.Write(append(line, 0))
	must(b.t, err)
	for {
		line, err := b.out.ReadBytes(0)
		if err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
		var answer struct {
			ID     int
			Method string
			Params json.RawMessage
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		must(b.t, json.Unmarshal(line[:len(line)-1], &answer))
		switch {
		case answer.ID == b.last && answer.Error != nil:
			b.t.Fatalf("%s: %s", method, answer.Error.Message)
		case answer.ID == b.last:
			if result != nil {
				must(b.t, json.Unmarshal(answer.Result, result))
			}
			return
		default:
			b.note(answer.Method, answer.Params)
		}
	}
}

// note keeps the events that a sound page does not cause.
func (b *browser) note(method string, params json.RawMessage) {
	switch method {
	case "Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled", "Network.loadingFailed":
		b.errors = append(b.errors, method+" "+string(params))
	case "Network.requestWillBeSent":
		var p struct{ Request struct{ URL string } }
		must(b.t, json.Unmarshal(params, &p))
		if !strings.HasPrefix(p.Request.URL, "data:") {
			b.requests = append(b.requests, p.Request.URL)
		}
	}
}

// eval returns the value of an expression, awaited.
func (b *browser) eval(expression string) string {
	b.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	b.do("Runtime.evaluate", object{"expression": expression, "returnByValue": true, "awaitPromise": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, r.ExceptionDetails.Exception.Description)
	}
	return fmt.Sprint(r.Result.Value)
}

// open shows a page of a size and a colour scheme, and waits until it has drawn.
func (b *browser) open(url string, width, height int, scheme string) string {
	b.t.Helper()
	b.do("Emulation.setDeviceMetricsOverride", object{"width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 600}, nil)
	b.do("Emulation.setEmulatedMedia", object{"features": []object{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.do("Page.navigate", object{"url": url}, nil)
	return b.drawn()
}

// drawn waits until the page has drawn, and returns what it says of that.
func (b *browser) drawn() string {
	b.t.Helper()
	return b.eval(`new Promise(done => {
		const root = () => document.documentElement;
		const look = () => root().dataset.drawn ? done(root().dataset.drawn) : requestAnimationFrame(look);
		document.readyState === 'complete' ? look() : addEventListener('load', look);
	})`)
}

// shoot takes a picture of the whole page, or of what is seen.
func (b *browser) shoot(name string, whole bool) []byte {
	b.t.Helper()
	var shot struct{ Data string }
	b.do("Page.captureScreenshot", object{"format": "png", "captureBeyondViewport": whole}, &shot)
	picture, err := base64.StdEncoding.DecodeString(shot.Data)
	must(b.t, err)
	if *shots != "" {
		must(b.t, os.WriteFile(filepath.Join(*shots, name+".png"), picture, 0o666))
	}
	return picture
}

// check fails the test where the console told of anything, or the page loaded more than itself.
func (b *browser) check(want ...string) {
	b.t.Helper()
	for _, e := range b.errors {
		b.t.Error(e)
	}
	for _, r := range b.requests {
		if len(want) == 0 || r != want[0] {
			b.t.Errorf("the page loaded %s", r)
		}
	}
	b.errors, b.requests = nil, nil
}

func writePage(t *testing.T, p *Page) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	must(t, p.WriteFile(path))
	return "file://" + path
}

// TestBrowserDraws opens a page in both colour schemes on a desk and on a phone.
func TestBrowserDraws(t *testing.T) {
	b := newBrowser(t)
	url := writePage(t, samplePage(t, 2000, 4000))
	for _, c := range []struct {
		name          string
		width, height int
		scheme        string
	}{
		{"desk-light", 1280, 900, "light"}, {"desk-dark", 1280, 900, "dark"},
		{"phone-light", 390, 844, "light"}, {"phone-dark", 390, 844, "dark"},
	} {
		if got, want := b.open(url, c.width, c.height, c.scheme), "charts 5, planes 2"; got != want {
			t.Errorf("%s: drawn: %s, want %s", c.name, got, want)
		}
		picture, err := png.Decode(bytes.NewReader(b.shoot(c.name, true)))
		must(t, err)
		paper, inked := picture.At(0, 0), 0
		for y := 0; y < picture.Bounds().Dy(); y += 2 {
			for x := 0; x < picture.Bounds().Dx(); x += 2 {
				if picture.At(x, y) != paper {
					inked++
				}
			}
		}
		if all := picture.Bounds().Dx() * picture.Bounds().Dy() / 4; inked*50 < all {
			t.Errorf("%s: %d of %d pixels are not paper", c.name, inked, all)
		}
		if got := b.eval(`String(document.documentElement.scrollWidth <= innerWidth)`); got != "true" {
			t.Errorf("%s: the page is wider than the window: %s", c.name, b.eval(`[document.documentElement.scrollWidth, innerWidth].join()`))
		}
		if got := b.eval(`String([...document.querySelectorAll('.line')].every(p => p.getAttribute('d').length > 100))`); got != "true" {
			t.Errorf("%s: a curve has no points", c.name)
		}
		if got := b.eval(`[...document.querySelectorAll('canvas')].map(c => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size > 100).join()`); got != "true,true" {
			t.Errorf("%s: planes with many colours: %s", c.name, got)
		}
		b.check(url)
	}
}

// TestBrowserAnswersReader moves the mouse, presses the buttons and reads what they do.
func TestBrowserAnswersReader(t *testing.T) {
	b := newBrowser(t)
	url := writePage(t, samplePage(t, 2000, 4000))
	b.open(url, 1280, 900, "light")
	is := func(what, expression, want string) {
		t.Helper()
		if got := b.eval(expression); got != want {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
	}
	mouse := func(selector string, x, y float64) {
		t.Helper()
		var at struct{ X, Y float64 }
		must(t, json.Unmarshal([]byte(b.eval(fmt.Sprintf(`(() => {
			const e = document.querySelector(%q);
			e.scrollIntoView({block: 'center'});
			const r = e.getBoundingClientRect();
			return JSON.stringify({x: r.left + %v * r.width, y: r.top + %v * r.height});
		})()`, selector, x, y))), &at))
		b.do("Input.dispatchMouseEvent", object{"type": "mouseMoved", "x": at.X, "y": at.Y}, nil)
	}

	before := b.eval(`charts.map(c => c.readouts[0].textContent).join()`)
	mouse(".chart svg", .5, .5)
	is("cursors", `String(document.querySelectorAll('.cursor').length)`, "5")
	if b.eval(`charts.map(c => c.readouts[0].textContent).join()`) == before {
		t.Error("the values do not follow the cursor: ", before)
	}
	if at := b.eval(`document.getElementById('at').textContent`); !strings.HasPrefix(at, "values at step ") {
		t.Errorf("the step of the cursor: %q", at)
	}
	b.shoot("cursor", false)

	is("a chart on a linear scale", `charts[0].root.querySelector('.scale').getAttribute('aria-pressed')`, "false")
	line := b.eval(`document.querySelector('.line').getAttribute('d')`)
	b.eval(`charts[0].root.querySelector('.scale').click()`)
	is("a chart on a logarithmic scale", `charts[0].root.querySelector('.scale').getAttribute('aria-pressed')`, "true")
	if b.eval(`document.querySelector('.line').getAttribute('d')`) == line {
		t.Error("the logarithmic scale draws the same line")
	}
	is("faint lines below smooth ones", `String(document.querySelectorAll('.each').length)`, "5")
	b.eval(`(s => { s.value = 0; s.dispatchEvent(new Event('input')); })(document.getElementById('smooth'))`)
	is("faint lines without smoothing", `String(document.querySelectorAll('.each').length)`, "0")

	// The place of point 0 of the trained view.
	b.eval(`document.querySelectorAll('canvas')[1].id = 'trained'`)
	x, y := 0.0, 0.0
	fmt.Sscan(b.eval(`planes[1].at(0).map(v => v / planes[1].side).join(' ')`), &x, &y)
	mouse("#trained", x, y)
	is("the hint", `String(document.getElementById('hint').hidden)`, "false")
	is("the class that the hint names", `String(document.querySelector('#hint b').textContent === data.classes[data.map.class[pointed]])`, "true")
	is("the image in the hint", `String(document.querySelectorAll('#hint .image').length)`, "1")
	b.shoot("hint", false)
	b.eval(`[...document.querySelectorAll('#legend .all')].find(e => e.textContent === 'hide all').click()`)
	is("classes after hide all", `String(legend.hidden.size)`, "62")
	is("pixels after hide all", `String(new Uint32Array(planes[0].canvas.getContext('2d').getImageData(0, 0, 200, 200).data.buffer).every(v => v === 0))`, "true")
	b.eval(`[...document.querySelectorAll('#legend .all')].find(e => e.textContent === 'show all').click()`)
	b.eval(`planes[1].zoomTo(4, [.3, .6])`)
	is("zoom", `String(planes[1].zoom)`, "4")
	b.shoot("zoom", false)
	b.check(url)
}
