package amqp

import (
	"net"
	"sync"
	"time"
)

// The most that a connection's buffer holds before Write waits, and how long a write may
// take: a broker that is out of memory, or stopped, reads nothing.
const (
	maxUnwritten = 256 << 10
	writeTimeout = 10 * time.Second
)

// conn writes in a goroutine of its own, several messages at once, and not for longer
// than a time. The library writes each message for itself and would wait for ever.
type conn struct {
	net.Conn
	timeout time.Duration
	ended   chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	wake    *sync.Cond // for the goroutine, and for writers that wait for room
	unsent  []byte
	writing bool
	closed  bool
	err     error
}

func newConn(c net.Conn, timeout time.Duration) *conn {
	w := &conn{Conn: c, timeout: timeout, ended: make(chan struct{})}
	w.wake = sync.NewCond(&w.mu)
	go w.run()
	return w
}

// Write takes b, and waits while too much is unwritten. An error is that of an earlier
// write.
func (w *conn) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.unsent) > maxUnwritten && w.err == nil && !w.closed {
		w.wake.Wait()
	}
	switch {
	case w.err != nil:
		return 0, w.err
	case w.closed:
		return 0, net.ErrClosed
	}
	w.unsent = append(w.unsent, b...)
	w.wake.Broadcast()
	return len(b), nil
}

// run writes until the connection is closed and nothing is left, or there is an error.
func (w *conn) run() {
	defer close(w.ended)
	var spare []byte
	for {
		b := w.take(spare)
		if b == nil {
			return
		}
		err := w.Conn.SetWriteDeadline(time.Now().Add(w.timeout))
		if err == nil {
			_, err = w.Conn.Write(b)
		}
		clear(b) // it may be sensitive
		spare = b[:0]
		w.mu.Lock()
		w.writing = false
		if err != nil {
			w.err = err
		}
		w.wake.Broadcast()
		w.mu.Unlock()
		if err != nil {
			_ = w.Conn.Close() // the reader notices
			return
		}
	}
}

// take waits for something to write, and leaves a spare buffer in its place; nil at the
// end.
func (w *conn) take(spare []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.unsent) == 0 && !w.closed {
		w.wake.Wait()
	}
	if len(w.unsent) == 0 {
		return nil
	}
	b := w.unsent
	w.unsent, w.writing = spare, true
	return b
}

// SetDeadline is for reading: writing has a deadline of its own.
func (w *conn) SetDeadline(t time.Time) error { return w.Conn.SetReadDeadline(t) }

// Close writes what is unwritten, as long as that does not have to wait long.
func (w *conn) Close() error {
	w.mu.Lock()
	first := !w.closed
	w.closed = true
	w.wake.Broadcast()
	w.mu.Unlock()
	if !first {
		return nil
	}
	// Within the reader's goroutine: the socket must not keep it.
	_ = w.Conn.SetWriteDeadline(time.Now().Add(time.Second))
	<-w.ended
	return w.Conn.Close()
}
