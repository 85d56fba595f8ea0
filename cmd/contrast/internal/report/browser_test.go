//go:build browser

package report

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The tests of this file open pages in a browser without a window. They need Chromium:
//
//	go test -tags browser ./cmd/contrast/internal/report -shots FOLDER

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
	loads    int // how often a page was loaded
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
		b.try("Browser.close", nil, nil)
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

// do runs a command and reads its answer.
func (b *browser) do(method string, params object, result any) {
	b.t.Helper()
	if err := b.try(method, params, result); err != nil {
		b.t.Fatal(err)
	}
}

// try is do with an error where the browser refuses the command.
func (b *browser) try(method string, params object, result any) error {
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
		id, answer, err := b.read()
		switch {
		case id != b.last:
		case err != nil:
			return fmt.Errorf("%s: %w", method, err)
		case result != nil:
			return json.Unmarshal(answer, result)
		default:
			return nil
		}
	}
}

// read reads the answer of a command, or an event, which it notes.
func (b *browser) read() (id int, result json.RawMessage, err error) {
	b.t.Helper()
	line, err := b.out.ReadBytes(0)
	must(b.t, err)
	var m struct {
		ID             int
		Method         string
		Params, Result json.RawMessage
		Error          *struct{ Message string }
	}
	must(b.t, json.Unmarshal(line[:len(line)-1], &m))
	if m.ID == 0 {
		b.note(m.Method, m.Params)
	}
	if m.Error != nil {
		return m.ID, nil, errors.New(m.Error.Message)
	}
	return m.ID, m.Result, nil
}

// load runs a function that makes the page load, and waits for that.
func (b *browser) load(f func()) {
	b.t.Helper()
	before := b.loads
	f()
	for b.loads == before {
		b.read()
	}
}

