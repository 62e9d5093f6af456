package zeromq

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/zmtp"
)

// flushSize is about how much is written at once.
const flushSize = 128 << 10

// source is where a link's writer gets what it writes.
type source interface {
	// fill appends what there is to be written, up to about a number of bytes. It is called
	// again after it has appended something, and otherwise after wake.
	fill(b []byte, most int) []byte
}

// link is a connection after its handshake, with a goroutine that writes.
type link struct {
	conn net.Conn
	peer zmtp.Peer
	r    *zmtp.Reader
	from source

	heard  atomic.Int64 // when something has come, as Unix nanoseconds
	wipe   atomic.Bool  // what is written is to be overwritten then
	signal chan struct{}
	enough chan struct{} // told that the writer need not rest any longer
	ended  chan struct{} // closed when the writer has ended

	mu      sync.Mutex
	urgent  []byte // is written before what from has
	last    []byte // is written in the end
	closing bool   // nothing more comes
	once    sync.Once
}

func newLink(c net.Conn, peer zmtp.Peer, r *zmtp.Reader) *link {
	l := &link{conn: c, peer: peer, r: r, signal: make(chan struct{}, 1), enough: make(chan struct{}, 1), ended: make(chan struct{})}
	l.heard.Store(time.Now().UnixNano())
	return l
}

// start begins to write what a source has.
func (l *link) start(from source) {
	l.from = from
	go l.write()
}

// wake has the writer look for something.
func (l *link) wake() {
	select {
	case l.signal <- struct{}{}:
	default: // it has been told
	}
}

// maxUrgent is how much of what a peer has asked for may wait to be written: who asks reads
// what he is told.
const maxUrgent = 1 << 20

// send has some bytes be written, before what the source has. A peer that makes them more and
// more, and reads nothing, is not served any more.
func (l *link) send(b []byte) {
	l.mu.Lock()
	more := len(l.urgent) <= maxUrgent
	if more {
		l.urgent = append(l.urgent, b...)
	}
	l.mu.Unlock()
	if !more {
		l.close()
		return
	}
	l.wake()
}

// control has a control message be written.
func (l *link) control(word string, body []byte) {
	l.send(zmtp.AppendMessage(nil, []byte(word), body))
}

// close ends the connection. What has not been written is not.
func (l *link) close() {
	l.once.Do(func() { _ = l.conn.Close() })
	l.finish()
}

// finish has the writer end when it has written all that there is.
func (l *link) finish() {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	l.wake()
}

// write is the writer's goroutine.
func (l *link) write() {
	defer close(l.ended)
	var buf []byte
	for streak := 0; ; {
		buf = l.gather(buf[:0])
		if len(buf) > 0 {
			if _, err := l.conn.Write(buf); err != nil {
				l.close() // the reader hears of it
				return
			}
			if l.wipe.Swap(false) {
				clear(buf)
			}
			if cap(buf) > 4*flushSize {
				buf = nil
			}
			if streak++; streak > longStreak && len(buf) < flushSize/2 {
				l.rest()
			}
			continue
		}
		if last, over := l.over(); over {
			_, _ = l.conn.Write(last) // who has gone does not need it
			return
		}
		<-l.signal
		streak = 0
	}
}

// In a stream, where there was something to write after each of longStreak writes, the
// writer rests between two, until there is enough or for a time, so that more goes together:
// otherwise it would write almost every message by itself. A lone message never waits.
const (
	longStreak = 8
	resting    = 50 * time.Microsecond
	enough     = 64 // messages
)

// rest waits for more to be written.
func (l *link) rest() {
	late := time.NewTimer(resting)
	defer late.Stop()
	select {
	case <-l.enough:
	case <-late.C:
	}
}

// rouse has the writer rest no longer.
func (l *link) rouse() {
	select {
	case l.enough <- struct{}{}:
	default: // it has been told
	}
}

// gather appends what is to be written next.
func (l *link) gather(b []byte) []byte {
	l.mu.Lock()
	b = append(b, l.urgent...)
	l.urgent = l.urgent[:0]
	if cap(l.urgent) > flushSize {
		l.urgent = nil
	}
	l.mu.Unlock()
	return l.from.fill(b, flushSize)
}

// over reports whether nothing more comes, and what is written then.
func (l *link) over() (last []byte, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last, l.closing && len(l.urgent) == 0
}

// read reads the next message, and answers what belongs to the protocol.
func (l *link) read() (zmtp.Message, error) {
	for {
		waits := l.r.Buffered() == 0
		m, err := l.r.Read()
		if err != nil {
			return m, err
		}
		if waits { // the time is not asked for each message
			l.heard.Store(time.Now().UnixNano())
		}
		switch m.Command {
		case zmtp.Ping:
			l.send(zmtp.AppendPong(nil, m.Data))
		case "", zmtp.Subscribe, zmtp.Cancel:
			return m, nil
		}
	}
}

// farewell has a last message be written after everything else, and the writer end.
func (l *link) farewell(b []byte) {
	l.mu.Lock()
	l.last, l.closing = b, true
	l.mu.Unlock()
	_ = l.conn.SetWriteDeadline(time.Now().Add(farewellTimeout))
	l.wake()
}

// farewellTimeout is how long a peer that takes nothing is waited for in the end.
const farewellTimeout = time.Second

// await waits until the writer has ended, and closes the connection.
func (l *link) await() {
	<-l.ended
	l.close()
}
