package amqp_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// TestNetwork has traffic go on while the network does what networks do.
func TestNetwork(t *testing.T) {
	broker := rabbit.Shared(t)
	leaksNothing(t)
	lost := func(p *proxy) func() {
		n := p.dialed()
		return func() { until(t, func() bool { return p.dialed() > n }, "a connection is made anew") }
	}
	for name, fault := range map[string]func(l *lab){
		"cut": func(l *lab) { again := lost(l.proxy); l.cut(); again() },
		"cut in mid-frame, up": func(l *lab) {
			again := lost(l.proxy)
			l.up.set(func(w *way) { w.cut = 20_001 })
			again()
			l.up.set(func(w *way) { w.cut = 0 })
		},
		"cut in mid-frame, down": func(l *lab) {
			again := lost(l.proxy)
			l.down.set(func(w *way) { w.cut = 10_001 })
			again()
			l.down.set(func(w *way) { w.cut = 0 })
		},
		"blackhole":       func(l *lab) { hole(t, l, &l.up, &l.down) },
		"blackhole, up":   func(l *lab) { hole(t, l, &l.up) },
		"blackhole, down": func(l *lab) { hole(t, l, &l.down) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, broker)
			r := newTraffic(t, l, 4)
			r.more(50)
			fault(l)
			r.more(50)
			r.end()
		})
	}
}

// TestSlowNetwork has traffic go on by a network that passes a few bytes at once, and one that
// passes as many in a second as 50 events or so have.
func TestSlowNetwork(t *testing.T) {
	broker := rabbit.Shared(t)
	leaksNothing(t)
	for name, slow := range map[string]func(w *way){
		"sliced":    func(w *way) { w.slice, w.delay = 7, time.Millisecond },
		"a trickle": func(w *way) { w.rate = 20_000 },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, broker)
			r := newTraffic(t, l, 4)
			r.more(50)
			l.up.set(slow)
			l.down.set(slow)
			r.more(50)
			for _, w := range []*way{&l.up, &l.down} {
				w.set(func(w *way) { w.slice, w.delay, w.rate = 0, 0, 0 })
			}
			r.more(50)
			r.end()
		})
	}
}

// hole has nothing pass until somebody has noticed.
func hole(t *testing.T, l *lab, ways ...*way) {
	n := l.dialed()
	for _, w := range ways {
		w.set(func(w *way) { w.hole = true })
	}
	until(t, func() bool { return l.dialed() >= n+2 }, "both nodes have noticed")
	for _, w := range ways {
		w.set(func(w *way) { w.hole = false })
	}
	l.cut() // what has begun to connect meanwhile need not wait
}

// registered is how long RabbitMQ 3.10 takes to write down that there is a quorum queue: one
// that was declared just before the broker is killed has no leader afterwards.
const registered = 3 * time.Second

// TestBrokerKilled has the broker be killed and start again under traffic.
func TestBrokerKilled(t *testing.T) {
	b := rabbit.Own(t)
	leaksNothing(t)
	l := newLab(t, b)
	r := newTraffic(t, l, 4)
	w := newWaiting(t, l, r.sub)
	w.add(t, r.pub, 1) // which has the queue for retries be declared
	r.more(200)
	time.Sleep(registered)
	w.add(t, r.pub, 20)
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := b.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.more(200)
	w.end(t)
	r.end()
}

// waiting are events that fail at once, and then wait at the broker for some time.
type waiting struct {
	*lab
	c     *amqp091.Connection
	s     transport.Subscription
	mu    sync.Mutex
	tries map[string]int
}

func newWaiting(t *testing.T, l *lab, n transport.Transport) *waiting {
	t.Helper()
	w := &waiting{lab: l, c: l.raw(), tries: map[string]int{}}
	p := transport.Profile{Durable: transport.Durable, Retry: transport.Retry{Attempts: 20, Initial: 10 * time.Second, Multiplier: 1}}
	var err error
	w.s, err = n.Subscribe(t.Context(), transport.SubscribeRequest{
		Name: "late", Patterns: []topic.Pattern{"event.late.#"}, Profile: p, Receive: transport.Serve(1, w.handle),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, end := range []string{"", ".dead", ".retry.1"} {
			l.remove(l.prefix + ".reader.late" + end)
		}
	})
	return w
}

func (w *waiting) handle(_ context.Context, d *transport.Delivery) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tries[d.ID]++; w.tries[d.ID] == 1 {
		return errFirst
	}
	return nil
}

// add has so many events wait for their second attempt.
func (w *waiting) add(t *testing.T, n transport.Transport, events int) {
	t.Helper()
	for i := range events {
		m := &transport.Message{Envelope: transport.Envelope{ID: fmt.Sprint(events, "-", i), Topic: "event.late.do"}, Profile: &transport.Profile{Durable: transport.Durable}}
		if err := transport.Publish(t.Context(), n, m); err != nil {
			t.Fatal(err)
		}
	}
	until(t, func() bool { return w.waits(w.c, ".reader.late.retry.1") >= events }, "%d events wait", events)
}

// end waits until each has been tried again.
func (w *waiting) end(t *testing.T) {
	t.Helper()
	until(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, n := range w.tries {
			if n < 2 {
				return false
			}
		}
		return len(w.tries) == 21
	}, "all that has waited is tried again")
	if st := w.s.Stats(); st.Dead > 0 || st.Balance() != 0 {
		t.Errorf("%+v", st)
	}
}