// note keeps the events that a sound page does not cause.
func (b *browser) note(method string, params json.RawMessage) {
	switch method {
	case "Page.loadEventFired":
		b.loads++
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
	b.load(func() { b.do("Page.navigate", object{"url": url}, nil) })
	return b.drawn()
}

// drawn waits until the page has drawn, and returns what it says of that.
func (b *browser) drawn() string {
	b.t.Helper()
	return b.eval(`new Promise(done => {
		const root = () => document.documentElement;
		const look = () => root().dataset.drawn ? done(root().dataset.drawn) : requestAnimationFrame(look);
		look();
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
	is("faint lines below smooth ones, but not of a curve without noise", `String(document.querySelectorAll('.each').length)`, "4")
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

// TestBrowserFollowsRun leaves a page open while a run goes on and ends.
func TestBrowserFollowsRun(t *testing.T) {
	b := newBrowser(t)
	s, _ := serve(t, nil)
	full := samplePage(t, 400, 500)
	until := func(what, expression string) {
		t.Helper()
		if got := b.eval(fmt.Sprintf(`new Promise(done => {
			const end = Date.now() + 30000;
			const look = () => (%s) ? done('yes') : Date.now() > end ? done('no') : setTimeout(look, 50);
			look();
		})`, expression)); got != "yes" {
			t.Fatalf("%s: waited in vain for %s", what, expression)
		}
	}
	if got := b.open(s.URL(), 1280, 900, "light"); got != "charts 0, planes 0" {
		t.Errorf("before the first step: %s", got)
	}
	b.shoot("live-waiting", false)
	part := func(steps int) Page {
		p := Page{Title: full.Title, Running: true, Step: steps, Steps: 400, Settings: full.Settings}
		for _, c := range full.Charts[:3] {
			p.Charts = append(p.Charts, Chart{c.Title, c.Log, []Series{{"", nil, c.Series[0].Values[:steps]}}})
		}
		return p
	}
	s.Update(part(100))
	until("the first curves", `charts.length === 3 && document.getElementById('top').textContent.includes('step 100 of 400')`)
	b.eval(`charts[0].root.querySelector('.scale').click()`)
	b.eval(`charts[0].svg.focus(), charts[0].svg.dispatchEvent(new KeyboardEvent('keydown', {key: 'Home'}))`)
	b.eval(`window.stayed = document.activeElement.closest('.chart')`)
	s.Update(part(300))
	until("more steps", `data.charts[0].curves[0].step.length === 300 && document.getElementById('top').textContent.includes('step 300')`)
	if got := b.eval(`[charts[0].root.querySelector('.scale').getAttribute('aria-pressed'), window.stayed === document.activeElement.closest('.chart'), chosen.step, document.getElementById('digests').textContent.includes('300')].join()`); got != "true,true,1,true" {
		t.Errorf("what the reader chose, after an update: %s", got)
	}
	b.shoot("live", false)
	b.load(func() { s.Update(*full) }) // a map is new: the page loads itself
	if got := b.drawn() + b.eval(`document.documentElement.dataset.poll || ''`); got != "charts 5, planes 2" {
		t.Errorf("the end of the run: %s", got)
	}
	b.check(s.URL())
}

// TestBrowserShowsTablesWithoutScript turns JavaScript off.
func TestBrowserShowsTablesWithoutScript(t *testing.T) {
	b := newBrowser(t)
	b.do("Emulation.setScriptExecutionDisabled", object{"value": true}, nil)
	b.do("Emulation.setDeviceMetricsOverride", object{"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": false}, nil)
	url := writePage(t, smallPage(t))
	b.load(func() { b.do("Page.navigate", object{"url": url}, nil) })
	if got := b.eval(`[...document.querySelectorAll('table')].filter(t => t.checkVisibility() && t.offsetHeight > 40).length + ' of ' + document.querySelectorAll('table').length`); got != "4 of 4" {
		t.Errorf("tables that show: %s", got)
	}
	b.shoot("no-script", true)
	b.check(url)
}

// TestBrowserRunsNoNames opens pages whose every string tries to run a script.
func TestBrowserRunsNoNames(t *testing.T) {
	b := newBrowser(t)
	for _, name := range hostile {
		url := writePage(t, hostilePage(strings.ReplaceAll(name, "alert(1)", "document.title='ran'")))
		if got := b.open(url, 1280, 900, "light"); got != "charts 1, planes 1" {
			t.Errorf("%q: %s", name, got)
		}
		b.eval(`(p => point(0, 10, 10))()`)
		if got := b.eval(`document.title`); got == "ran" {
			t.Errorf("%q ran", name)
		}
		b.check(url)
	}
}

// TestBrowserDrawsOddities draws what rarely comes up.
func TestBrowserDrawsOddities(t *testing.T) {
	b := newBrowser(t)
	nan, inf := math.NaN(), math.Inf(1)
	p := &Page{Title: "oddities"}
	add := func(title string, log bool, steps []int, values ...float64) {
		p.Charts = append(p.Charts, Chart{title, log, []Series{{"", steps, values}}})
	}
	add("nothing", false, nil)
	add("one value", false, nil, 3)
	add("equal values", false, nil, 7, 7, 7)
	add("zeros", true, nil, 0, 0)
	add("not finite", false, nil, nan, inf, -inf)
	add("gaps", false, nil, 1, nan, 3, nan, nan, 2, 4)
	add("huge", false, nil, -1e300, 1e300)
	add("tiny, logarithmic", true, []int{1, 1000000}, 1e-300, 1e300)
	add("below zero", true, nil, -1, 1, 10)
	add("late steps", false, []int{999990, 1000000}, 1, 2)
	p.Classes = make([]string, 700)
	for i := range p.Classes {
		p.Classes[i] = strings.Repeat("long name ", 1+i%9) + fmt.Sprint(i)
		p.Map.Points = append(p.Map.Points, Point{Class: i})
	}
	xs := make([]float32, 700)
	xs[3] = float32(nan)
	p.Map.Views = []View{{"all at one place", xs, make([]float32, 700)}}
	url := writePage(t, p)
	for _, width := range []int{1280, 320} {
		if got, want := b.open(url, width, 800, "light"), "charts 10, planes 1"; got != want {
			t.Errorf("drawn: %s, want %s", got, want)
		}
		if got := b.eval(`String(/NaN|Infinity|undefined/.test([...document.querySelectorAll('svg')].map(e => e.outerHTML).join() + document.body.innerText))`); got != "false" {
			t.Error("the page shows NaN, Infinity or undefined")
		}
		if got := b.eval(`String(document.documentElement.scrollWidth <= innerWidth)`); got != "true" {
			t.Errorf("%d: the page is wider than the window", width)
		}
		b.shoot(fmt.Sprint("odd-", width), true)
		b.check(url)
	}
}
