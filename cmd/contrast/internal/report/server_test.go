package report

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestListenRefusesRemote holds that a page is not shown to the network by accident.
func TestListenRefusesRemote(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:8080", "example.org:80", "[::ffff:192.0.2.1]:80", "localhost.:0"} {
		if s, err := Listen(addr, false); err == nil {
			s.listener.Close()
			t.Errorf("%s: listens at %s", addr, s.URL())
		} else if !strings.Contains(err.Error(), "other machines could read the page; listen on 127.0.0.1:") {
			t.Errorf("%s: %v", addr, err)
		}
	}
	for _, addr := range []string{"", "8080", "127.0.0.1", "::1:80:80"} {
		if _, err := Listen(addr, false); err == nil || !strings.Contains(err.Error(), "want host:port") {
			t.Errorf("%q: %v", addr, err)
		}
	}
	for _, addr := range []string{"127.0.0.1:0", "localhost:0", "127.9.9.9:0"} {
		s, err := Listen(addr, false)
		if err != nil {
			t.Errorf("%s: %v", addr, err)
			continue
		}
		defer s.listener.Close()
		if _, err := Listen(strings.TrimSuffix(strings.TrimPrefix(s.URL(), "http://"), "/"), false); err == nil || !strings.HasPrefix(err.Error(), "report: ") {
			t.Errorf("%s taken twice: %v", addr, err)
		}
	}
	s, err := Listen(":0", true)
	must(t, err)
	defer s.listener.Close()
	if s.local || !strings.HasPrefix(s.URL(), "http://localhost:") {
		t.Errorf("an address for all: local %v, %s", s.local, s.URL())
	}
}

func TestServerAnswers(t *testing.T) {
	s, _ := serve(t, nil)
	s.Update(*smallPage(t))
	want, err := render(smallPage(t), pollAfter)
	must(t, err)
	for _, c := range []struct {
		method, path, host string
		status             int
	}{
		{"GET", "/", "", 200}, {"HEAD", "/", "", 200}, {"GET", "/?x=1", "", 200},
		{"POST", "/", "", 405}, {"PUT", "/", "", 405}, {"DELETE", "/", "", 405}, {"OPTIONS", "/", "", 405}, {"TRACE", "/", "", 405},
		{"GET", "/report.html", "", 404}, {"GET", "/../etc/passwd", "", 404}, {"GET", "//", "", 404},
		{"GET", "/", "localhost", 200}, {"GET", "/", "localhost:9999", 200}, {"GET", "/", "127.0.0.1", 200}, {"GET", "/", "[::1]:80", 200}, {"GET", "/", "[::1]", 200},
		{"GET", "/", "evil.example", 421}, {"GET", "/", "evil.example:80", 421}, {"GET", "/", "localhost.evil.example", 421}, {"GET", "/", "127.0.0.1.evil.example", 421}, {"GET", "/", "192.0.2.1", 421}, {"POST", "/", "evil.example", 421},
	} {
		r, err := http.NewRequest(c.method, s.URL(), nil)
		must(t, err)
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(c.path, "?")
		r.Host = c.host
		answer, body := do(t, r)
		if answer.StatusCode != c.status {
			t.Errorf("%s %s of %q: %s, want %d", c.method, c.path, c.host, answer.Status, c.status)
		}
		if got := bytes.Equal(body, want.html); got != (c.status == 200 && c.method == "GET") {
			t.Errorf("%s %s of %q: the page is the answer: %v", c.method, c.path, c.host, got)
		}
		for name, value := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Access-Control-Allow-Origin": "",
		} {
			if got := answer.Header.Get(name); got != value {
				t.Errorf("%s %s of %q: %s is %q, want %q", c.method, c.path, c.host, name, got, value)
			}
		}
		policy := answer.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s %s of %q: policy %q", c.method, c.path, c.host, policy)
		}
		if answer.StatusCode == 200 && (answer.Header.Get("Content-Type") != "text/html; charset=utf-8" || answer.ContentLength != int64(len(want.html))) {
			t.Errorf("%s %s: %v", c.method, c.path, answer.Header)
		}
	}
}

