package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// msg is an event that can be encoded.
type msg struct{ text string }

func (m *msg) AppendMsgpack(b []byte) ([]byte, error) { return codec.AppendString(b, m.text, nil) }

// rig is a bus with a keyed and an unkeyed topic of messages.
type rig struct {
	t     *testing.T
	bus   *bus.Bus
	keyed *bus.KeyedPublisher[msg]
	plain *bus.Publisher[msg]
	mu    sync.Mutex
	errs  []error
	log   []string
	start time.Time
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, start: time.Now()}
	r.bus = bus.New(bus.OnError(func(_ *bus.Subscription, err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.errs = append(r.errs, err)
	}))
	var err error
	if r.keyed, err = bus.NewKeyedPublisher[msg](r.bus, topic.MustFamily("event.m", "go")); err != nil {
		t.Fatal(err)
	}
	r.plain = publisher[msg](t, r.bus, "emit.m.said")
	return r
}

// send publishes texts under a key; without one they go to the unkeyed topic.
func (r *rig) send(key string, texts ...string) {
	r.t.Helper()
	for _, text := range texts {
		err := r.plain.Publish
		if key != "" {
			err = func(ctx context.Context, m *msg) error { return r.keyed.Publish(ctx, key, m) }
		}
		if err := err(r.t.Context(), &msg{text}); err != nil {
			r.t.Error(err)
		}
	}
}

// note logs what happens, with the time since the beginning.
func (r *rig) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, fmt.Sprintf(format, args...)+" "+time.Since(r.start).String())
}

