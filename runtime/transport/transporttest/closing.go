package transporttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

var closing = []test{
	{"close-subscription", nil, closeSubscription},
	{"close-subscription-deadline", nil, closeDeadline},
	{"close-transport", nil, closeTransport},
	{"close-transport-deadline", nil, closeTransportDeadline},
	{"close-with-retries", redelivers, closeWithRetries},
	{"close-from-receiver", nil, closeFromReceiver},
	{"close-blocked-publisher", overflow, closeBlocked},
	{"close-request", asks, closeRequest},
	{"close-during-everything", nil, closeDuring},
	{"states", nil, states},
}

// closeSubscription drains what is queued, and gets nothing after.
func closeSubscription(e *env) {
	var b inbox
	var inside atomic.Int32
	s := e.hear("event.#", transport.Profile{}, func(ctx context.Context, d *transport.Delivery) {
		inside.Add(1)
		defer inside.Add(-1)
		time.Sleep(time.Millisecond)
		b.Receive(ctx, d)
		if ctx.Err() != nil {
			e.Error("the receiver's ctx ended while it was drained")
		}
	})
	for i := range 30 {
		e.publish("event.a", fmt.Sprint(i))
	}
	e.until(func() bool { st := s.Stats(); return st.Accepted == 30 }, "all were queued")
	e.noError(s.Close(e.ctx), "closing")
	if n := len(b.messages()); n != 30 || inside.Load() != 0 {
		e.Errorf("%d were handled before Close returned; %d are being handled", n, inside.Load())
	}
	e.publish("event.a", "after")
	e.noError(s.Close(e.ctx), "closing again")
	time.Sleep(e.calm)
	if n := len(b.messages()); n != 30 {
		e.Errorf("%d came, of 30", n)
	}
	e.settled(s, 30)
}

// closeDeadline has a receiver that settles nothing.
func closeDeadline(e *env) {
	g := newGate()
	ended := make(chan struct{})
	s := e.hear("event.#", transport.Profile{Prefetch: 2}, func(ctx context.Context, d *transport.Delivery) {
		if string(d.Body) == "0" {
			go func() { <-ctx.Done(); close(ended) }()
		}
		g.Receive(ctx, d)
	})
	for i := range 10 {
		e.publish("event.a", fmt.Sprint(i))
	}
	d := g.take(e)
	e.queued(s, 10)
	ctx, cancel := context.WithTimeout(e.ctx, e.calm)
	defer cancel()
	err := s.Close(ctx)
	e.left(err, 10)
	<-ended
	e.want(d.Settle(nil), transport.ErrStale, "settling after the end")
	if st := s.Stats(); st.Left == 0 || st.Balance() != 0 || st.Handled != 0 || st.InFlight != 0 {
		e.Errorf("%+v", st)
	}
	e.want(s.Close(e.ctx), transport.ErrDrainTimeout, "closing again")
}

// left checks how many messages a Close has given up, as far as one can see that: some
// of what was published may not have arrived.
func (e *env) left(err error, n int) {
	e.Helper()
	d, ok := errors.AsType[*transport.DrainError](err)
	if !ok || d.Left < 1 || d.Left > n || e.promised.Overflow && d.Left != n {
		e.Errorf("closing with %d unsettled: %v", n, err)
	}
}

func closeTransport(e *env) {
	var b inbox
	s := e.hear("event.#", transport.Profile{}, func(ctx context.Context, d *transport.Delivery) {
		time.Sleep(time.Millisecond)
		b.Receive(ctx, d)
	})
	for i := range 30 {
		e.publish("event.a", fmt.Sprint(i))
	}
	e.until(func() bool { st := s.Stats(); return st.Accepted == 30 }, "all were queued")
	e.noError(e.sub.Close(e.ctx), "closing")
	if n := len(b.messages()); n != 30 {
		e.Errorf("%d were handled before Close returned", n)
	}
	err := transport.Publish(e.ctx, e.sub, e.message("event.a", "after"))
	e.want(err, transport.ErrClosed, "publishing after Close")
	e.outcome(err, transport.OutcomeNotSent, false)
	_, err = e.sub.Subscribe(e.ctx, transport.SubscribeRequest{Patterns: patternsOf("#"), Receive: b.Receive})
	e.want(err, transport.ErrClosed, "subscribing after Close")
	_, err = e.sub.Request(e.ctx, e.message("event.order.quote", ""))
	e.want(err, transport.ErrClosed, "asking after Close")
	e.noError(e.sub.Close(e.ctx), "closing again")
	e.noError(s.Close(e.ctx), "closing the subscription")
	e.settled(s, 30)
}

