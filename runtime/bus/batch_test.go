package bus_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/transport"
)

func texts(events []*bus.Event[msg]) string {
	var out []string
	for _, e := range events {
		out = append(out, e.Value().text)
	}
	return strings.Join(out, "")
}

// TestBatch publishes more than a batch, less than one, and one after the other.
func TestBatch(t *testing.T) {
	for _, tt := range []struct {
		timeout time.Duration
		want    []string
	}{
		{time.Second, []string{"abc 0s", "de 1s", "fgh 1m0.4s", "i 1m0.8s"}},
		{0, []string{"abc 0s", "de 0s", "f 1m0s", "g 1m0.2s", "h 1m0.4s", "i 1m0.6s"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			s, err := bus.SubscribeBatch(r.bus, "emit.#", func(_ context.Context, events []*bus.Event[msg]) error {
				r.note("%s", texts(events))
				return nil
			}, bus.WithProfile(transport.Profile{BatchSize: 3, BatchTimeout: tt.timeout}))
			if err != nil {
				t.Fatal(err)
			}
			batch := []*msg{{"a"}, {"b"}, {"c"}, {"d"}, {"e"}}
			if err := r.plain.PublishBatch(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			for _, text := range []string{"f", "g", "h", "i"} {
				r.send("", text)
				time.Sleep(200 * time.Millisecond)
			}
			if err := s.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.wants(tt.want...)
			r.balanced(s, bus.Stats{Accepted: 9, Handled: 9})
		})
	}
}

// TestBatchIsRetried keeps the keys in order although a batch has failed.
func TestBatchIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		p := slow()
		p.BatchSize, p.BatchTimeout, p.Order = 4, time.Millisecond, transport.OrderKey
		failed := false
		s, err := bus.SubscribeBatch(r.bus, "event.#", func(_ context.Context, events []*bus.Event[msg]) error {
			r.note("%s", texts(events))
			if !failed {
				failed = true
				return errBroken
			}
			return nil
		}, bus.WithProfile(p))
		if err != nil {
			t.Fatal(err)
		}
		r.send("a", "1", "2")
		r.send("b", "x")
		r.send("a", "3", "4")
		r.send("c", "y")
		time.Sleep(time.Hour)
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.wants("12x3 0s", "y 1ms", "1x 1.001s", "234 1.002s")
		r.balanced(s, bus.Stats{Accepted: 6, Handled: 6, Failed: 4, Retried: 4})
	})
}

// TestPublishBatchTakesSome has a batch that is too large for a queue, and not for another.
func TestPublishBatchTakesSome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		release := make(chan struct{})
		wait := func(context.Context, *bus.Event[msg]) error { <-release; return nil }
		small := subscribe(t, r.bus, "emit.#", wait, bus.WithProfile(transport.Profile{Capacity: 2, Overflow: transport.Reject}))
		large := subscribe(t, r.bus, "emit.#", wait, bus.Queued(10))
		err := r.plain.PublishBatch(t.Context(), []*msg{{"1"}, {"2"}, {"3"}, {"4"}})
		e, ok := errors.AsType[*bus.BatchError](err)
		if !ok || e.Taken != 2 || !errors.Is(err, bus.ErrFull) {
			t.Errorf("the error is %v", err)
		}
		close(release)
		synctest.Wait()
		r.balanced(small, bus.Stats{Accepted: 2, Handled: 2})
		r.balanced(large, bus.Stats{Accepted: 4, Handled: 4})
		if err := r.bus.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
