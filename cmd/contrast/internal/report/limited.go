package report

import (
	"net"
	"sync"
)

// maxReaders bounds the connections that are open at a time; others wait in the queue of the
// operating system.
const maxReaders = 256

// A limited listener bounds the number of open connections.
type limited struct {
	net.Listener
	places chan struct{} // full: all are taken
	closed chan struct{}
	once   sync.Once
}

func limit(l net.Listener) *limited {
	return &limited{Listener: l, places: make(chan struct{}, maxReaders), closed: make(chan struct{})}
}

// Accept waits for a place, then for a connection.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &limitedConn{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// A limitedConn leaves its place when it is closed.
type limitedConn struct {
	net.Conn
	leave func()
}

func (c *limitedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