func closeTransportDeadline(e *env) {
	g := newGate()
	s := e.hear("event.#", transport.Profile{}, g.Receive)
	e.publish("event.a", "1", "2", "3")
	e.queued(s, 3)
	d := g.take(e)
	ctx, cancel := context.WithTimeout(e.ctx, e.calm)
	defer cancel()
	err := e.sub.Close(ctx)
	e.left(err, 3)
	e.want(d.Settle(nil), transport.ErrStale, "settling after the end")
	if st := s.Stats(); st.Left == 0 || st.Balance() != 0 {
		e.Errorf("%+v", st)
	}
	e.noError(e.sub.Close(e.ctx), "closing again")
}

// closeWithRetries waits for what is to be delivered again.
func closeWithRetries(e *env) {
	p := transport.Profile{Retry: transport.Retry{Attempts: 3, Initial: e.calm}}
	var b inbox
	s := e.hear("event.#", p, func(_ context.Context, d *transport.Delivery) {
		b.keep(d)
		if d.Attempt < 3 {
			_ = d.Settle(errors.New("not yet"))
			return
		}
		_ = d.Settle(nil)
	})
	e.publish("event.a", "x")
	b.wait(e, 1)
	e.noError(s.Close(e.ctx), "closing")
	if st := s.Stats(); st.Handled != 1 || st.Balance() != 0 {
		e.Errorf("%+v", st)
	}
}

// closeFromReceiver closes the subscription, and then the transport, within receivers:
// inline, and in a goroutine of Serve's.
func closeFromReceiver(e *env) {
	for _, concurrency := range []int{1, 2} {
		var s atomic.Pointer[transport.Subscription]
		var b inbox
		ready := make(chan struct{})
		sub := e.hear("event.#", transport.Profile{Concurrency: concurrency}, transport.Serve(concurrency, func(ctx context.Context, d *transport.Delivery) error {
			b.keep(d)
			<-ready
			return (*s.Load()).Close(context.Background())
		}))
		s.Store(&sub)
		e.publish("event.a", "1", "2", "3")
		e.queued(sub, 3)
		close(ready)
		e.until(func() bool { return sub.Stats().Handled == 3 }, "what was queued is handled")
		e.noError(sub.Close(e.ctx), "closing from outside")
	}
	var b inbox
	s := e.hear("event.#", transport.Profile{}, func(_ context.Context, d *transport.Delivery) {
		if err := e.sub.Close(context.Background()); err != nil {
			e.Errorf("closing the transport: %v", err)
		}
		b.Receive(context.Background(), d)
	})
	e.publish("event.a", "1")
	b.wait(e, 1)
	e.noError(e.sub.Close(e.ctx), "closing from outside")
	e.settled(s, 1)
}

// closeBlocked closes while a publisher waits for room.
func closeBlocked(e *env) {
	g, s := stuck(e, transport.Profile{})
	e.publish("event.a", "1", "2", "3")
	done := make(chan error)
	go func() { done <- transport.Publish(e.ctx, e.pub, e.message("event.a", "4")) }()
	time.Sleep(e.calm)
	closed := make(chan error)
	go func() { closed <- s.Close(e.ctx) }()
	select {
	case err := <-done: // the subscription has ended before it was there
		e.noError(err, "publishing")
	case <-time.After(patience):
		e.Fatal("the publisher is stuck")
	}
	g.settle(e, 4)
	e.noError(<-closed, "closing")
	if st := e.settled(s, 4); st.Handled != 4 {
		e.Errorf("%+v", st)
	}
}

