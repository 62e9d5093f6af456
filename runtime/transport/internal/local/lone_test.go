package local

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/poison"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// hear makes a node with a subscription, which ends with the test.
func hear(t testing.TB, r transport.SubscribeRequest) *Member {
	t.Helper()
	n := New(Config{Added: func(*Line) {}, Removed: func(*Line) {}})
	r.Patterns = []topic.Pattern{"#"}
	m, err := n.Subscribe(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.Shut()
		n.Drain()
	})
	return m
}

// arrive has a message come alone, and calls the receiver if that is wanted; it reports
// whether it was.
func arrive(m *Member, body string) (called bool) {
	var b Batch
	b.Add(m.Line(), Pack(&transport.Message{Body: []byte(body)}, false), 0, nil, 0)
	x := b.Claim()
	if x != nil {
		x.Call()
	}
	return x != nil
}

// prove has a receiver prove that it is brisk, in time that does not pass.
func prove(t *testing.T, m *Member) {
	t.Helper()
	for range fewProofs {
		synctest.Wait()
		if arrive(m, "proof") {
			t.Fatal("a receiver is called that has proved nothing")
		}
	}
	synctest.Wait()
}

// TestLone has a receiver called by whoever brings a message: once it has proved that it
// returns at once, and as long as it does.
func TestLone(t *testing.T) {
	for _, tt := range []struct {
		took   time.Duration
		wanted int // proofs afterwards
	}{{2 * brisk, fewProofs}, {stall, 2 * fewProofs}} {
		synctest.Test(t, func(t *testing.T) {
			took := time.Duration(0)
			m := hear(t, transport.SubscribeRequest{Receive: func(_ context.Context, d *transport.Delivery) {
				time.Sleep(took)
				_ = d.Settle(nil)
			}})
			prove(t, m)
			for range 2 {
				if !arrive(m, "brisk") {
					t.Error("a receiver is not called that has proved to be brisk")
				}
			}
			if took = tt.took; !arrive(m, "slow") {
				t.Error("nobody knows yet that it is slow")
			}
			took = 0
			for range tt.wanted {
				if arrive(m, "again") {
					t.Errorf("after %v a receiver is called that has not proved itself %d times", tt.took, tt.wanted)
				}
				synctest.Wait()
			}
			if !arrive(m, "brisk") {
				t.Error("a receiver is not called that has become brisk")
			}
		})
	}
}

// TestLoneReceiverIsBusy has other messages come while a receiver is called: its goroutine
// does not call it at the same time, and has them afterwards.
func TestLoneReceiverIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var got []string
		inside, let := 0, make(chan struct{})
		m := hear(t, transport.SubscribeRequest{Profile: transport.Profile{Prefetch: 4}, Receive: func(_ context.Context, d *transport.Delivery) {
			mu.Lock()
			if inside++; inside > 1 {
				t.Error("it is called twice at a time")
			}
			got = append(got, string(d.Body))
			mu.Unlock()
			if string(d.Body) == "held" {
				<-let
			}
			_ = d.Settle(nil)
			mu.Lock()
			inside--
			mu.Unlock()
		}})
		prove(t, m)
		go arrive(m, "held")
		synctest.Wait()
		for _, body := range []string{"a", "b"} {
			if arrive(m, body) {
				t.Error("a receiver is called that is called already")
			}
		}
		synctest.Wait()
		if n := len(got); n != fewProofs+1 {
			t.Errorf("%d came while it was called", n-fewProofs-1)
		}
		close(let)
		synctest.Wait()
		if got = got[fewProofs:]; len(got) != 3 || got[1] != "a" || got[2] != "b" {
			t.Errorf("%q", got)
		}
		if st := m.Stats(); st.Handled != fewProofs+3 || st.Balance() != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestLoneGoexit has a receiver end the goroutine that calls it.
func TestLoneGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := hear(t, transport.SubscribeRequest{Receive: func(_ context.Context, d *transport.Delivery) {
			if string(d.Body) == "end" {
				runtime.Goexit()
			}
			_ = d.Settle(nil)
		}})
		prove(t, m)
		go arrive(m, "end")
		synctest.Wait()
		if arrive(m, "more"); m.claimed {
			t.Error("nobody may call it")
		}
		synctest.Wait()
		if st := m.Stats(); st.Handled != fewProofs+1 || st.Dead != 1 || st.Balance() != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestLoneClose ends a subscription whose receiver is called by somebody else: Close waits
// for it.
func TestLoneClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		returned, let := false, make(chan struct{})
		m := hear(t, transport.SubscribeRequest{Receive: func(_ context.Context, d *transport.Delivery) {
			waits := string(d.Body) == "held"
			_ = d.Settle(nil)
			if waits {
				<-let
				returned = true
			}
		}})
		prove(t, m)
		go arrive(m, "held")
		synctest.Wait()
		time.AfterFunc(time.Second, func() { close(let) })
		if err := m.Close(t.Context()); err != nil || !returned {
			t.Errorf("Close returns %v before the receiver", err)
		}
	})
}

// TestReuse has deliveries be used again, and only those that nobody has any more.
func TestReuse(t *testing.T) {
	for _, reuse := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			seen, held := map[*transport.Delivery]int{}, []*transport.Delivery(nil)
			m := hear(t, transport.SubscribeRequest{Reuse: reuse, Profile: transport.Profile{Prefetch: 10}, Receive: func(_ context.Context, d *transport.Delivery) {
				if seen[d]++; string(d.Body) == "hold" {
					held = append(held, d)
					return
				}
				_ = d.Settle(nil)
				if runtime.Gosched(); !d.Settled() {
					t.Error("it is used again before the receiver has returned")
				}
			}})
			for range 20 {
				arrive(m, "hold")
				for range 20 {
					arrive(m, "pass")
				}
				synctest.Wait()
				if d := held[len(held)-1]; string(d.Body) != "hold" || d.Settled() || d.Settle(nil) != nil {
					t.Errorf("one that is held has %q", d.Body)
				}
			}
			if again := len(seen) < 420; again != (reuse && !poison.On) {
				t.Errorf("%d deliveries for 420 messages, Reuse is %v", len(seen), reuse)
			}
		})
	}
}
