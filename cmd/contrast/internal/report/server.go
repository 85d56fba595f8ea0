package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A Server shows the page of a run while it lasts. Reading it changes nothing, and
// readers, however many and slow, do not hold up training: [Server.Update] only leaves a
// page for them.
//
// A nil Server takes all updates and shows nothing.
type Server struct {
	listener net.Listener
	local    bool          // only readers on this machine
	patience time.Duration // after which a slow reader is dropped

	page atomic.Pointer[Page] // the last one

	mu    sync.Mutex
	shown *Page // that answer is of
	since time.Time
	answer
}

// An answer is what a reader of the page gets.
type answer struct {
	*rendered
	err error
}

// A rendered page is used for this long even if new ones arrive: at most one a second is rendered,
// for any number of readers.
const shownFor = time.Second

// Browsers ask for a new page after this long.
const pollAfter = 2 * time.Second

// Listen opens the address, such as "127.0.0.1:8080", for a server; port 0 is any free one.
// Browsers can connect once it returns, and are answered once [Server.Serve] runs.
//
// The page shows names and images of the data to everyone who can connect, without a password. An
// address that other machines can reach is therefore refused unless allowRemote is set.
func Listen(addr string, allowRemote bool) (*Server, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("report: address %q: want host:port, such as 127.0.0.1:8080", addr)
	}
	if !allowRemote && !loopback(host) {
		return nil, fmt.Errorf("report: address %q: other machines could read the page; listen on 127.0.0.1:%s, or allow them to", addr, port)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	s := &Server{listener: listener, local: loopback(host), patience: 30 * time.Second}
	if at, ok := listener.Addr().(*net.TCPAddr); s.local && !(ok && at.IP.IsLoopback()) { // localhost may be anything
		listener.Close()
		return nil, fmt.Errorf("report: address %q: %v is not of this machine alone", addr, listener.Addr())
	}
	s.page.Store(&Page{Running: true})
	return s, nil
}

// URL returns the address of the page, for a browser on this machine.
func (s *Server) URL() string {
	at := s.listener.Addr().(*net.TCPAddr)
	if at.IP.IsUnspecified() {
		return "http://" + net.JoinHostPort("localhost", strconv.Itoa(at.Port)) + "/"
	}
	return "http://" + at.String() + "/"
}

// Update replaces the page. It waits for nothing: pages are rendered when readers ask, and only the
// last one is.
func (s *Server) Update(p Page) {
	if s != nil {
		s.page.Store(&p)
	}
}

// Serve answers readers until the context ends, gives those under way another second, and returns
// nil. It is called once.
func (s *Server) Serve(ctx context.Context) error {
	server := &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      s.patience,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // what readers do wrong is not the user's concern
	}
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(over)
		grace, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	})
	err := server.Serve(limit(s.listener))
	if stop() { // the listener failed first
		return fmt.Errorf("report: %w", err)
	}
	<-over
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// serve answers a reader.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	switch {
	case s.local && !localHost(r.Host):
		// A page elsewhere whose name was made to lead here (DNS rebinding) would read this one.
		http.Error(w, "this page is for this machine: ask for localhost", http.StatusMisdirectedRequest)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "this page can only be read", http.StatusMethodNotAllowed)
		return
	case r.URL.Path != "/":
		http.Error(w, "there is one page only: /", http.StatusNotFound)
		return
	}
	a := s.last()
	if a.err != nil {
		http.Error(w, a.err.Error(), http.StatusInternalServerError)
		return
	}
	h.Set("Content-Security-Policy", a.policy+"; frame-ancestors 'none'")
	h.Set("ETag", a.tag)
	if r.Header.Get("If-None-Match") == a.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(a.html)))
	w.Write(a.html) // a reader who left is no error; the body of HEAD is dropped
}

// last returns the last page, or one that is hardly older.
func (s *Server) last() answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.page.Load()
	if p != s.shown && (s.shown == nil || !p.Running || time.Since(s.since) >= shownFor) {
		s.rendered, s.err = render(p, pollAfter)
		s.shown, s.since = p, time.Now()
	}
	return s.answer
}

// loopback reports whether only this machine can reach the host.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// localHost reports whether a Host header names this machine. Its port may be that of a tunnel.
func localHost(header string) bool {
	host, _, err := net.SplitHostPort(header)
	if err != nil {
		host = header
	}
	if n := len(host); n > 1 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	return loopback(host)
}