func (r *rig) wants(want ...string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.log, want) {
		r.t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(r.log, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// balanced fails unless everything that s has accepted is accounted for.
func (r *rig) balanced(s *bus.Subscription, want bus.Stats) {
	r.t.Helper()
	st := s.Stats()
	if st != want {
		r.t.Errorf("stats\n%+v, want\n%+v", st, want)
	}
	sum := st.Handled + st.Dead + st.Dropped + st.Expired + st.Duplicate + st.Passed + st.Left + uint64(st.Waiting+st.InFlight)
	if st.Accepted != sum {
		r.t.Errorf("%d were accepted, and %d are accounted for: %+v", st.Accepted, sum, st)
	}
}

var errBroken = errors.New("broken")

// slow is a profile whose second and third attempt come after 1 and 2 seconds.
func slow() transport.Profile {
	return transport.Profile{Retry: transport.Retry{Attempts: 3, Initial: time.Second}, DeadLetter: true}
}

func TestRetry(t *testing.T) {
	for _, tt := range []struct {
		order transport.Order
		want  []string
	}{
		{transport.OrderNone, []string{"a1 0s", "b1 0s", "a2 0s", "a1 1s", "a1 3s"}},
		{transport.OrderKey, []string{"a1 0s", "b1 0s", "a1 1s", "a1 3s", "a2 3s"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			p := slow()
			p.Order = tt.order
			s := subscribe(t, r.bus, "event.m.#", func(_ context.Context, e *bus.Event[msg]) error {
				r.note("%s", e.Value().text)
				if e.Value().text == "a1" {
					return errBroken
				}
				return nil
			}, bus.WithProfile(p))
			r.send("a", "a1")
			r.send("b", "b1")
			r.send("a", "a2")
			time.Sleep(time.Minute)
			synctest.Wait()
			r.wants(tt.want...)
			r.balanced(s, bus.Stats{Accepted: 3, Handled: 2, Failed: 3, Retried: 2, Dead: 1})
			for i, err := range r.errs {
				var he *bus.HandlerError
				if !errors.As(err, &he) || !errors.Is(err, errBroken) || he.Attempt != i+1 || he.Retry != (i < 2) || he.Key != "a" || he.Topic != "event.m.a.go" {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
}

func TestDeadLetter(t *testing.T) {
	for name, h := range map[string]bus.Handler[msg]{
		"permanent": func(context.Context, *bus.Event[msg]) error { return bus.Permanent(errBroken) },
		"panic":     func(context.Context, *bus.Event[msg]) error { panic(bus.Permanent(errBroken)) },
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			var letters []*transport.Failure
			subscribe(t, r.bus, "error.#", func(_ context.Context, e *bus.Event[transport.Failure]) error {
				letters = append(letters, e.Value())
				r.note("%s %s", e.Topic(), e.Key())
				return nil
			})
			s := subscribe(t, r.bus, "#", h, bus.WithProfile(slow()))
			r.send("a b", "x")
			synctest.Wait()
			r.send("", "y")
			synctest.Wait()
			r.wants("error.m.a%20b.dead a b 0s", "error.m.dead  0s")
			r.balanced(s, bus.Stats{Accepted: 2, Failed: 2, Dead: 2})
			if len(letters) != 2 {
				t.Fatal(name, letters)
			}
			f := *letters[0]
			if f.Kind != "dead" || f.Machine != "m" || f.Key != "a b" || f.Event != "go" || f.Topic != "event.m.a%20b.go" ||
				!strings.Contains(f.Message, "broken") || f.Attempts != 1 || string(f.Original) != "\xa1x" {
				t.Errorf("%s: %+v", name, f)
			}
		})
	}
}

// TestDeadLetterOfADeadLetter has a handler of dead letters fail: that must end.
func TestDeadLetterOfADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, err := bus.SubscribeAny(r.bus, "#", func(context.Context, *bus.AnyEvent) error { return errBroken }, bus.WithProfile(transport.Profile{DeadLetter: true}))
		if err != nil {
			t.Fatal(err)
		}
		r.send("", "x")
		synctest.Wait()
		if err := r.bus.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.balanced(s, bus.Stats{Accepted: 2, Failed: 2, Dead: 2})
	})
}

func TestGoexitOfAQueuedHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s := subscribe(t, r.bus, "emit.#", func(_ context.Context, e *bus.Event[msg]) error {
			r.note("%s", e.Value().text)
			if e.Value().text == "bad" {
				(&testing.T{}).SkipNow()
			}
			return nil
		}, bus.WithProfile(transport.Profile{Retry: transport.Retry{Attempts: 2, Initial: time.Second}}))
		r.send("", "bad", "good", "better")
		time.Sleep(time.Minute)
		synctest.Wait()
		r.wants("bad 0s", "good 0s", "better 0s", "bad 1s")
		r.balanced(s, bus.Stats{Accepted: 3, Handled: 2, Failed: 2, Retried: 1, Dead: 1})
	})
}

