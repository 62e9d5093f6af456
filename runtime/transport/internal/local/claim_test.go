package local

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/callers"
	"github.com/xsgen/xsgen/runtime/transport"
)

// heard is a subscription whose receiver takes some time, notes what it hears, and waits at
// "held".
type heard struct {
	*Member
	took   time.Duration
	let    chan struct{}
	got    []string
	called int // by Call
}

func hearing(t *testing.T) *heard {
	h := &heard{let: make(chan struct{})}
	h.Member = hear(t, transport.SubscribeRequest{Profile: transport.Profile{Prefetch: 1000}, Receive: func(_ context.Context, d *transport.Delivery) {
		if callers.Any(func(name string) bool { return strings.HasSuffix(name, ".(*Member).Call") }) {
			h.called++
		}
		if h.got = append(h.got, string(d.Body)); string(d.Body) == "held" {
			<-h.let
		}
		time.Sleep(h.took)
		_ = d.Settle(nil)
	}})
	prove(t, h.Member)
	h.got = nil
	return h
}

// add adds messages to a batch that are numbers, and returns them.
func (h *heard) add(b *Batch, n int) (bodies []string) {
	for i := range n {
		bodies = append(bodies, strconv.Itoa(i))
		p := b.Blank(time.Now(), false)
		p.Message = transport.Message{}
		b.Fill(p, []byte(bodies[i]))
		b.Add(h.Line(), p, 0, nil, 0)
	}
	return bodies
}

// hold has the member's goroutine wait in the receiver for a message that was published here.
func (h *heard) hold(t *testing.T) {
	m := &transport.Message{Body: []byte("held")}
	p := Pack(m, false)
	defer p.Release()
	if _, err := h.Line().Put(t.Context(), m, p); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// TestClaim has several messages come together: the receiver is called with all of them, or
// until it is seen not to be brisk; then its goroutine has the others.
func TestClaim(t *testing.T) {
	const n = 100
	for _, tt := range []struct {
		took   time.Duration
		called int
	}{{0, n}, {brisk / several, n}, {brisk, several}, {stall, several}} {
		synctest.Test(t, func(t *testing.T) {
			h := hearing(t)
			h.took = tt.took
			var b Batch
			want := h.add(&b, n)
			m := b.Claim()
			if m == nil {
				t.Fatal("a receiver may not be called that has proved to be brisk")
			}
			m.Call()
			time.Sleep(n * stall)
			synctest.Wait()
			if h.called != tt.called {
				t.Errorf("one that takes %v is called %d times, not %d", tt.took, h.called, tt.called)
			}
			if !slices.Equal(h.got, want) {
				t.Errorf("it hears %q", h.got)
			}
			if b.Rest() != nil {
				t.Error("there is a rest")
			}
		})
	}
}

// TestClaimForLong has more messages come than a receiver may be called with at once.
func TestClaimForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hearing(t)
		var b Batch
		h.add(&b, most+10)
		b.Claim().Call()
		if synctest.Wait(); h.called != most || len(h.got) != most+10 {
			t.Errorf("it is called %d times, and hears %d", h.called, len(h.got))
		}
	})
}

// TestAsk has messages come while the member's goroutine is in the receiver. It leaves them to
// who has asked, and has them if that takes something else.
func TestAsk(t *testing.T) {
	for name, take := range map[string]func(b *Batch, h, other *heard) *Member{
		"the rest":         func(b *Batch, _, _ *heard) *Member { return b.Rest() },
		"more":             func(b *Batch, h, _ *heard) *Member { h.add(b, 1); return b.Claim() },
		"nothing":          func(b *Batch, _, _ *heard) *Member { b.Waive(); return nil },
		"another's":        func(b *Batch, _, other *heard) *Member { other.add(b, 1); b.Claim().Call(); return nil },
		"several's":        func(b *Batch, h, other *heard) *Member { other.add(b, 1); h.add(b, 1); return b.Claim() },
		"more, distrusted": func(b *Batch, h, _ *heard) *Member { h.add(b, 1); h.pace.proofs = 0; return b.Claim() },
		"one distrusted":   func(b *Batch, h, _ *heard) *Member { h.pace.proofs = 0; return b.Rest() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { ask(t, take) })
		})
	}
}

func ask(t *testing.T, take func(b *Batch, h, other *heard) *Member) {
	h, other := hearing(t), hearing(t)
	h.hold(t)
	var b Batch
	h.add(&b, 10)
	if b.Claim() != nil {
		t.Fatal("a receiver is called that its goroutine is in")
	}
	h.let <- struct{}{}
	synctest.Wait()
	if len(h.got) != 1 {
		t.Errorf("the goroutine has %q, though another one has asked", h.got)
	}
	if m := take(&b, h, other); m == h.Member {
		m.Call()
	} else if m != nil {
		t.Error("another member is left")
	}
	synctest.Wait()
	if len(h.got) < 11 || h.got[10] != "9" || h.Stats().Balance() != 0 || h.Stats().Waiting+h.Stats().InFlight != 0 {
		t.Errorf("it hears %q: %+v", h.got, h.Stats())
	}
}

// TestAskedCloses ends a subscription whose goroutine was asked.
func TestAskedCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hearing(t)
		h.hold(t)
		var b Batch
		h.add(&b, 10)
		b.Claim()
		h.let <- struct{}{}
		closed := false
		go func() { closed = h.Close(context.Background()) == nil }()
		if synctest.Wait(); closed {
			t.Error("Close does not wait for what was left")
		}
		b.Rest().Call()
		if synctest.Wait(); !closed || len(h.got) != 11 {
			t.Errorf("it hears %q", h.got)
		}
	})
}
