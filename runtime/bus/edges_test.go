package bus_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// TestPublishWithAnEndedCtx has a ctx that has ended count where a publish would wait, and
// nowhere else: not where there is room, and not where the policy drops.
func TestPublishWithAnEndedCtx(t *testing.T) {
	ended, end := context.WithCancel(context.Background())
	end()
	for overflow, want := range map[transport.Overflow]error{
		transport.Block: context.Canceled, transport.DropOldest: nil, transport.DropNewest: nil, transport.Reject: bus.ErrFull,
	} {
		synctest.Test(t, func(t *testing.T) {
			b, gate := bus.New(), make(chan struct{})
			s := subscribe(t, b, "a", func(context.Context, *bus.Event[order]) error { <-gate; return nil },
				bus.WithProfile(transport.Profile{Capacity: 1, Overflow: overflow}))
			p := publisher[order](t, b, "a")
			if err := p.Publish(ended, &order{1}); err != nil {
				t.Errorf("there is room: %v", err)
			}
			synctest.Wait()
			if err := p.Publish(ended, &order{2}); !errors.Is(err, want) {
				t.Errorf("overflow %d: %v, want %v", overflow, err, want)
			}
			err := p.PublishBatch(ended, []*order{{3}, {4}})
			if batch, ok := errors.AsType[*bus.BatchError](err); !errors.Is(err, want) || ok != (want != nil) || ok && batch.Taken != 0 {
				t.Errorf("overflow %d: a batch: %v, want %v", overflow, err, want)
			}
			close(gate)
			if err := b.Close(t.Context()); err != nil || s.Stats().Handled != 1 {
				t.Errorf("overflow %d: %v, %+v", overflow, err, s.Stats())
			}
		})
	}
}

// TestSubscribeInAHandler has handlers subscribe to what they handle: who is new hears the
// next event, and not the one that is being handled.
func TestSubscribeInAHandler(t *testing.T) {
	for name, opt := range map[string]bus.SubscribeOption{"direct": bus.Direct(), "queued": bus.Queued(4)} {
		synctest.Test(t, func(t *testing.T) {
			b := bus.New()
			p := publisher[order](t, b, "a")
			var heard []int
			subscribe(t, b, "a", func(_ context.Context, e *bus.Event[order]) error {
				if e.Value().id == 1 {
					subscribe(t, b, "a", func(_ context.Context, e *bus.Event[order]) error { heard = append(heard, e.Value().id); return nil })
				}
				return nil
			}, opt)
			for id := range 3 {
				publish(t, p, &order{id + 1})
				synctest.Wait()
			}
			if err := b.Close(t.Context()); err != nil || !slices.Equal(heard, []int{2, 3}) {
				t.Errorf("%s: %v, the new one has heard %v", name, err, heard)
			}
		})
	}
}

// TestNilEvents publishes nil in every way: it is refused, and nobody hears of it.
func TestNilEvents(t *testing.T) {
	b := bus.New()
	for _, opt := range []bus.SubscribeOption{bus.Direct(), bus.Queued(4)} {
		subscribe(t, b, "#", func(_ context.Context, e *bus.Event[order]) error {
			t.Errorf("%s: %v", e.Topic(), e.Value())
			return nil
		}, opt, bus.Responder())
	}
	p := publisher[order](t, b, "a")
	keyed, err := bus.NewKeyedPublisher[order](b, topic.MustFamily("k", "x"))
	if err != nil {
		t.Fatal(err)
	}
	for name, publish := range map[string]func() error{
		"Publish":        func() error { return p.Publish(t.Context(), nil) },
		"PublishAs":      func() error { return p.PublishAs(t.Context(), "id", nil) },
		"PublishBatch":   func() error { return p.PublishBatch(t.Context(), []*order{{1}, nil}) },
		"Request":        func() error { _, err := bus.Request[order, order](t.Context(), p, nil); return err },
		"of a key":       func() error { return keyed.Publish(t.Context(), "k", nil) },
		"As, of a key":   func() error { return keyed.PublishAs(t.Context(), "id", "k", nil) },
		"batch of a key": func() error { return keyed.PublishBatch(t.Context(), "k", []*order{nil}) },
		"request of a key": func() error {
			_, err := bus.RequestKeyed[order, order](t.Context(), keyed, "k", nil)
			return err
		},
	} {
		if err := publish(); !errors.Is(err, bus.ErrNilEvent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
