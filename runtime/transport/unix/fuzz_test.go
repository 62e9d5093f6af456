//go:build linux || darwin

package unix

import (
	"bytes"
	"context"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"reflect"
	"syscall"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/internal/sockdir"
)

// pair is a connection of a transport that has no socket of its own, and its other end.
func pair(tb testing.TB) (*Transport, *conn, net.Conn) {
	tb.Helper()
	own, err := sockdir.ParseAccess("", "")
	if err != nil {
		tb.Fatal(err)
	}
	t := newTransport(Config{Dir: tb.TempDir(), Node: "a"}, own)
	close(t.joined)
	p := newPeer(t, &hello{node: "b", epoch: "e", maxBody: 1 << 20})
	t.peers[p.name] = p
	c, far := link(tb, p)
	return t, c, far
}

// link is a connection to a peer, and its other end.
func link(tb testing.TB, p *peer) (*conn, net.Conn) {
	tb.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		tb.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "")
		if ends[i], err = net.FileConn(f); err != nil {
			tb.Fatal(err)
		}
		_ = f.Close()
	}
	c, err := newConn(ends[0].(*net.UnixConn), p, false)
	if err != nil {
		tb.Fatal(err)
	}
	if !p.t.join(c) {
		tb.Fatal("it does not join")
	}
	return c, ends[1]
}