func TestTTLAndDedup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s := subscribe(t, r.bus, "emit.#", func(_ context.Context, e *bus.Event[msg]) error {
			r.note("%s", e.Value().text)
			time.Sleep(time.Second)
			return nil
		}, bus.WithProfile(transport.Profile{TTL: 1500 * time.Millisecond, DedupWindow: 2}))
		for i, id := range []string{"1", "1", "2", "3", "4"} {
			if err := r.plain.PublishAs(t.Context(), id, &msg{fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		for i, id := range []string{"2", "5", "1"} { // for 5 the oldest is forgotten; what has expired never was remembered
			if err := r.plain.PublishAs(t.Context(), id, &msg{fmt.Sprint(5 + i)}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		r.wants("0 0s", "2 1s", "6 1m0s", "7 1m1s")
		r.balanced(s, bus.Stats{Accepted: 8, Handled: 4, Expired: 2, Duplicate: 2})
	})
}

func TestOverflow(t *testing.T) {
	for _, tt := range []struct {
		profile transport.Profile
		want    string
		stats   bus.Stats
		err     error
	}{
		{transport.Profile{Capacity: 2, Overflow: transport.DropOldest}, "1 4", bus.Stats{Accepted: 4, Handled: 2, Dropped: 2}, nil},
		{transport.Profile{Capacity: 2, Overflow: transport.DropNewest}, "1 2", bus.Stats{Accepted: 4, Handled: 2, Dropped: 2}, nil},
		{transport.Profile{Capacity: 2, Overflow: transport.Reject}, "1 2", bus.Stats{Accepted: 2, Handled: 2}, bus.ErrFull},
		{transport.Profile{Capacity: 2, PublishTimeout: time.Second}, "1 2", bus.Stats{Accepted: 2, Handled: 2}, bus.ErrTimeout},
		{transport.Profile{CapacityBytes: 4, Overflow: transport.Reject}, "1 2", bus.Stats{Accepted: 2, Handled: 2}, bus.ErrFull},
		{transport.Profile{CapacityBytes: 1}, "", bus.Stats{}, bus.ErrTooLarge},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			release := make(chan struct{})
			var got []string
			s := subscribe(t, r.bus, "emit.#", func(_ context.Context, e *bus.Event[msg]) error {
				<-release
				got = append(got, e.Value().text)
				return nil
			}, bus.WithProfile(tt.profile))
			for i := range 4 {
				err := r.plain.Publish(t.Context(), &msg{fmt.Sprint(i + 1)})
				if !errors.Is(err, tt.err) && (err != nil || tt.err == nil) {
					t.Errorf("%+v: %v", tt.profile, err)
				}
				synctest.Wait()
			}
			close(release)
			if err := r.bus.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("%+v: handled %v, want %s", tt.profile, got, tt.want)
			}
			r.balanced(s, tt.stats)
		})
	}
}

func TestConcurrency(t *testing.T) {
	for _, tt := range []struct {
		order transport.Order
		most  int // of one key at once
	}{{transport.OrderNone, 4}, {transport.OrderKey, 1}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			running, most, mostOfA, runningA := 0, 0, 0, 0
			var mu sync.Mutex
			count := func(key string, d int) {
				mu.Lock()
				defer mu.Unlock()
				if running += d; key == "a" {
					runningA += d
				}
				most, mostOfA = max(most, running), max(mostOfA, runningA)
			}
			last := map[string]string{}
			subscribe(t, r.bus, "event.#", func(_ context.Context, e *bus.Event[msg]) error {
				count(e.Key(), 1)
				defer count(e.Key(), -1)
				time.Sleep(time.Second)
				mu.Lock()
				defer mu.Unlock()
				if tt.order == transport.OrderKey && last[e.Key()] >= e.Value().text {
					t.Errorf("%s after %s", e.Value().text, last[e.Key()])
				}
				last[e.Key()] = e.Value().text
				return nil
			}, bus.WithProfile(transport.Profile{Concurrency: 4, Order: tt.order}))
			r.send("a", "a1", "a2", "a3", "a4")
			for i := range 200 { // so that every lane has some
				r.send(fmt.Sprint("k", i), fmt.Sprint("k", i))
			}
			if err := r.bus.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if most != 4 || mostOfA != tt.most {
				t.Errorf("order %d: %d at once, %d of one key; want 4 and %d", tt.order, most, mostOfA, tt.most)
			}
		})
	}
}

