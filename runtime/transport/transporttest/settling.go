package transporttest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

func redelivers(g promises) bool  { return g.Redelivers }
func deadLetters(g promises) bool { return g.DeadLetters }

// quickly is a profile that retries at once.
func quickly(attempts int) transport.Profile {
	return transport.Profile{Retry: transport.Retry{Attempts: attempts, Initial: time.Millisecond, Multiplier: 1}}
}

var settling = []test{
	{"settle-anywhere", nil, settleAnywhere},
	{"settle-once", nil, settleOnce},
	{"slow-receiver", nil, slowReceiver},
	{"one-goroutine", nil, oneGoroutine},
	{"concurrency", nil, concurrency},
	{"reuse", nil, reuse},
	{"batches", nil, inBatches},
	{"redelivery", redelivers, redelivery},
	{"backoff", redelivers, backoff},
	{"permanent", redelivers, permanent},
	{"panics", redelivers, panics},
	{"dead-letters", deadLetters, dead},
	{"dead-letters-end", deadLetters, deadEnds},
}

// settleAnywhere settles in another goroutine, in another order; what is unsettled is
// bounded by Prefetch.
func settleAnywhere(e *env) {
	const prefetch, n = 3, 9
	g := newGate()
	s := e.hear("event.#", transport.Profile{Prefetch: prefetch}, g.Receive)
	for i := range n {
		e.publish("event.a", fmt.Sprint(i))
	}
	for range n / prefetch {
		var list []*transport.Delivery
		for range prefetch {
			list = append(list, g.take(e))
		}
		time.Sleep(e.calm)
		if len(g.held) > 0 {
			e.Fatalf("%d are unsettled, and another one came", prefetch)
		}
		for _, d := range slices.Backward(list) {
			done := make(chan error)
			go func() { done <- d.Settle(nil) }()
			e.noError(<-done, "settling %s", d.Body)
		}
	}
	if st := e.settled(s, n); st.Handled != n || st.Failed != 0 {
		e.Errorf("%+v", st)
	}
}

func settleOnce(e *env) {
	g := newGate()
	s := e.hear("event.#", quickly(3), g.Receive)
	e.publish("event.a", "x")
	d := g.take(e)
	if d.Settled() {
		e.Error("it is settled before it was")
	}
	e.noError(d.Settle(nil), "settling")
	e.want(d.Settle(errors.New("second thoughts")), transport.ErrStale, "settling again")
	e.want(d.Settle(nil), transport.ErrStale, "and again")
	if st := e.settled(s, 1); st.Handled != 1 || st.Failed != 0 || !d.Settled() {
		e.Errorf("%+v", st)
	}
}

// slowReceiver has one subscriber stand still while another one gets everything.
func slowReceiver(e *env) {
	g := newGate()
	slow := e.hear("event.#", transport.Profile{Capacity: 1000}, g.Receive)
	var b inbox
	e.hear("event.#", transport.Profile{}, b.Receive)
	for i := range 200 {
		e.publish("event.a", fmt.Sprint(i))
	}
	b.wait(e, 200)
	if n := len(g.messages()); n > 1 {
		e.Errorf("the slow one got %d", n)
	}
	g.settle(e, 200)
	e.settled(slow, 200)
}

// oneGoroutine has a subscription never call its receiver twice at a time.
func oneGoroutine(e *env) {
	var inside, most atomic.Int32
	var b inbox
	e.hear("event.#", transport.Profile{Prefetch: 10, Concurrency: 4}, func(ctx context.Context, d *transport.Delivery) {
		most.Store(max(most.Load(), inside.Add(1)))
		runtime.Gosched()
		b.Receive(ctx, d)
		inside.Add(-1)
	})
	for i := range 100 {
		e.publish("event.a", fmt.Sprint(i))
	}
	b.wait(e, 100)
	if most.Load() != 1 {
		e.Errorf("%d calls at once", most.Load())
	}
}

// concurrency has as many handlers run at once as the profile says.
func concurrency(e *env) {
	const n = 4
	all := make(chan struct{})
	var inside atomic.Int32
	s := e.hear("event.#", transport.Profile{Concurrency: n}, transport.Serve(n, func(context.Context, *transport.Delivery) error {
		if inside.Add(1) == n {
			close(all)
		}
		select {
		case <-all:
			return nil
		case <-time.After(patience):
			return errors.New("the others did not come")
		}
	}))
	e.publish("event.a", "1", "2", "3", "4")
	if st := e.settled(s, n); st.Handled != n {
		e.Errorf("%+v", st)
	}
}

