package amqp_test

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// TestCloseInFault closes nodes while the network or the broker does nothing: that takes no longer
// than its deadline, and everything of them ends before the fault does. What was confirmed is
// handled by whoever comes next.
func TestCloseInFault(t *testing.T) {
	b := rabbit.Own(t)
	leaksNothing(t)
	ctl := func(t *testing.T, args ...string) {
		t.Helper()
		if _, err := b.Ctl(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	signal := func(t *testing.T, s syscall.Signal) {
		t.Helper()
		if err := b.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	holes := func(l *lab, on bool) {
		l.up.set(func(w *way) { w.hole = on })
		l.down.set(func(w *way) { w.hole = on })
	}
	for name, fault := range map[string]struct {
		begin, end func(t *testing.T, r *traffic, l *lab)
	}{
		"blackhole": {
			func(_ *testing.T, _ *traffic, l *lab) { holes(l, true) },
			func(_ *testing.T, _ *traffic, l *lab) { holes(l, false); l.cut() },
		},
		"alarm": {
			func(t *testing.T, r *traffic, _ *lab) {
				ctl(t, "set_vm_memory_high_watermark", "absolute", "1")
				if err := r.pub.Status().Await(r.ctx, transport.Blocked); err != nil {
					t.Fatal(err)
				}
			},
			func(t *testing.T, _ *traffic, _ *lab) { ctl(t, "set_vm_memory_high_watermark", "0.4") },
		},
		"halted": {
			func(t *testing.T, _ *traffic, _ *lab) { signal(t, syscall.SIGSTOP) },
			func(t *testing.T, _ *traffic, _ *lab) { signal(t, syscall.SIGCONT) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, b)
			r := newTraffic(t, l, 4)
			r.more(50)
			fault.begin(t, r, l)
			r.closing.Store(true)
			close(r.stop)
			r.closeSoon()
			fault.end(t, r, l)
			r.sub = l.node("reader", amqp.Heartbeat(2*time.Second))
			r.read()
			r.settle()
			shut(t, r.sub)
		})
	}
}

// closeSoon closes both nodes, which cannot finish, and waits until nothing of them is left.
func (r *traffic) closeSoon() {
	r.t.Helper()
	const deadline, slack = time.Second, 20 * time.Second
	var closing sync.WaitGroup
	for _, n := range []transport.Transport{r.pub, r.sub} {
		closing.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), deadline)
			defer cancel()
			start := time.Now()
			err := n.Close(ctx)
			if _, gaveUp := errors.AsType[*transport.DrainError](err); err != nil && !gaveUp {
				r.t.Errorf("closing: %v", err)
			}
			if took := time.Since(start); took > deadline+slack {
				r.t.Errorf("closing took %v", took)
			}
			ctx, cancel = context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := n.Close(ctx); err != nil {
				r.t.Errorf("what was given up has not ended: %v", err)
			}
		})
	}
	closing.Wait()
	r.writing.Wait() // whoever publishes is told
}
