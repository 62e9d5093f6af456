package bus_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// soak is a bus on which everybody does what they like.
type soak struct {
	t         *testing.T
	bus       *bus.Bus
	plain     []*bus.Publisher[msg]
	keyed     *bus.KeyedPublisher[msg]
	published atomic.Uint64 // with nil, by topics a.#
	mu        sync.Mutex
	closed    []*bus.Subscription // for their figures
	failures  atomic.Uint64
}

// TestSoak has publishers, and subscriptions that come and go with random profiles,
// patterns, filters and groups, whose handlers are slow, fail, panic, end their
// goroutine, publish and close. At the end everything that was accepted is accounted
// for. XSGEN_SOAK says for how long, and XSGEN_SEED with which random numbers.
func TestSoak(t *testing.T) {
	length := 500 * time.Millisecond
	if d, err := time.ParseDuration(os.Getenv("XSGEN_SOAK")); err == nil {
		length = d
	}
	seed := uint64(time.Now().UnixNano())
	_, _ = fmt.Sscan(os.Getenv("XSGEN_SEED"), &seed)
	t.Logf("XSGEN_SEED=%d", seed)
	s := newSoak(t)
	all := s.witnesses()
	stop := time.Now().Add(length)
	var running sync.WaitGroup
	for i := range 4 {
		r, next := rand.New(rand.NewPCG(seed, uint64(i))), rand.New(rand.NewPCG(seed, uint64(10+i)))
		running.Go(func() {
			for time.Now().Before(stop) {
				s.publish(r)
			}
		})
		running.Go(func() {
			for time.Now().Before(stop) {
				s.visit(rand.New(rand.NewPCG(seed, next.Uint64())))
			}
		})
	}
	running.Wait()
	if err := s.bus.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for name, w := range all {
		if st := w.Stats(); st.Handled != s.published.Load() || st.Accepted != st.Handled {
			t.Errorf("%d events were published, and %s has %+v", s.published.Load(), name, st)
		}
	}
	s.check()
}

func newSoak(t *testing.T) *soak {
	s := &soak{t: t}
	s.bus = bus.New(bus.KeepLast("a.#", 5), bus.OnError(func(*bus.Subscription, error) { s.failures.Add(1) }))
	for i := range 3 {
		s.plain = append(s.plain, publisher[msg](t, s.bus, topic.Name(fmt.Sprint("a.", i))))
	}
	var err error
	if s.keyed, err = bus.NewKeyedPublisher[msg](s.bus, topic.MustFamily("a.k", "go")); err != nil {
		t.Fatal(err)
	}
	return s
}

// witnesses hear everything, wait for room, and never fail.
func (s *soak) witnesses() map[string]*bus.Subscription {
	all := map[string]*bus.Subscription{}
	for name, p := range map[string]transport.Profile{
		"plain": {Capacity: 16}, "by key": {Order: transport.OrderKey, Concurrency: 3}, "in bytes": {CapacityBytes: 64, TTL: time.Hour},
	} {
		sub, err := bus.SubscribeAny(s.bus, "a.#", func(context.Context, *bus.AnyEvent) error { return nil }, bus.WithProfile(p))
		if err != nil {
			s.t.Fatal(err)
		}
		all[name] = sub
	}
	return all
}

// publish publishes something; what direct handlers or full queues say about it does
// not keep it from the others.
func (s *soak) publish(r *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	m, key := &msg{"text"}, fmt.Sprint("key", r.IntN(5))
	n := uint64(1)
	p := s.plain[r.IntN(len(s.plain))]
	switch r.IntN(5) {
	case 0:
		_ = s.keyed.Publish(ctx, key, m)
	case 1:
		n = 3
		_ = p.PublishBatch(ctx, []*msg{m, m, m})
	case 2:
		if _, err := bus.Request[msg, msg](ctx, p, m); errors.Is(err, context.DeadlineExceeded) {
			s.t.Errorf("a request: %v", err)
		}
	case 3:
		_ = p.PublishAs(ctx, fmt.Sprint(r.IntN(100)), m)
	default:
		_ = p.Publish(ctx, m)
	}
	s.published.Add(n)
}