// TestServerShowsLastPage follows a run: nothing yet, under way, over.
func TestServerShowsLastPage(t *testing.T) {
	s, _ := serve(t, nil)
	get := func(tag string) (status int, newTag, body string) {
		r, err := http.NewRequest("GET", s.URL(), nil)
		must(t, err)
		if tag != "" {
			r.Header.Set("If-None-Match", tag)
		}
		answer, b := do(t, r)
		return answer.StatusCode, answer.Header.Get("ETag"), string(b)
	}
	status, first, body := get("")
	if status != 200 || !strings.Contains(body, "waiting for the first step") || !strings.Contains(body, ` data-poll="2000"`) || !strings.Contains(body, "connect-src &#39;self&#39;") {
		t.Errorf("before the first step: %d, %.200s", status, body)
	}
	if status, tag, body := get(first); status != 304 || tag != first || body != "" {
		t.Errorf("nothing new: %d, tag %s, %q", status, tag, body)
	}
	s.Update(Page{Title: "x", Running: true, Step: 5})
	s.mu.Lock()
	s.since = s.since.Add(-shownFor) // a second later
	s.mu.Unlock()
	status, second, body := get(first)
	if status != 200 || second == first || !strings.Contains(body, "step 5") {
		t.Errorf("under way: %d, tag %s, %.200s", status, second, body)
	}
	s.Update(Page{Title: "over"})
	status, third, body := get(second)
	if status != 200 || third == second || strings.Contains(body, "data-poll") || strings.Contains(body, "connect-src") {
		t.Errorf("over: %d, tag %s, %.200s", status, third, body)
	}
	s.Update(Page{Map: Map{Points: make([]Point, 1)}})
	if status, _, body := get(""); status != 500 || !strings.Contains(body, "point 0 is of class 0 of 0") {
		t.Errorf("a page that is wrong: %d, %s", status, body)
	}
}

// TestServerRendersOnceForAll holds that many readers of a run that goes on cost one
// page a second.
func TestServerRendersOnceForAll(t *testing.T) {
	s := &Server{}
	s.Update(Page{Running: true, Step: 1})
	want := s.last().rendered
	for i := range 100 {
		s.since = time.Now() // the second has not gone by, however slow this machine is
		s.Update(Page{Running: true, Step: 2 + i})
		if got := s.last().rendered; got != want {
			t.Fatalf("page %d was rendered", i)
		}
	}
	s.since = s.since.Add(-shownFor)
	if got := s.last().rendered; !bytes.Contains(got.html, []byte("step 101")) {
		t.Error("a second later, the page is not the last one")
	}
}

func TestNilServer(t *testing.T) {
	var s *Server
	s.Update(Page{})
}

// TestServerHundredReaders reads the page while training replaces it. The race detector sees
// what the two share; training appends to its series, as it may.
func TestServerHundredReaders(t *testing.T) {
	s, _ := serve(t, nil)
	over := make(chan struct{})
	var training sync.WaitGroup
	training.Go(func() {
		var losses []float64
		for i := 0; ; i++ {
			select {
			case <-over:
				return
			default:
				losses = append(losses, float64(i%1000))
				s.Update(Page{Running: true, Step: i, Charts: []Chart{{"Loss", false, []Series{{"", nil, losses}}}}})
				if len(losses) == 1<<16 {
					losses = nil
				}
			}
		}
	})
	var readers sync.WaitGroup
	failed := make(chan error, 100)
	for range 100 {
		readers.Go(func() {
			client := http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for range 3 {
				answer, err := client.Get(s.URL())
				if err != nil {
					failed <- err
					return
				}
				b, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				if err != nil || answer.StatusCode != 200 || !bytes.HasSuffix(b, []byte("</html>\n")) {
					failed <- fmt.Errorf("%s, %d bytes, %v", answer.Status, len(b), err)
					return
				}
			}
		})
	}
	readers.Wait()
	close(over)
	training.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
}

