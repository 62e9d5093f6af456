package bus_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// crowd are several who hear the topics of a family: one has a queue for one event, and does not
// get on with it until it is told to.
type crowd struct {
	bus  *bus.Bus
	to   *bus.KeyedPublisher[order]
	room chan struct{} // the slow one goes on when it is closed

	mu  sync.Mutex
	got map[string][]int
}

func newCrowd(t *testing.T) *crowd {
	c := &crowd{bus: bus.New(), room: make(chan struct{}), got: map[string][]int{}}
	var err error
	if c.to, err = bus.NewKeyedPublisher[order](c.bus, topic.MustFamily("event.order", "paid")); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *crowd) hears(t *testing.T, name string, pattern topic.Pattern, opts ...bus.SubscribeOption) {
	subscribe(t, c.bus, pattern, func(_ context.Context, e *bus.Event[order]) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.got[name] = append(c.got[name], e.Value().id)
		return nil
	}, opts...)
}

// isSlow adds the slow one.
func (c *crowd) isSlow(t *testing.T, pattern topic.Pattern, opts ...bus.SubscribeOption) {
	subscribe(t, c.bus, pattern, func(_ context.Context, e *bus.Event[order]) error {
		<-c.room
		c.mu.Lock()
		defer c.mu.Unlock()
		c.got["slow"] = append(c.got["slow"], e.Value().id)
		return nil
	}, opts...)
}

func (c *crowd) expect(t *testing.T, when string, want map[string][]int) {
	t.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, ids := range want {
		if !slices.Equal(c.got[name], ids) {
			t.Errorf("%s: %s has %v, want %v", when, name, c.got[name], ids)
		}
	}
}

// TestWhoeverIsFull holds its publisher up, and nobody else who hears the event: those who have
// subscribed later, or to one key, or are served last, be they direct or queued.
func TestWhoeverIsFull(t *testing.T) {
	const all, key = "event.order.+.paid", "event.order.k.paid"
	one := transport.Profile{Capacity: 1}
	byKey := transport.Profile{Capacity: 1, Order: transport.OrderKey, Concurrency: 2}
	for name, slow := range map[string]struct {
		pattern topic.Pattern
		opts    []bus.SubscribeOption
	}{
		"a queue":                {all, []bus.SubscribeOption{bus.WithProfile(one)}},
		"a queue of a key":       {key, []bus.SubscribeOption{bus.WithProfile(one)}},
		"a queue with lanes":     {all, []bus.SubscribeOption{bus.WithProfile(byKey)}},
		"a queue with a filter":  {all, []bus.SubscribeOption{bus.WithProfile(one), bus.Where(func(*bus.Event[order]) bool { return true })}},
		"a member":               {all, []bus.SubscribeOption{bus.WithProfile(one), bus.Group("g", bus.RoundRobin)}},
		"a member that is stuck": {all, []bus.SubscribeOption{bus.WithProfile(one), bus.Group("g", bus.Sticky)}},
	} {
		for _, batch := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				c := newCrowd(t)
				c.isSlow(t, slow.pattern, slow.opts...)
				c.hears(t, "queued", all, bus.Queued(10))
				c.hears(t, "direct", all)
				c.hears(t, "keyed", key, bus.Queued(10))
				c.hears(t, "last", all, bus.Last())
				done := make(chan error, 1)
				publish := func(ids ...*order) { done <- c.to.PublishBatch(t.Context(), "k", ids) }
				if !batch {
					publish = func(ids ...*order) {
						var err error
						for _, v := range ids {
							err = errors.Join(err, c.to.Publish(t.Context(), "k", v))
						}
						done <- err
					}
				}
				publish(&order{1})
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				go publish(&order{2})
				others := func(ids ...int) map[string][]int {
					return map[string][]int{"queued": ids, "direct": ids, "keyed": ids, "last": ids}
				}
				c.expect(t, name, others(1, 2))
				if len(done) > 0 {
					t.Errorf("%s: the publish did not wait", name)
				}
				close(c.room)
				if err := <-done; err != nil {
					t.Errorf("%s: %v", name, err)
				}
				publish(&order{3}, &order{4}, &order{5})
				if err := <-done; err != nil {
					t.Errorf("%s: %v", name, err)
				}
				c.expect(t, name, others(1, 2, 3, 4, 5))
				c.expect(t, name, map[string][]int{"slow": {1, 2, 3, 4, 5}})
			})
		}
	}
}

