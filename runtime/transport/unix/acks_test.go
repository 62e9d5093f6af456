//go:build linux || darwin

package unix

import (
	"context"
	"io"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// keeper is a transport with a queue that a peer keeps messages for.
type keeper struct {
	a *announcement
	f *flow
}

// newKeeper is a keeper that has got a message, of number 1, which it has yet to settle.
func newKeeper(t *testing.T, tr *Transport, p *peer) *keeper {
	m, err := tr.subs.Subscribe(transport.SubscribeRequest{
		Group: "g", Patterns: []topic.Pattern{"event.#"}, Profile: transport.Profile{ManualAck: transport.On},
		Receive: func(context.Context, *transport.Delivery) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		tr.subs.Shut()
		tr.subs.Abandon()
		tr.subs.Drain()
	})
	k := &keeper{a: &announcement{id: 1, line: m.Line(), members: 1}}
	p.mu.Lock()
	p.announce(k.a)
	p.mu.Unlock()
	k.f = p.flow(1)
	k.f.fresh(1)
	return k
}

func (k *keeper) settle() { k.f.Done(1, 0, false) }

// awaitAck fails unless the peer is told that the message is settled.
func awaitAck(t *testing.T, far net.Conn) {
	t.Helper()
	_ = far.SetDeadline(time.Now().Add(time.Minute))
	var header [headerSize]byte
	for {
		if _, err := io.ReadFull(far, header[:]); err != nil {
			t.Fatal("the peer never hears of what was settled:", err)
		}
		_, _, _, want, _ := split(header[:], 1<<20)
		frame := append(header[:], make([]byte, want-headerSize)...)
		if _, err := io.ReadFull(far, frame[headerSize:]); err != nil {
			t.Fatal(err)
		}
		if slices.Equal(frame[headerSize:], []byte{frameAcks, 1, 1, 1, 1}) {
			return
		}
	}
}

// idle waits until nobody writes; then p.mu is held.
func (c *conn) idle() {
	c.p.mu.Lock()
	for c.busy {
		c.p.mu.Unlock()
		runtime.Gosched()
		c.p.mu.Lock()
	}
}

// TestAckAfterLoss has the writer of a connection that was lost look for what is due when there
// is another connection, to which that belongs.
func TestAckAfterLoss(t *testing.T) {
	tr, c, far := pair(t)
	defer tr.cancel()
	k := newKeeper(t, tr, c.p)
	c.p.drop(c)
	c.ended.Wait()
	_ = far.Close()
	again, far := link(t, c.p)
	again.idle()
	again.held = true // as if it were reading
	again.p.mu.Unlock()
	k.settle()
	if b, _ := c.next(); b != nil {
		t.Errorf("%d bytes are written to a connection that was lost", len(b))
	}
	again.release()
	awaitAck(t, far)
	again.p.drop(again)
	again.ended.Wait()
	_ = far.Close()
}

// TestAckDuringFlush settles a message while another one is being written, after which there is
// nothing else to be written.
func TestAckDuringFlush(t *testing.T) {
	tr, c, far := pair(t)
	defer tr.cancel()
	k := newKeeper(t, tr, c.p)
	c.idle()
	tried := c.tried
	c.tried = func(fd uintptr) bool {
		k.settle()
		return tried(fd)
	}
	c.frame(framePing)
	c.wrote = time.Time{} // long ago: it is flushed by who calls
	c.flush()
	awaitAck(t, far)
	c.p.drop(c)
	c.ended.Wait()
	_ = far.Close()
}

// TestAckWhileToldAgain settles a message just before the peer is told of the queue's next
// member: that tells it nothing of what was settled.
func TestAckWhileToldAgain(t *testing.T) {
	tr, c, far := pair(t)
	defer tr.cancel()
	k := newKeeper(t, tr, c.p)
	c.hold()
	k.settle()
	c.p.mu.Lock()
	k.a.members++
	c.p.announce(k.a)
	c.p.mu.Unlock()
	c.release()
	awaitAck(t, far)
	c.p.drop(c)
	c.ended.Wait()
	_ = far.Close()
}

// TestTakenForGone has a peer come back that was taken for gone: what it settles of what had come
// before is not taken for what is sent now, also if the connection is lost once more.
func TestTakenForGone(t *testing.T) {
	const n = 5
	tr, c, far := pair(t)
	defer tr.cancel()
	offered := func(c *conn) {
		t.Helper()
		o := &offer{id: 1, flags: offerKeeps, members: 1, capacity: 100, patterns: []topic.Pattern{"event.#"}}
		o.progress = progress{received: n, settled: 1, open: []uint64{2, 3, 4, 5}}
		if err := tr.offered(c.p, c, o); err != nil {
			t.Fatal(err)
		}
	}
	offered(c)
	for range n {
		if _, err := tr.Begin(t.Context(), &transport.Message{Envelope: transport.Envelope{Topic: "event.a", Type: "A"}}); err != nil {
			t.Fatal(err)
		}
	}
	kept := func(when string, want int) {
		t.Helper()
		c.p.mu.Lock()
		defer c.p.mu.Unlock()
		if got := c.p.remotes[1].kept.waiting; got != want {
			t.Errorf("%s: %d are kept, not %d", when, got, want)
		}
	}
	ack := func(received uint64, settled ...uint64) {
		c.p.mu.Lock()
		defer c.p.mu.Unlock()
		c.p.remotes[1].acks(received, settled)
	}
	ack(n, 2, 3, 4, 5)
	kept("what came before is settled", n)
	c.p.drop(c)
	c.ended.Wait()
	_ = far.Close()
	again, far := link(t, c.p)
	offered(again)
	kept("the connection was lost", n)
	ack(2*n, 6, 7, 8, 9, 10)
	kept("all is settled", 0)
	again.p.drop(again)
	again.ended.Wait()
	_ = far.Close()
}

// TestTakenForGoneUnkept is the same for a queue that messages are not kept for: what is settled
// makes room.
func TestTakenForGoneUnkept(t *testing.T) {
	tr, c, far := pair(t)
	defer tr.cancel()
	o := &offer{id: 1, members: 1, capacity: 2, patterns: []topic.Pattern{"event.#"}}
	o.progress = progress{received: 5, settled: 4}
	if err := tr.offered(c.p, c, o); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Begin(t.Context(), &transport.Message{Envelope: transport.Envelope{Topic: "event.a", Type: "A"}}); err != nil {
		t.Fatal(err)
	}
	c.p.mu.Lock()
	r := c.p.remotes[1]
	if v, _ := r.judge(0); v != waits {
		t.Error("there is room, with one message of before that is not settled, and one of now")
	}
	r.progressed(6, 6, 0)
	if v, _ := r.judge(0); v != goes {
		t.Error("there is no room, with all settled")
	}
	c.p.mu.Unlock()
	c.p.drop(c)
	c.ended.Wait()
	_ = far.Close()
}