// FuzzFrames reads frames of all kinds, well-formed and not: nothing panics, hangs, or takes
// more memory than it should.
func FuzzFrames(f *testing.F) {
	o := offer{id: 1, members: 1, capacity: 10, patterns: []topic.Pattern{"event.#"}}
	m := transport.Message{Envelope: transport.Envelope{ID: "i", Key: "k", Topic: "event.a", Headers: map[string]string{"a": "b"}, Seq: 7, Time: time.Unix(1, 2)}, Body: []byte("body")}
	var h heads
	b, n := h.of(nil, &m.Envelope)
	seed := o.append(nil)
	seed = append(seed, b...)
	b, at := begin(nil, frameMessage)
	seed = append(seed, end(appendMessage(append(b, 1, 1), n, &m, extra{ttl: 5}), at)...)
	b, at = begin(nil, frameKept)
	seed = append(seed, end(appendMessage(append(b, 2, 1), n, &m, extra{}), at)...)
	b, at = begin(nil, frameReply)
	seed = append(seed, end(appendMessage(b, n, &m, extra{}), at)...)
	for kind, numbers := range map[byte][]byte{
		frameSettled: {1, 2, 3, 4}, frameAcks: {1, 2, 1, 2}, frameAsk: {1}, frameGap: {1, 2, 3}, frameDropped: {1, 2}, frameSubscribed: {1, 0},
		frameUnsub: {1}, frameUnsubscribed: {1}, framePing: {}, framePong: {}, frameSync: {}, frameBye: {}, frameFarewell: {},
	} {
		b, at := begin(nil, kind)
		seed = append(seed, end(append(b, numbers...), at)...)
	}
	f.Add(seed)
	f.Add([]byte{1, 0, 0, 0, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		tr, c, other := pair(t)
		for _, p := range []transport.Profile{{}, {ManualAck: transport.On}} {
			_, err := tr.subs.Subscribe(transport.SubscribeRequest{
				Patterns: []topic.Pattern{"event.#"}, Profile: p, Receive: func(_ context.Context, d *transport.Delivery) { _ = d.Settle(nil) },
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		c.p.mu.Lock()
		for l, a := range tr.lines {
			c.p.setFlow(a.id, newFlow(c.p, a.id, l))
		}
		c.p.mu.Unlock()
		in := &inbound{c: c, p: c.p}
		used, err := 0, error(nil)
		for more := true; more && err == nil; {
			n := 0
			n, err = in.frames(data[used:], tr.maxBody+slack)
			used += n
			more = in.batch.Len() >= together
			in.batch.Flush()
		}
		if used > len(data) || err == nil && used+headerSize < len(data) && len(data)-used > tr.maxBody+slack+headerSize {
			t.Errorf("%d of %d bytes, %v", used, len(data), err)
		}
		_ = other.Close()
		c.p.drop(c)
		c.ended.Wait()
		tr.subs.Shut()
		tr.subs.Abandon()
		tr.subs.Drain()
		tr.cancel()
	})
}

// FuzzGreeting has any bytes begin a connection.
func FuzzGreeting(f *testing.F) {
	f.Add((&hello{node: "a", replica: 3, epoch: "e", maxBody: 1 << 20}).append(nil))
	f.Add(appendRefusal(nil, refuseDuplicate))
	f.Add([]byte{0xff, 0xff, 0xff, 0x7f, frameHello})
	f.Fuzz(func(t *testing.T, data []byte) {
		from := &canned{Reader: bytes.NewReader(data)}
		h, err := readGreeting(from)
		if err != nil {
			return
		}
		used := data[:len(data)-from.Len()]
		again, err := readGreeting(&canned{Reader: bytes.NewReader(h.append(nil))})
		if err != nil || again != h || len(used) > maxGreeting {
			t.Errorf("%x is %+v, and that becomes %+v, %v", used, h, again, err)
		}
	})
}

// canned is a connection from which some bytes come.
type canned struct {
	net.Conn
	*bytes.Reader
}

func (c *canned) Read(p []byte) (int, error) { return c.Reader.Read(p) }

// TestMessages has messages with all combinations of fields come as they were sent.
func TestMessages(t *testing.T) {
	var h heads
	var known []head
	r := rand.New(rand.NewPCG(1, 2))
	text := func() string { return []string{"", "a", "über", "0123456789abcdef"}[r.IntN(4)] }
	for i := range 5000 {
		e := transport.Envelope{
			ID: text(), Type: text(), Source: text(), Key: text(), Correlation: text(), Causation: text(), ReplyTo: text(), Epoch: text(),
			Seq: r.Uint64() >> r.IntN(64), Attempt: uint64(r.IntN(3)), Group: text(), Schema: text(), Topic: topic.Name("event.t" + string(rune('a'+i%26)) + id36(i%2000)),
		}
		if i%3 == 0 {
			e.Headers = map[string]string{text(): text(), "x": "y"}
		}
		if i%2 == 0 {
			e.Time = time.Unix(r.Int64N(1<<40)-1<<39, r.Int64N(1e9)).UTC()
		}
		m := transport.Message{Envelope: e, Body: []byte(text())}
		x := extra{ttl: time.Duration(r.IntN(2) * 1000), sole: i%5 == 0}
		frames, n := h.of(nil, &m.Envelope)
		if len(frames) > 0 {
			_, payload, _, _, err := split(frames, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if known, err = learn(payload, known); err != nil {
				t.Fatal(err)
			}
		}
		rd := reader{b: appendMessage(nil, n, &m, x), texts: &codec.Texts{}}
		var got transport.Message
		var gotX extra
		rd.message(&got, &gotX, known, 1<<20)
		if rd.err != nil || gotX != x || !maps.Equal(got.Headers, m.Headers) || string(got.Body) != string(m.Body) {
			t.Fatalf("%d: %v, %+v, %+v", i, rd.err, got, gotX)
		}
		got.Headers, got.Body, m.Headers, m.Body = nil, nil, nil, nil
		if !reflect.DeepEqual(got, m) {
			t.Fatalf("%d: got %+v, want %+v", i, got, m)
		}
	}
}

func id36(i int) string {
	return string(rune('a'+i/400%26)) + string(rune('a'+i/20%20)) + string(rune('a'+i%20))
}

// TestOffers has offers come as they were sent.
func TestOffers(t *testing.T) {
	o := offer{
		id: 7, flags: offerKeeps | offerKeyed, overflow: transport.Reject, policy: transport.Sticky, members: 3, capacity: 9, bytes: 8,
		patience: time.Second, digest: 1 << 63, name: "n", group: "g", patterns: []topic.Pattern{"a.*", "b.#"},
		progress: progress{received: 5, settled: 4, freed: 3, openBytes: 2, open: []uint64{1, 5}},
	}
	_, payload, _, _, err := split(o.append(nil), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readOffer(payload)
	if err != nil || !reflect.DeepEqual(got, o) {
		t.Errorf("got %+v, %v", got, err)
	}
	for i := range payload {
		if _, err := readOffer(payload[:i]); err == nil {
			t.Errorf("an offer that is cut off after %d bytes was read", i)
		}
	}
}
