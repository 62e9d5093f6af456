package bus_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
)

// chosen notes which handlers have had which events, and what was asked for.
type chosen struct {
	mu    sync.Mutex
	round int
	asked []topic.Pattern
	had   []string
}

// choose returns another handler in each round.
func (c *chosen) choose(template topic.Pattern) bus.AnyHandler {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, template)
	by := fmt.Sprintf("%s by %d", template, c.round)
	return func(_ context.Context, e *bus.AnyEvent) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.had = append(c.had, fmt.Sprintf("%v on %s", *e.Value().(*int), by))
		return nil
	}
}

func (c *chosen) next() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.round, c.asked = c.round+1, nil
}

// TestSubscribeEach asks for a handler once for each topic and family, and anew when it is
// told to, whatever way events come.
func TestSubscribeEach(t *testing.T) {
	for name, opts := range map[string][]bus.SubscribeOption{
		"direct": nil, "queued": {bus.Queued(0)}, "in a group": {bus.Queued(0), bus.Group("g", bus.RoundRobin)},
	} {
		t.Run(name, func(t *testing.T) {
			b, c, ctx := bus.New(), &chosen{}, t.Context()
			early, err := bus.NewPublisher[int](b, "a.early")
			if err != nil {
				t.Fatal(err)
			}
			s, err := bus.SubscribeEach(b, "a.#", c.choose, opts...)
			if err != nil {
				t.Fatal(err)
			}
			late, err := bus.NewPublisher[int](b, "a.late")
			if err != nil {
				t.Fatal(err)
			}
			keyed, err := bus.NewKeyedPublisher[int](b, topic.MustFamily("a.of", "x"))
			if err != nil {
				t.Fatal(err)
			}
			if want := []topic.Pattern{"a.early", "a.late", "a.of.+.x"}; !slices.Equal(c.asked, want) {
				t.Errorf("asked for %v, want %v", c.asked, want)
			}
			publish := func(n int) {
				t.Helper()
				for _, err := range []error{early.Publish(ctx, &n), late.Publish(ctx, &n), keyed.Publish(ctx, "k", &n), keyed.Publish(ctx, "l", &n), early.Publish(ctx, &n)} {
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			publish(1)
			for s.Stats().Waiting+s.Stats().InFlight > 0 { // the handlers of the first round are to have these
				runtime.Gosched()
			}
			c.next()
			s.Rechoose()
			if slices.Sort(c.asked); !slices.Equal(c.asked, []topic.Pattern{"a.early", "a.late", "a.of.+.x"}) {
				t.Errorf("asked again for %v", c.asked)
			}
			publish(2)
			if err := b.Close(ctx); err != nil {
				t.Fatal(err)
			}
			var want []string
			for n := range 2 {
				for _, p := range []string{"a.early", "a.late", "a.of.+.x", "a.of.+.x", "a.early"} {
					want = append(want, fmt.Sprintf("%d on %s by %d", n+1, p, n))
				}
			}
			if !slices.Equal(c.had, want) {
				t.Errorf("%v, want %v", c.had, want)
			}
		})
	}
}

// TestSubscribeEachOfNothing refuses to choose by nothing; other subscriptions have nothing
// to choose.
func TestSubscribeEachOfNothing(t *testing.T) {
	b := bus.New()
	if _, err := bus.SubscribeEach(b, "a.b", nil); err != bus.ErrNilHandler {
		t.Errorf("%v", err)
	}
	s, err := bus.SubscribeAny(b, "a.b", func(context.Context, *bus.AnyEvent) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	s.Rechoose()
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestInHandler knows the handlers of its own bus, and nothing else.
func TestInHandler(t *testing.T) {
	b, other, ctx := bus.New(), bus.New(), t.Context()
	got := make(chan [2]bool, 2)
	ask := func(context.Context, *bus.AnyEvent) error {
		got <- [2]bool{b.InHandler(), other.InHandler()}
		return nil
	}
	for p, o := range map[topic.Pattern]bus.SubscribeOption{"a.queued": bus.Queued(0), "a.direct": bus.Direct()} {
		if _, err := bus.SubscribeAny(b, p, ask, o); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[topic.Name][2]bool{"a.queued": {true, false}, "a.direct": {true, true}} {
		p, err := bus.NewPublisher[int](b, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Publish(ctx, new(int)); err != nil {
			t.Fatal(err)
		}
		if is := <-got; is != want {
			t.Errorf("%s: %v, want %v", name, is, want)
		}
	}
	if b.InHandler() {
		t.Error("a test is no handler")
	}
	for _, b := range []*bus.Bus{b, other} {
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}