// TestServerDropsSlowReader asks for a page that no buffer holds, and does not read it.
func TestServerDropsSlowReader(t *testing.T) {
	closed := make(chan struct{}, 10)
	s, _ := serve(t, func(s *Server) {
		s.patience = time.Second
		s.listener = &toldListener{s.listener, closed}
	})
	s.Update(Page{Settings: []Setting{{"large", strings.Repeat("x", 64<<20)}}})
	s.last() // is made before the reader's time runs
	c, err := net.Dial("tcp", s.listener.Addr().String())
	must(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	must(t, err)
	_, err = bufio.NewReader(c).ReadString('\n') // the answer has begun
	must(t, err)
	s.Update(Page{Title: "another page"})
	_, body := do(t, httptest.NewRequest("GET", s.URL(), nil))
	if !bytes.Contains(body, []byte("another page")) {
		t.Error("another reader does not get it")
	}
	<-closed
	if n, err := io.Copy(io.Discard, c); n >= 64<<20 {
		t.Errorf("the slow reader got all: %d bytes, %v", n, err)
	}
}

// A toldListener tells when a connection was closed before all was written.
type toldListener struct {
	net.Listener
	closed chan<- struct{}
}

func (l *toldListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &toldConn{c, l.closed, false}, nil
}

type toldConn struct {
	net.Conn
	closed chan<- struct{}
	failed bool
}

func (c *toldConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.failed = c.failed || err != nil
	return n, err
}

func (c *toldConn) Close() error {
	err := c.Conn.Close()
	if c.failed {
		c.closed <- struct{}{}
	}
	return err
}

// TestServerLimitsReaders opens one connection more than there are places.
func TestServerLimitsReaders(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l := limit(inner)
	defer l.Close()
	var theirs, ours []net.Conn
	for range maxReaders {
		c, err := net.Dial("tcp", inner.Addr().String())
		must(t, err)
		theirs = append(theirs, c)
		o, err := l.Accept()
		must(t, err)
		ours = append(ours, o)
	}
	next := make(chan net.Conn)
	go func() {
		c, _ := l.Accept()
		next <- c
	}()
	c, err := net.Dial("tcp", inner.Addr().String())
	must(t, err)
	theirs = append(theirs, c)
	select {
	case <-next:
		t.Error("a connection more than there are places was accepted")
	default:
	}
	ours[0].Close()
	ours[0].Close() // leaves one place only
	ours = append(ours, <-next)
	if len(l.places) != maxReaders {
		t.Errorf("%d places are taken, want %d", len(l.places), maxReaders)
	}
	l.Close()
	if _, err := l.Accept(); err == nil {
		t.Error("accepted after Close")
	}
	for _, c := range append(theirs, ours...) {
		c.Close()
	}
}

func TestServerEnds(t *testing.T) {
	s, end := serve(t, nil)
	do(t, httptest.NewRequest("GET", s.URL(), nil))
	if err := end(); err != nil {
		t.Errorf("at the end of the context: %v", err)
	}
	if _, err := net.Dial("tcp", s.listener.Addr().String()); err == nil {
		t.Error("the address is still taken")
	}

	s, err := Listen("127.0.0.1:0", false)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Serve(ctx); err != nil {
		t.Errorf("a context that had ended: %v", err)
	}

	s, err = Listen("127.0.0.1:0", false)
	must(t, err)
	s.listener.Close()
	if err := s.Serve(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "report: ") {
		t.Errorf("a listener that failed: %v", err)
	}
}

// serve starts a server until the end of the test, or of end, which returns its error.
func serve(t *testing.T, change func(*Server)) (s *Server, end func() error) {
	t.Helper()
	s, err := Listen("127.0.0.1:0", false)
	must(t, err)
	if change != nil {
		change(s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- s.Serve(ctx) }()
	end = sync.OnceValue(func() error {
		cancel()
		return <-result
	})
	t.Cleanup(func() { end() })
	return s, end
}

func do(t *testing.T, r *http.Request) (*http.Response, []byte) {
	t.Helper()
	r.RequestURI = ""
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(r)
	must(t, err)
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer, b
}
