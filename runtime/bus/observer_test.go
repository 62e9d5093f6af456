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
	"github.com/xsgen/xsgen/runtime/transport"
)

// witness is an observer that notes everything, with the ids as 1, 2, 3.
type witness struct {
	mu  sync.Mutex
	ids []string
	log []string
}

type traceKey struct{}

func (w *witness) note(e *bus.AnyEvent, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.ids, e.ID())
	if i < 0 {
		i = len(w.ids)
		w.ids = append(w.ids, e.ID())
	}
	w.log = append(w.log, fmt.Sprintf("%d %s", i+1, fmt.Sprintf(format, args...)))
}

func (w *witness) Publish(ctx context.Context, e *bus.AnyEvent) (context.Context, func(error)) {
	kept := e.Clone()
	w.note(e, "publish %s %s", e.Topic(), e.Value().(*msg).text)
	return context.WithValue(ctx, traceKey{}, e.ID()), func(err error) { w.note(kept, "published %v", err) }
}

func (w *witness) Handle(ctx, published context.Context, s *bus.Subscription, e *bus.AnyEvent, attempt int) (context.Context, func(error)) {
	kept := e.Clone()
	w.note(e, "handle %s %d, traced: %v", s.Pattern(), attempt, published.Value(traceKey{}) == e.ID())
	return context.WithValue(ctx, traceKey{}, "handler of "+e.ID()), func(err error) { w.note(kept, "handled %s %v", s.Pattern(), err) }
}

func (w *witness) Lose(s *bus.Subscription, e *bus.AnyEvent, why bus.Loss) {
	w.note(e, "%v %s", why, s.Pattern())
}

func TestObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &witness{}
		b := bus.New(bus.WithObserver(w), bus.OnError(func(*bus.Subscription, error) {}))
		p := publisher[msg](t, b, "a.b")
		traced := func(ctx context.Context, e *bus.Event[msg]) error {
			if ctx.Value(traceKey{}) != "handler of "+e.ID() {
				t.Errorf("the handler's ctx is not the observer's: %v", ctx.Value(traceKey{}))
			}
			if e.Value().text == "bad" {
				return errBroken
			}
			return nil
		}
		subscribe(t, b, "a.b", traced)
		release := make(chan struct{})
		s, err := bus.Subscribe(b, "a.*", func(ctx context.Context, e *bus.Event[msg]) error {
			<-release
			return traced(ctx, e)
		}, bus.WithProfile(transport.Profile{Capacity: 2, Overflow: transport.DropNewest, Retry: transport.Retry{Attempts: 2, Initial: time.Second}}))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"bad", "good", "lost"} {
			if err := p.Publish(t.Context(), &msg{text}); text == "bad" != errors.Is(err, errBroken) {
				t.Error(err)
			}
			synctest.Wait()
		}
		close(release)
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		// The queue's goroutine goes on while the publisher is told of its publish.
		var publisher, queue []string
		for _, line := range w.log {
			if strings.Contains(line, "a.*") {
				queue = append(queue, line)
			} else {
				publisher = append(publisher, line)
			}
		}
		want := `1 publish a.b bad
1 handle a.b 1, traced: true
1 handled a.b broken
1 published broken
2 publish a.b good
2 handle a.b 1, traced: true
2 handled a.b <nil>
2 published <nil>
3 publish a.b lost
3 handle a.b 1, traced: true
3 handled a.b <nil>
3 published <nil>
1 handle a.* 1, traced: true
3 dropped a.*
1 handled a.* broken
2 handle a.* 1, traced: true
2 handled a.* <nil>
1 handle a.* 2, traced: true
1 handled a.* broken
1 dead a.*`
		if got := strings.Join(append(publisher, queue...), "\n"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// TestObserverOfTheRest sees requests, batches, panics, what expires, comes twice, or is
// left.
func TestObserverOfTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &witness{}
		b := bus.New(bus.WithObserver(w), bus.OnError(func(*bus.Subscription, error) {}))
		p := publisher[msg](t, b, "a.b")
		s, err := bus.SubscribeBatch(b, "#", func(ctx context.Context, events []*bus.Event[msg]) error {
			<-ctx.Done()
			panic("at the end")
		}, bus.WithProfile(transport.Profile{BatchSize: 2, BatchTimeout: time.Second, TTL: time.Minute, DedupWindow: 4}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bus.Respond(b, "a.b", func(_ context.Context, e *bus.Event[msg]) (*msg, error) { return e.Value(), nil }); err != nil {
			t.Fatal(err)
		}
		if err := p.PublishBatch(t.Context(), []*msg{{"a"}, {"b"}}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := bus.Request[msg, msg](t.Context(), p, &msg{"c"}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Close(ctx); !errors.Is(err, bus.ErrDrainTimeout) {
			t.Error(err)
		}
		synctest.Wait()
		log := strings.Join(w.log, "\n")
		for _, want := range []string{"1 handle a.b 1, traced: true", "2 handle a.b 1, traced: true", "1 handle # 1, traced: true", "2 handle # 1", "3 handled a.b <nil>",
			"3 published <nil>", "1 handled # xsgen: a handler panicked", "1 left #", "2 left #", "3 left #"} {
			if strings.Count(log, want) != 1 {
				t.Errorf("%q is there %d times in\n%s", want, strings.Count(log, want), log)
			}
		}
	})
}
