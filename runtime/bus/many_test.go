package bus_test

import (
	"context"
	"sync"
	"testing"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/transport"
)

// sent is which event of which publisher it is.
type sent struct{ publisher, number int }

// TestManyQueues has several publishers fill more queues than are filled at once, which are full
// time and again, every third of which drops what is oldest, and one of which is closed on the
// way. All others get everything, in the order of each publisher.
func TestManyQueues(t *testing.T) {
	const subscriptions, publishers, each, leaves = 40, 3, 200, 3
	b := bus.New()
	var calls [subscriptions]int
	var subs []*bus.Subscription
	for i := range subscriptions {
		p := transport.Profile{Capacity: 1 + i}
		if i%3 == 1 {
			p.Overflow = transport.DropOldest
		}
		last := map[int]int{}
		subs = append(subs, subscribe(t, b, "many.queues", func(_ context.Context, e *bus.Event[sent]) error {
			v := e.Value()
			if v.number <= last[v.publisher] {
				t.Errorf("%d: %d came after %d", i, v.number, last[v.publisher])
			}
			last[v.publisher] = v.number
			calls[i]++
			return nil
		}, bus.WithProfile(p)))
	}
	p, err := bus.NewPublisher[sent](b, "many.queues")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	for n := range publishers {
		done.Go(func() {
			for i := 1; i <= each; i++ {
				if err := p.Publish(t.Context(), &sent{n, i}); err != nil {
					t.Error(err)
				}
				if n == 0 && i == each/2 {
					_ = subs[leaves].Close(t.Context())
				}
			}
		})
	}
	done.Wait()
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, s := range subs {
		st := s.Stats()
		if uint64(calls[i]) != st.Handled || st.Accepted != st.Handled+st.Dropped || i%3 != 1 && st.Dropped > 0 {
			t.Errorf("%d: %d calls, %+v", i, calls[i], st)
		}
		if i != leaves && st.Accepted != publishers*each {
			t.Errorf("%d: %d were accepted", i, st.Accepted)
		}
	}
}
