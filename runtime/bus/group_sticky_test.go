package bus_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/transport"
)

// owner is the member that has got something; the only one.
func (tm *team) owner() int {
	tm.t.Helper()
	tm.mu.Lock()
	defer tm.mu.Unlock()
	at := -1
	for i, got := range tm.got {
		if got != "" && at >= 0 {
			tm.t.Fatalf("two members have events of one key: %q", tm.got)
		}
		if got != "" {
			at = i
		}
	}
	return at
}

// TestAFullStickyMemberIsWaitedFor has the member of a key have no room: what its profile
// says for that happens, and no other member gets an event of the key.
func TestAFullStickyMemberIsWaitedFor(t *testing.T) {
	for overflow, want := range map[transport.Overflow]struct {
		err     error
		handled string
	}{
		transport.Block: {nil, "abcd"}, transport.DropOldest: {nil, "ad"}, transport.DropNewest: {nil, "ab"}, transport.Reject: {bus.ErrFull, "ab"},
	} {
		synctest.Test(t, func(t *testing.T) {
			tm := newTeam(t, 3, bus.Sticky, bus.WithProfile(transport.Profile{Capacity: 2, Overflow: overflow}))
			tm.fail = func(int, string) error {
				tm.mu.Unlock()
				time.Sleep(time.Second)
				tm.mu.Lock()
				return nil
			}
			var err error
			for _, text := range []string{"a", "b", "c", "d"} {
				if e := tm.keyed.Publish(t.Context(), "k", &msg{text}); e != nil {
					err = e
				}
				synctest.Wait()
			}
			tm.close()
			if got := tm.got[tm.owner()]; !errors.Is(err, want.err) || got != want.handled {
				t.Errorf("overflow %d: %v, handled %q", overflow, err, got)
			}
		})
	}
}

// TestADirectStickyMemberFails and no other one is asked: what comes behind the event is
// for the first one.
func TestADirectStickyMemberFails(t *testing.T) {
	tm := newTeam(t, 3, bus.Sticky)
	tm.fail = func(int, string) error { return errBroken }
	if err := tm.keyed.Publish(t.Context(), "k", &msg{"a"}); !errors.Is(err, errBroken) {
		t.Errorf("Publish: %v", err)
	}
	tm.owner()
	tm.close()
}

// TestAStickyMemberLeavesItsKeys closes members that are busy: what they have goes to whom
// the keys' events go to from then on.
func TestAStickyMemberLeavesItsKeys(t *testing.T) {
	const keys = 200 // the first member has some, whatever the hash
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		gate := make(chan struct{})
		had := map[string]map[int]bool{} // by the key
		var subs []*bus.Subscription
		for i := range 5 {
			subs = append(subs, subscribe(t, r.bus, "#", func(_ context.Context, e *bus.Event[msg]) error {
				if i == 0 {
					<-gate
					return errBroken
				}
				r.mu.Lock()
				defer r.mu.Unlock()
				if had[e.Key()] == nil {
					had[e.Key()] = map[int]bool{}
				}
				had[e.Key()][i] = true
				return nil
			}, bus.Queued(5*keys), bus.Group("g", bus.Sticky)))
		}
		everyKey := func() {
			for i := range keys {
				r.send(fmt.Sprint(i), "x")
			}
			synctest.Wait()
		}
		for range 5 {
			everyKey()
		}
		stuck := subs[0].Stats().Accepted / 5
		closeWithin(t, subs[0])
		everyKey()
		close(gate)
		if err := r.bus.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if stuck < 1 || len(had) != keys {
			t.Errorf("the one that left had %d keys, of %d", stuck, len(had))
		}
		for key, members := range had {
			if len(members) != 1 {
				t.Errorf("key %s is of %v", key, members)
			}
		}
	})
}

// TestAFailedEventGoesToWhoWantsIt, and not to a member whose filter does not, or panics.
func TestAFailedEventGoesToWhoWantsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := quiet()
		in := bus.Group("g", bus.RoundRobin)
		first := subscribe(t, b, "a", func(context.Context, *bus.Event[order]) error { return errBroken }, bus.Queued(4), in)
		var others []*bus.Subscription
		for _, keep := range []func(*bus.Event[order]) bool{
			func(*bus.Event[order]) bool { return false },
			func(*bus.Event[order]) bool { panic("what is it?") },
			func(*bus.Event[order]) bool { return true },
		} {
			others = append(others, subscribe(t, b, "a", func(context.Context, *bus.Event[order]) error { return nil }, bus.Queued(4), in, bus.Where(keep)))
		}
		publish(t, publisher[order](t, b, "a"), &order{1})
		synctest.Wait()
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if st := first.Stats(); st.Failed != 1 || st.Passed != 1 {
			t.Errorf("who has failed: %+v", st)
		}
		for i, want := range []uint64{0, 0, 1} {
			if st := others[i].Stats(); st.Handled != want {
				t.Errorf("member %d: %+v", i+1, st)
			}
		}
	})
}
