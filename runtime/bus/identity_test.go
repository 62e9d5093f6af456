package bus_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/transport"
)

// TestAnEventKeepsItsID lets handlers fail in each way there is, for subscriptions of each
// kind, alone and beside another: in every attempt, and in the errors that are told, an
// event has the id that it had before, and no other event has it.
func TestAnEventKeepsItsID(t *testing.T) {
	errFailed := errors.New("failed")
	ways := map[string]func() error{
		"error": func() error { return errFailed },
		"panic": func() error { panic("failed") },
		"exit":  func() error { runtime.Goexit(); return nil },
	}
	for way, fail := range ways {
		for _, kind := range []string{"one", "any", "batch", "after a retry"} {
			for _, beside := range []bool{false, true} {
				t.Run(way+" "+kind, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { checkIDs(t, kind, beside, fail) })
				})
			}
		}
	}
}

func checkIDs(t *testing.T, kind string, beside bool, fail func() error) {
	const events, attempts = 3, 3
	seen := map[int][]string{}
	var told []string
	b := bus.New(bus.OnError(func(_ *bus.Subscription, err error) {
		var h *bus.HandlerError
		if errors.As(err, &h) {
			told = append(told, h.ID)
		}
	}))
	var mu sync.Mutex
	note := func(v *order, id string) {
		mu.Lock()
		defer mu.Unlock()
		seen[v.id] = append(seen[v.id], id)
	}
	profile := bus.WithProfile(transport.Profile{
		Capacity: 10, BatchSize: 2, Retry: transport.Retry{Attempts: attempts, Initial: 1, Max: 1, Multiplier: 1},
	})
	var err error
	calls := 0
	switch kind {
	case "any":
		_, err = bus.SubscribeAny(b, "a", func(_ context.Context, e *bus.AnyEvent) error {
			note(e.Value().(*order), e.ID())
			return fail()
		}, profile)
	case "batch":
		_, err = bus.SubscribeBatch(b, "a", func(_ context.Context, list []*bus.Event[order]) error {
			for _, e := range list {
				note(e.Value(), e.ID())
			}
			return fail()
		}, profile)
	default:
		_, err = bus.Subscribe(b, "a", func(_ context.Context, e *bus.Event[order]) error {
			if calls++; kind == "one" || calls > events { // else it is asked for after the first attempt
				note(e.Value(), e.ID())
			}
			return fail()
		}, profile)
	}
	if err != nil {
		t.Fatal(err)
	}
	if beside {
		subscribe(t, b, "a", func(_ context.Context, e *bus.Event[order]) error { note(e.Value(), e.ID()); return nil }, bus.Queued(10))
	}
	p := publisher[order](t, b, "a")
	for i := range events {
		publish(t, p, &order{i})
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for i := range events {
		ids := slices.Compact(slices.Clone(seen[i]))
		if len(ids) != 1 || len(seen[i]) < attempts-1 || all[ids[0]] {
			t.Errorf("event %d has the ids %v", i, seen[i])
			continue
		}
		all[ids[0]] = true
	}
	for _, id := range told {
		if !all[id] {
			t.Errorf("an error tells of an event %s, of %v", id, all)
		}
	}
}