// visit subscribes for a while.
func (s *soak) visit(r *rand.Rand) {
	patterns := []topic.Pattern{"#", "a.*", "a.1", "a.k.#", "a.k.key1.go", "+.0"}
	pattern := patterns[r.IntN(len(patterns))]
	sub, err := s.subscribe(pattern, r)
	if err != nil {
		s.t.Errorf("%s: %v", pattern, err)
		return
	}
	time.Sleep(time.Duration(r.IntN(3000)) * time.Microsecond)
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(10000))*time.Microsecond)
	defer cancel()
	if err := sub.Close(ctx); err != nil && !errors.Is(err, bus.ErrDrainTimeout) {
		s.t.Error(err)
	}
	if err := sub.Close(context.Background()); err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = append(s.closed, sub)
}

func (s *soak) subscribe(pattern topic.Pattern, r *rand.Rand) (*bus.Subscription, error) {
	p := transport.Profile{
		Capacity: 1 + r.IntN(20), Overflow: transport.Overflow(r.IntN(4)), Order: transport.Order(r.IntN(2)), Concurrency: r.IntN(4),
		DedupWindow: r.IntN(10), PublishTimeout: time.Millisecond, DeadLetter: r.IntN(2) == 0,
		Retry: transport.Retry{Attempts: r.IntN(4), Initial: time.Millisecond, Jitter: 0.5},
	}
	opts := []bus.SubscribeOption{bus.WithProfile(p)}
	switch r.IntN(4) {
	case 0:
		opts = []bus.SubscribeOption{bus.Direct()}
	case 1:
		opts = append(opts, bus.Replay())
	case 2:
		opts = append(opts, bus.Group("workers", bus.LeastLoaded))
	}
	if r.IntN(3) == 0 {
		opts = append(opts, bus.WhereAny(func(e *bus.AnyEvent) bool { return len(e.Topic()) > 3 }))
	}
	if r.IntN(3) == 0 {
		opts = append(opts, bus.Responder())
	}
	var mu sync.Mutex
	r = rand.New(rand.NewPCG(r.Uint64(), 1))
	return bus.SubscribeAny(s.bus, pattern, func(_ context.Context, e *bus.AnyEvent) error {
		mu.Lock()
		what := r.IntN(20)
		mu.Unlock()
		return s.handle(what, e)
	}, opts...)
}

func (s *soak) handle(what int, e *bus.AnyEvent) error {
	switch what {
	case 0:
		return errBroken
	case 1:
		return bus.Permanent(errBroken)
	case 2:
		panic(errBroken)
	case 3:
		time.Sleep(100 * time.Microsecond)
	case 4:
		e.Respond(e.Clone().Value())
	case 5:
		runtime.Gosched()
	}
	return nil
}

// check wants all figures to add up.
func (s *soak) check() {
	var sum bus.Stats
	for _, sub := range s.closed {
		st := sub.Stats()
		total := st.Handled + st.Dead + st.Dropped + st.Expired + st.Duplicate + st.Passed + st.Left + uint64(st.Waiting+st.InFlight)
		if st.Accepted != total || st.Waiting+st.InFlight != 0 {
			s.t.Errorf("%s: %d accounted for: %+v", sub.Pattern(), total, st)
		}
		sum.Accepted, sum.Handled, sum.Failed = sum.Accepted+st.Accepted, sum.Handled+st.Handled, sum.Failed+st.Failed
		sum.Dead, sum.Dropped, sum.Passed = sum.Dead+st.Dead, sum.Dropped+st.Dropped, sum.Passed+st.Passed
		sum.Left, sum.Duplicate, sum.Retried = sum.Left+st.Left, sum.Duplicate+st.Duplicate, sum.Retried+st.Retried
	}
	s.t.Logf("%d published, %d subscriptions: %+v; %d errors told of", s.published.Load(), len(s.closed), sum, s.failures.Load())
}