// closeRequest closes while a requester waits for its answer.
func closeRequest(e *env) {
	g := newGate()
	e.hear("event.order.#", transport.Profile{}, g.Receive)
	done := make(chan error)
	go func() { _, err := e.ask(e.ctx, "x"); done <- err }()
	d := g.take(e)
	ctx, cancel := context.WithTimeout(e.ctx, e.calm)
	defer cancel()
	_ = e.pub.Close(ctx)
	if err := <-done; !errors.Is(err, transport.ErrClosed) {
		e.Errorf("the requester got %v", err)
	}
	_ = d.Settle(nil) // ErrStale on a network of one node
}

// closeDuring has everything go on when the transport is closed: nothing hangs, and
// what was accepted is accounted for.
func closeDuring(e *env) {
	for round := range 5 {
		closeBusy(e.again(), uint64(round))
	}
}

func closeBusy(e *env, seed uint64) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	var subs []transport.Subscription
	r := rand.New(rand.NewPCG(seed, 2))
	profiles := []transport.Profile{quickly(3), {Prefetch: 5, Overflow: transport.DropOldest, Capacity: 5}, {Overflow: transport.DropNewest, Capacity: 3}}
	profiles = slices.DeleteFunc(profiles, func(p transport.Profile) bool { return e.sub.Check(p) != nil })
	subscribe := func(i int) {
		s, err := e.sub.Subscribe(e.ctx, transport.SubscribeRequest{Patterns: patternsOf("event.#"), Profile: profiles[i%len(profiles)], Receive: flaky})
		if err != nil {
			if !errors.Is(err, transport.ErrClosed) {
				e.Errorf("subscribing: %v", err)
			}
			return
		}
		mu.Lock()
		defer mu.Unlock()
		subs = append(subs, s)
		if i%2 == 1 {
			wg.Go(func() { _ = s.Close(e.ctx) })
		}
	}
	subscribe(0)
	for range 3 {
		wg.Go(func() { publishUntil(e, stop) })
	}
	for i := range 20 {
		subscribe(i)
		time.Sleep(time.Duration(r.IntN(500)) * time.Microsecond)
	}
	for range 3 {
		wg.Go(func() {
			if err := e.sub.Close(e.ctx); err != nil {
				e.Errorf("closing: %v", err)
			}
		})
	}
	time.Sleep(time.Millisecond)
	close(stop)
	wg.Wait()
	for i, s := range subs {
		if st := s.Stats(); st.Balance() != 0 || st.Waiting+st.InFlight != 0 || st.Left != 0 {
			e.Errorf("subscription %d: %+v", i, st)
		}
	}
}

// flaky fails for some deliveries, and panics for others.
func flaky(_ context.Context, d *transport.Delivery) {
	switch n := len(d.ID) + int(d.ID[len(d.ID)-1]); {
	case d.Attempt == 1 && n%7 == 0:
		panic("sometimes")
	case d.Attempt < 3 && n%5 == 0:
		_ = d.Settle(errors.New("sometimes"))
	case n%11 == 0:
		go func() { _ = d.Settle(nil) }()
	default:
		_ = d.Settle(nil)
	}
}

func publishUntil(e *env, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		err := transport.Publish(e.ctx, e.pub, e.message("event.a", "x"))
		full := errors.Is(err, transport.ErrFull) && !e.promised.Overflow // or nobody waits for room
		if err != nil && !full && !errors.Is(err, transport.ErrClosed) {
			e.Errorf("publishing: %v", err)
			return
		}
	}
}

// states watches the connection from the beginning to the end.
func states(e *env) {
	var mu sync.Mutex
	var seen []transport.State
	stop := e.sub.Status().Watch(func(c transport.Change) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, c.State)
	})
	defer stop()
	e.noError(e.sub.Close(e.ctx), "closing")
	e.noError(e.sub.Status().Await(e.ctx, transport.Closed), "waiting for the end")
	e.want(e.sub.Status().Await(e.ctx, transport.Ready), transport.ErrClosed, "waiting for what does not come")
	mu.Lock()
	defer mu.Unlock()
	if want := []transport.State{transport.Ready, transport.Draining, transport.Closed}; !slices.Equal(seen, want) {
		e.Errorf("the states were %v, want %v", seen, want)
	}
}
