package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
)

func TestReplay(t *testing.T) {
	b := bus.New(bus.KeepLast("event.m.#", 2), bus.KeepLast("emit.#", 1))
	keyed, err := bus.NewKeyedPublisher[msg](b, topic.MustFamily("event.m", "go"))
	if err != nil {
		t.Fatal(err)
	}
	plain, other := publisher[msg](t, b, "emit.m.said"), publisher[msg](t, b, "state.m.on")
	send := func(publish func(context.Context, *msg) error, texts ...string) {
		for _, text := range texts {
			if err := publish(t.Context(), &msg{text}); err != nil {
				t.Fatal(err)
			}
		}
	}
	k1 := func(ctx context.Context, m *msg) error { return keyed.Publish(ctx, "k1", m) }
	send(k1, "a")
	if err := keyed.PublishBatch(t.Context(), "k1", []*msg{{"b"}, {"c"}}); err != nil {
		t.Fatal(err)
	}
	send(func(ctx context.Context, m *msg) error { return keyed.Publish(ctx, "k2", m) }, "d")
	send(plain.Publish, "e", "f")
	send(other.Publish, "g")
	got := map[string][]string{}
	var mu sync.Mutex
	for name, opts := range map[string][]bus.SubscribeOption{
		"#":             {bus.Queued(10), bus.Replay()},
		"event.m.k1.go": {bus.Queued(10), bus.Replay()},
		"emit.#":        {bus.Queued(10)},
		"event.#":       {bus.Queued(2), bus.Replay(), bus.Where(func(e *bus.Event[msg]) bool { return e.Key() == "k1" && e.Value().text != "b" })},
	} {
		if _, err := bus.Subscribe(b, topic.Pattern(name), func(_ context.Context, e *bus.Event[msg]) error {
			mu.Lock()
			defer mu.Unlock()
			got[name] = append(got[name], e.Value().text)
			return nil
		}, opts...); err != nil {
			t.Fatal(err)
		}
	}
	send(k1, "h")
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := got["#"]
	slices.Sort(all)
	if s := fmt.Sprint(strings.Join(all, ""), got["event.m.k1.go"], got["emit.#"], got["event.#"]); s != "bcdfh[b c h] [] [c h]" {
		t.Errorf("got %s", s)
	}
	if _, err := bus.Subscribe(bus.New(), "a", func(context.Context, *bus.Event[msg]) error { return nil }, bus.Replay()); err == nil {
		t.Error("a direct subscription was replayed to")
	}
}

// TestReplayMissesNothing subscribes while somebody publishes: what it hears has no
// gap, and nothing twice.
func TestReplayMissesNothing(t *testing.T) {
	b := bus.New(bus.KeepLast("#", 8))
	p := publisher[order](t, b, "a")
	stop := make(chan struct{})
	var publishing sync.WaitGroup
	publishing.Go(func() {
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
				publish(t, p, &order{i})
			}
		}
	})
	for range 200 {
		last := 0
		s, err := bus.Subscribe(b, "a", func(_ context.Context, e *bus.Event[order]) error {
			if last != 0 && e.Value().id != last+1 {
				t.Errorf("%d comes after %d", e.Value().id, last)
			}
			last = e.Value().id
			return nil
		}, bus.Queued(64), bus.Replay())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	publishing.Wait()
}

// TestReplayThatIsRefused: a group's members would each have what is kept, and a filter
// that panics is Subscribe's error, after which there is no subscription.
func TestReplayThatIsRefused(t *testing.T) {
	b := bus.New(bus.KeepLast("#", 5))
	first, second := publisher[order](t, b, "a.1"), publisher[order](t, b, "a.2")
	publish(t, first, &order{1})
	publish(t, second, &order{2})
	none := func(context.Context, *bus.Event[order]) error { t.Error("an event came"); return nil }
	if _, err := bus.Subscribe(b, "a.*", none, bus.Queued(5), bus.Replay(), bus.Group("g", bus.RoundRobin)); err == nil {
		t.Error("a member of a group")
	}
	keep := func(e *bus.Event[order]) bool {
		if e.Value().id == 2 {
			panic("no")
		}
		return false
	}
	var p *bus.PanicError
	if _, err := bus.Subscribe(b, "a.*", none, bus.Queued(5), bus.Replay(), bus.Where(keep)); !errors.As(err, &p) {
		t.Errorf("a filter that panics: %v", err)
	}
	if err := first.Publish(t.Context(), &order{2}); err != nil { // or the filter would be asked again
		t.Error(err)
	}
}