// reuse has deliveries that may be used again be settled in another goroutine, some only when
// others have come: until then each has its own message.
func reuse(e *env) {
	const prefetch, n = 8, 200
	g := newGate()
	s := e.subscribe(transport.SubscribeRequest{
		Patterns: []topic.Pattern{"event.#"}, Profile: transport.Profile{Prefetch: prefetch}, Receive: g.Receive, Reuse: true,
	})
	var all sync.WaitGroup
	all.Go(func() {
		for i := range n {
			e.publish("event.a", fmt.Sprint(i))
		}
	})
	held, seen := []*transport.Delivery(nil), map[string]bool{}
	for i := range n {
		d := g.take(e)
		if held = append(held, d); i%3 == 0 && len(held) < prefetch {
			continue
		}
		for _, d := range held {
			seen[string(d.Body)] = true
			e.noError(d.Settle(nil), "settling")
		}
		held = held[:0]
	}
	for _, d := range held {
		seen[string(d.Body)] = true
		e.noError(d.Settle(nil), "settling")
	}
	all.Wait()
	if st := e.settled(s, n); st.Handled != n || len(seen) != n {
		e.Errorf("%d different ones: %+v", len(seen), st)
	}
}

// redelivery has a receiver fail until it succeeds, and one that always fails.
func redelivery(e *env) {
	var b inbox
	fail := errors.New("not yet")
	s := e.hear("event.a", quickly(5), func(_ context.Context, d *transport.Delivery) {
		b.keep(d)
		if d.Attempt < 3 {
			_ = d.Settle(fail)
			return
		}
		_ = d.Settle(nil)
	})
	never := e.hear("event.b", quickly(4), transport.Serve(1, func(context.Context, *transport.Delivery) error { return fail }))
	e.publish("event.a", "x")
	e.publish("event.b", "y")
	for i, m := range b.wait(e, 3) {
		if m.Attempt != uint64(i+1) || string(m.Body) != "x" || m.ID != b.messages()[0].ID {
			e.Errorf("delivery %d: attempt %d, %q, id %s", i, m.Attempt, m.Body, m.ID)
		}
	}
	if st := e.settled(s, 1); st.Handled != 1 || st.Failed != 2 || st.Retried != 2 || st.Dead != 0 {
		e.Errorf("%+v", st)
	}
	if st := e.settled(never, 1); st.Dead != 1 || st.Failed != 4 || st.Retried != 3 || st.Handled != 0 {
		e.Errorf("%+v", st)
	}
}

// backoff checks that a retry waits, and that others go on meanwhile.
func backoff(e *env) {
	wait := e.backoff
	p := transport.Profile{Retry: transport.Retry{Attempts: 3, Initial: wait, Multiplier: 2}}
	var b inbox
	var times []time.Time
	s := e.hear("event.#", p, func(_ context.Context, d *transport.Delivery) {
		b.keep(d)
		if string(d.Body) == "bad" && d.Attempt < 3 {
			times = append(times, time.Now())
			_ = d.Settle(errors.New("not yet"))
			return
		}
		times = append(times, time.Now())
		_ = d.Settle(nil)
	})
	e.publish("event.a", "bad", "good")
	b.wait(e, 4)
	e.settled(s, 2)
	if got := b.bodies(); !slices.Equal(got, []string{"bad", "good", "bad", "bad"}) {
		e.Fatalf("%q", got)
	}
	if a, b := times[2].Sub(times[0]), times[3].Sub(times[2]); a < wait || b < 2*wait {
		e.Errorf("waited %v and %v, want %v and %v", a, b, wait, 2*wait)
	}
}

func permanent(e *env) {
	var b inbox
	s := e.hear("event.#", quickly(5), func(_ context.Context, d *transport.Delivery) {
		b.keep(d)
		if string(d.Body) == "permanent" {
			_ = d.Settle(fmt.Errorf("wrapped: %w", transport.Permanent(errors.New("no"))))
			return
		}
		_ = d.Settle(fmt.Errorf("the body: %w", transport.ErrDecode))
	})
	e.publish("event.a", "permanent", "unreadable")
	b.wait(e, 2)
	if st := e.settled(s, 2); st.Dead != 2 || st.Failed != 2 || st.Retried != 0 || len(b.messages()) != 2 {
		e.Errorf("%+v, %d deliveries", st, len(b.messages()))
	}
}