// TestQueuesOnly is TestWhoeverIsFull where there is nobody but two queues, with a publisher that
// does not wait for ever.
func TestQueuesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		p, err := bus.NewKeyedPublisher[order](c.bus, topic.MustFamily("event.order", "paid"), bus.PublishTimeout(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		c.to = p
		c.isSlow(t, "event.order.+.paid", bus.Queued(1))
		c.hears(t, "queued", "event.order.+.paid", bus.Queued(10))
		if err := c.to.Publish(t.Context(), "k", &order{1}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := c.to.Publish(t.Context(), "k", &order{2}); !errors.Is(err, bus.ErrTimeout) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		done := make(chan error, 1)
		go func() { done <- c.to.Publish(t.Context(), "k", &order{3}) }()
		c.expect(t, "while one is full", map[string][]int{"queued": {1, 2, 3}})
		close(c.room)
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.expect(t, "at the end", map[string][]int{"slow": {1, 3}, "queued": {1, 2, 3}})
	})
}

// TestWhoeverIsLast may take long, and does not hold up a queue that was full and has room by
// now, with one event or several.
func TestWhoeverIsLast(t *testing.T) {
	for _, values := range [][]*order{{{2}}, {{2}, {3}}} {
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t)
			c.isSlow(t, "event.order.+.paid", bus.Queued(1))
			on := make(chan struct{})
			subscribe(t, c.bus, "event.order.+.paid", func(_ context.Context, e *bus.Event[order]) error {
				if e.Value().id > 1 {
					<-on
				}
				return nil
			}, bus.Last())
			if err := c.to.Publish(t.Context(), "k", &order{1}); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() {
				if len(values) > 1 {
					done <- c.to.PublishBatch(t.Context(), "k", values)
				} else {
					done <- c.to.Publish(t.Context(), "k", values[0])
				}
			}()
			synctest.Wait()
			close(c.room)
			c.expect(t, "who is last has it still", map[string][]int{"slow": []int{1, 2, 3}[:1+len(values)]})
			if len(done) > 0 {
				t.Error("the publish did not wait for who is last")
			}
			close(on)
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWhoeverIsFullIsAskedOnce whether it wants an event at all, and one that leaves meanwhile
// misses nothing.
func TestWhoeverIsFullIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		asked := 0
		slow := subscribe(t, c.bus, "event.order.+.paid", func(context.Context, *bus.Event[order]) error { <-c.room; return nil },
			bus.Queued(1), bus.Where(func(*bus.Event[order]) bool { asked++; return true }))
		c.hears(t, "direct", "event.order.+.paid")
		done := make(chan error, 1)
		for id := 1; id <= 2; id++ {
			go func() { done <- c.to.Publish(t.Context(), "k", &order{id}) }()
			synctest.Wait()
		}
		if asked != 2 {
			t.Errorf("it was asked %d times", asked)
		}
		closed := make(chan error, 1)
		go func() { closed <- slow.Close(t.Context()) }()
		synctest.Wait()
		close(c.room)
		if err := errors.Join(<-done, <-done, <-closed); err != nil {
			t.Error(err)
		}
		c.expect(t, "at the end", map[string][]int{"direct": {1, 2}})
	})
}

// TestWhoeverIsFullHoldsNoRequestUp: the responder has it before somebody else has room for a copy.
func TestWhoeverIsFullHoldsNoRequestUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t)
		c.isSlow(t, "event.order.+.paid", bus.Queued(1))
		c.hears(t, "asked", "event.order.+.paid", bus.Queued(10), bus.Responder())
		done := make(chan error, 2)
		for id := 1; id <= 2; id++ {
			go func() {
				_, err := bus.RequestKeyed[order, order](t.Context(), c.to, "k", &order{id})
				done <- err
			}()
			synctest.Wait()
		}
		c.expect(t, "while a copy waits", map[string][]int{"asked": {1, 2}})
		close(c.room)
		for range 2 {
			if err := <-done; !errors.Is(err, bus.ErrNoReply) {
				t.Error(err)
			}
		}
		c.expect(t, "at the end", map[string][]int{"slow": {1, 2}})
	})
}
