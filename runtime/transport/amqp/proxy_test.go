package amqp_test

import (
	"net"
	"sync"
	"testing"
	"time"
)

// proxy passes bytes between nodes and a broker, and does to them what networks do.
type proxy struct {
	tb     testing.TB
	listen net.Listener
	target string
	up     way // from the nodes to the broker
	down   way
	all    sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	total int // connections that there were
}

// way is one direction.
type way struct {
	mu    sync.Mutex
	delay time.Duration // of each byte
	slice int           // the most bytes that pass at once; 0 is no limit
	rate  int           // bytes in a second; 0 is no limit
	hole  bool          // nothing passes, and nobody is told
	cut   int           // the connection breaks after that many bytes; 0 is never
}

func (w *way) set(f func(w *way)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w)
}

// newProxy is between nodes and the broker at an address.
func newProxy(tb testing.TB, target string) *proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{tb: tb, listen: l, target: target, conns: map[net.Conn]struct{}{}}
	p.all.Go(func() { p.accept(l) })
	tb.Cleanup(func() {
		p.end()
		p.all.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.listen.Addr().String() }

func (p *proxy) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		b, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = c.Close()
			continue
		}
		p.mu.Lock()
		p.conns[c], p.conns[b] = struct{}{}, struct{}{}
		p.total++
		p.mu.Unlock()
		p.all.Go(func() { p.pass(c, b, &p.up) })
		p.all.Go(func() { p.pass(b, c, &p.down) })
	}
}

// cut breaks all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// end breaks all connections, and takes no others.
func (p *proxy) end() {
	_ = p.listen.Close()
	p.cut()
}

// listenAgain takes connections again, at the address that it had.
func (p *proxy) listenAgain(addr string) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		p.tb.Fatal(err)
	}
	p.listen = l
	p.all.Go(func() { p.accept(l) })
}

// dialed is how many connections there were.
func (p *proxy) dialed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

// chunk is bytes on their way.
type chunk struct {
	b   []byte
	due time.Time
}

// pass passes bytes on until one end is closed. What is on its way is bounded.
func (p *proxy) pass(from, to net.Conn, w *way) {
	line := make(chan chunk, 1024)
	var writing sync.WaitGroup
	writing.Go(func() {
		for c := range line {
			time.Sleep(time.Until(c.due))
			if _, err := to.Write(c.b); err != nil {
				break
			}
		}
		_ = to.Close()
		_ = from.Close()
		for range line { // until the reader notices
		}
	})
	buf := make([]byte, 64<<10)
	for passed := 0; ; {
		w.mu.Lock()
		limit, delay, rate := len(buf), w.delay, w.rate
		if w.slice > 0 {
			limit = w.slice
		}
		if rate > 0 {
			limit = min(limit, max(rate/50, 1))
		}
		w.mu.Unlock()
		n, err := from.Read(buf[:limit])
		if err != nil {
			break
		}
		w.mu.Lock()
		hole, cut := w.hole, w.cut
		w.mu.Unlock()
		if hole {
			continue
		}
		if passed += n; cut > 0 && passed >= cut {
			n = max(n-(passed-cut), n/2)
		}
		line <- chunk{append([]byte(nil), buf[:n]...), time.Now().Add(delay)}
		if rate > 0 {
			time.Sleep(time.Duration(n) * time.Second / time.Duration(rate))
		}
		if cut > 0 && passed >= cut {
			break
		}
	}
	close(line)
	writing.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, from)
	delete(p.conns, to)
}