// panics has a receiver panic, end its goroutine, and go on.
func panics(e *env) {
	var b inbox
	s := e.hear("event.#", quickly(3), func(ctx context.Context, d *transport.Delivery) {
		b.keep(d)
		switch d.Attempt {
		case 1:
			panic("a receiver's")
		case 2:
			runtime.Goexit()
		}
		_ = d.Settle(nil)
		if string(d.Body) == "late" {
			panic("after settling")
		}
	})
	e.publish("event.a", "x", "late", "y")
	b.wait(e, 9)
	if st := e.settled(s, 3); st.Handled != 3 || st.Failed != 6 || st.Retried != 6 {
		e.Errorf("%+v", st)
	}
}

// dead has messages given up, and looks at what is said of them.
func dead(e *env) {
	var b inbox
	e.hear("error.#", transport.Profile{}, b.Receive)
	p := quickly(2)
	p.DeadLetter = true
	s := e.subscribe(transport.SubscribeRequest{
		Name: "failing", Patterns: patternsOf("event.#", "broadcast.*"), Profile: p,
		Receive: transport.Serve(1, func(_ context.Context, d *transport.Delivery) error {
			if string(d.Body) == "unreadable" {
				return transport.ErrDecode
			}
			return errors.New("no way")
		}),
	})
	plain := e.message("event.order.submit.now", "body")
	keyed := e.message("event.order.k%201.submit", "keyed")
	keyed.Key = "k 1"
	for i, m := range []*transport.Message{plain, keyed, e.message("event.order.x", "unreadable"), e.message("broadcast.drain", "b")} {
		e.noError(transport.Publish(e.ctx, e.pub, m), "publishing")
		e.settled(s, uint64(i+1))
	}
	want := []transport.Failure{
		{Kind: "dead", Machine: "order", Event: "submit.now", Topic: "event.order.submit.now", Message: "no way", Attempts: 2, Original: []byte("body")},
		{Kind: "dead", Machine: "order", Key: "k 1", Event: "submit", Topic: "event.order.k%201.submit", Message: "no way", Attempts: 2, Original: []byte("keyed")},
		{Kind: "decode", Machine: "order", Event: "x", Topic: "event.order.x", Message: transport.ErrDecode.Error(), Attempts: 1, Original: []byte("unreadable")},
		{Kind: "dead", Machine: "broadcast", Event: "drain", Topic: "broadcast.drain", Message: "no way", Attempts: 2, Original: []byte("b")},
	}
	names := []string{"error.order.dead", "error.order.k%201.dead", "error.order.decode", "error.broadcast.dead"}
	for i, m := range b.wait(e, len(want)) {
		var f transport.Failure
		e.noError(f.UnmarshalMsgpack(m.Body), "reading a failure")
		if fmt.Sprint(f) != fmt.Sprint(want[i]) || string(m.Topic) != names[i] || m.Causation == "" {
			e.Errorf("on %s: %+v\nwant %s: %+v", m.Topic, f, names[i], want[i])
		}
	}
}

// deadEnds has a receiver of dead letters fail: there is none of a dead letter.
func deadEnds(e *env) {
	p := quickly(1)
	p.DeadLetter = true
	fail := func(context.Context, *transport.Delivery) error { return errors.New("no") }
	letters := e.hear("error.#", p, transport.Serve(1, fail))
	s := e.hear("event.#", p, transport.Serve(1, fail))
	e.publish("event.order.x", "1", "2")
	if st := e.settled(s, 2); st.Dead != 2 {
		e.Errorf("%+v", st)
	}
	e.until(func() bool { return letters.Stats().Dead == 2 }, "the dead letters were given up")
	time.Sleep(e.calm)
	e.settled(letters, 2) // and there is none of theirs
}

// inBatches has batches that are full, and one whose time is over.
func inBatches(e *env) {
	const size, n = 4, 10
	p := transport.Profile{BatchSize: size, BatchTimeout: 5 * e.backoff}
	var mu sync.Mutex
	var sizes []int
	var got []string
	start := time.Now()
	s := e.hear("event.#", p, transport.ServeBatch(p, func(_ context.Context, batch []*transport.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		sizes = append(sizes, len(batch))
		for _, d := range batch {
			got = append(got, string(d.Body))
		}
		return nil
	}))
	var want []string
	for i := range n {
		want = append(want, fmt.Sprint(i))
		e.publish("event.a", fmt.Sprint(i))
	}
	if st := e.settled(s, n); st.Handled != n {
		e.Errorf("%+v", st)
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(got, want) || slices.Max(sizes) > size || len(sizes) > n/2 {
		e.Errorf("%v, in batches of %v", got, sizes)
	}
	if sizes[len(sizes)-1] < size && time.Since(start) < p.BatchTimeout {
		e.Errorf("the last batch did not wait for its time: %v", sizes)
	}
}