// TestBrokerHalted has the broker stand still, which nobody is told.
func TestBrokerHalted(t *testing.T) {
	b := rabbit.Own(t)
	leaksNothing(t)
	r := newTraffic(t, newLab(t, b), 4)
	r.more(50)
	if err := b.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	err := r.pub.Status().Await(r.ctx, transport.Reconnecting)
	if err := errors.Join(err, b.Signal(syscall.SIGCONT)); err != nil {
		t.Fatal(err)
	}
	r.more(50)
	r.end()
}

// TestForcedClose has the broker close all connections, as an operator may tell it to.
func TestForcedClose(t *testing.T) {
	b := rabbit.Own(t)
	leaksNothing(t)
	l := newLab(t, b)
	r := newTraffic(t, l, 4)
	r.more(50)
	n := l.dialed()
	if _, err := b.Ctl(t.Context(), "close_all_connections", "a test"); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return l.dialed() > n }, "a connection is made anew")
	r.more(50)
	r.end()
}

// TestAlarms has the broker run out of memory, and of disk: publishing ends by ctx, and by
// the profile's limit, what is there is handled, and all goes on afterwards.
func TestAlarms(t *testing.T) {
	b := rabbit.Own(t)
	leaksNothing(t)
	for name, ctl := range map[string]struct{ on, off []string }{
		"memory": {[]string{"set_vm_memory_high_watermark", "absolute", "1"}, []string{"set_vm_memory_high_watermark", "0.4"}},
		"disk":   {[]string{"set_disk_free_limit", "1000000GB"}, []string{"set_disk_free_limit", "1MB"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, b)
			r := newTraffic(t, l, 0)
			r.sound.Store(true) // to try an event again is to publish it
			for range 2 {
				r.writing.Go(func() { r.write(&transport.Profile{}) })
			}
			r.more(20)
			if _, err := b.Ctl(t.Context(), ctl.on...); err != nil {
				t.Fatal(err)
			}
			if err := r.pub.Status().Await(r.ctx, transport.Blocked); err != nil {
				t.Fatal(err)
			}
			blocked(t, r.pub)
			until(t, func() bool { st := r.s.Stats(); return st.Waiting+st.InFlight == 0 }, "what is there is handled")
			if _, err := b.Ctl(t.Context(), ctl.off...); err != nil {
				t.Fatal(err)
			}
			r.more(20)
			r.end()
		})
	}
}

// blocked has publishes end while the broker takes nothing.
func blocked(t *testing.T, n transport.Transport) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	m := &transport.Message{Envelope: transport.Envelope{Topic: "event.job.late"}}
	err := transport.Publish(ctx, n, m)
	if !errors.Is(err, transport.ErrBlocked) || !errors.Is(err, context.DeadlineExceeded) || outcome(err) != transport.OutcomeNotSent {
		t.Errorf("publishing while the broker is blocked: %v", err)
	}
	m.Profile = &transport.Profile{PublishTimeout: 20 * time.Millisecond}
	err = transport.Publish(t.Context(), n, m)
	if !errors.Is(err, transport.ErrBlocked) || !errors.Is(err, transport.ErrTimeout) {
		t.Errorf("publishing with a limit while the broker is blocked: %v", err)
	}
}

// outcome is what is known of a publish that failed.
func outcome(err error) transport.Outcome {
	if e, ok := errors.AsType[*transport.PublishError](err); ok {
		return e.Outcome()
	}
	return 99
}

// TestNotConnected has no broker at all: publishing ends, and so does everything else.
func TestNotConnected(t *testing.T) {
	leaksNothing(t)
	n, err := amqp.New("amqp://localhost:1", amqp.Log(quiet))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	m := &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}}
	err = transport.Publish(ctx, n, m)
	if !errors.Is(err, transport.ErrNotConnected) || outcome(err) != transport.OutcomeNotSent {
		t.Errorf("publishing without a broker: %v", err)
	}
	_, err = n.Subscribe(ctx, transport.SubscribeRequest{Patterns: []topic.Pattern{"#"}, Receive: func(context.Context, *transport.Delivery) {}})
	if !errors.Is(err, transport.ErrTimeout) {
		t.Errorf("subscribing without a broker: %v", err)
	}
	if c := n.Status().Get(); c.State != transport.Connecting {
		t.Errorf("the state is %v", c.State)
	}
	shut(t, n)
}

// TestFailover has the server of an address end under traffic: the nodes go to the next one, and
// come back when that ends.
func TestFailover(t *testing.T) {
	b := rabbit.Shared(t)
	leaksNothing(t)
	l := newLab(t, b)
	other := newProxy(t, l.target)
	first := l.addr()
	l.url += "," + strings.Replace(l.url, first, other.addr(), 1)
	r := newTraffic(t, l, 4)
	r.more(50)
	if other.dialed() > 0 {
		t.Error("the second address was not to be used yet")
	}
	l.end()
	r.more(50)
	l.listenAgain(first)
	other.end()
	r.more(50)
	r.end()
}

// TestCluster has a first address where nobody is.
func TestCluster(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	leaksNothing(t)
	l.url = "amqp://localhost:1, " + l.url
	n := l.node("a")
	if err := n.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Error(err)
	}
	shut(t, n)
}