func TestProfilesThatAreRefused(t *testing.T) {
	b := bus.New()
	for _, p := range []transport.Profile{
		{Durable: transport.DurableRequired}, {Capacity: -1}, {BatchSize: 2000}, {Overflow: 9}, {Retry: transport.Retry{Jitter: 2}},
	} {
		if _, err := bus.Subscribe(b, "a", func(context.Context, *bus.Event[msg]) error { return nil }, bus.WithProfile(p)); !errors.Is(err, transport.ErrInvalidProfile) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	for _, p := range []transport.Profile{{}, transport.HighThroughput(), transport.LowLatency(), transport.Reliable()} {
		if err := bus.CheckProfile(p); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
	if _, err := bus.Subscribe[msg](b, "a", nil); !errors.Is(err, bus.ErrNilHandler) {
		t.Errorf("without a handler: %v", err)
	}
	s := subscribe(t, b, "n", func(context.Context, *bus.Event[order]) error { return nil }, bus.WithProfile(transport.Profile{CapacityBytes: 10}))
	if err := publisher[order](t, b, "n").Publish(t.Context(), &order{}); err == nil || !strings.Contains(err.Error(), "AppendMsgpack") {
		t.Errorf("bytes that cannot be counted: %v, %+v", err, s.Stats())
	}
}

func TestWhere(t *testing.T) {
	r := newRig(t)
	long := bus.Where(func(e *bus.Event[msg]) bool { return len(e.Value().text) > 1 })
	hear := func(name string, opts ...bus.SubscribeOption) *bus.Subscription {
		return subscribe(t, r.bus, "#", func(_ context.Context, e *bus.Event[msg]) error {
			r.note("%s %s", name, e.Value().text)
			return nil
		}, opts...)
	}
	s := hear("direct", long)
	q := hear("queued", bus.Queued(3), bus.WhereAny(func(e *bus.AnyEvent) bool { return e.Key() == "k" }))
	r.start = time.Now().Add(time.Hour)
	r.send("", "a", "bc")
	r.send("k", "d")
	if err := r.bus.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range r.log {
		got = append(got, l[:strings.LastIndex(l, " ")])
	}
	if want := []string{"direct bc", "queued d"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if s.Stats().Filtered != 2 || q.Stats().Filtered != 2 || q.Stats().Accepted != 1 {
		t.Errorf("%+v, %+v", s.Stats(), q.Stats())
	}
	b := bus.New()
	publisher[msg](t, b, "a")
	if _, err := bus.Subscribe(b, "a", func(context.Context, *bus.Event[msg]) error { return nil }, bus.Where(func(*bus.Event[order]) bool { return true })); !errors.Is(err, bus.ErrTypeMismatch) {
		t.Errorf("a filter of another type: %v", err)
	}
}

func TestHandlerTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for _, opt := range []bus.SubscribeOption{bus.Direct(), bus.Queued(1)} {
			subscribe(t, r.bus, "emit.#", func(ctx context.Context, _ *bus.Event[msg]) error {
				<-ctx.Done()
				r.note("%v", ctx.Err())
				return nil
			}, opt, bus.HandlerTimeout(time.Minute))
		}
		r.send("", "a")
		time.Sleep(time.Hour)
		r.wants("context deadline exceeded 1m0s", "context deadline exceeded 2m0s")
	})
}

// TestCloseWaitsForRetries closes while an event waits for its next attempt, once
// with time enough and once without.
func TestCloseWaitsForRetries(t *testing.T) {
	for _, enough := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			p := slow()
			p.Order = transport.OrderKey
			s, err := bus.Subscribe(r.bus, "event.#", func(_ context.Context, e *bus.Event[msg]) error {
				r.note("%s", e.Value().text)
				return errBroken
			}, bus.WithProfile(p))
			if err != nil {
				t.Fatal(err)
			}
			r.send("a", "a1", "a2")
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			if enough {
				ctx = t.Context()
			}
			err = s.Close(ctx)
			var de *transport.DrainError
			if enough && err != nil || !enough && (!errors.As(err, &de) || de.Left != 2) {
				t.Errorf("Close: %v", err)
			}
			time.Sleep(time.Hour)
			if enough {
				r.wants("a1 0s", "a1 1s", "a1 3s", "a2 3s", "a2 4s", "a2 6s")
				r.balanced(s, bus.Stats{Accepted: 2, Failed: 6, Retried: 4, Dead: 2})
			} else {
				r.wants("a1 0s", "a1 1s")
				r.balanced(s, bus.Stats{Accepted: 2, Failed: 2, Retried: 2, Left: 2})
			}
		})
	}
}
