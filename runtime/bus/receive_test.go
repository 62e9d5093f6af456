package bus_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
)

// copied is an event that is cloned deeply.
type copied struct{ ids []int }

func (c *copied) Clone() *copied { return &copied{append([]int(nil), c.ids...)} }

func TestReceive(t *testing.T) {
	b := bus.New()
	subscribe(t, b, "#", func(context.Context, *bus.Event[copied]) error {
		t.Error("others hear it")
		return nil
	})
	var kept *bus.AnyEvent
	in := bus.Received{Topic: "event.order.k%2E1.submit", Template: "event.order.+.submit", Key: "k.1", ID: "far-7", Value: &copied{[]int{1}}}
	reply, err := b.Receive(t.Context(), in, func(ctx context.Context, e *bus.AnyEvent) error {
		if ctx != t.Context() || e.Topic() != in.Topic || e.Template() != in.Template || e.Key() != in.Key || e.ID() != in.ID || e.Value() != in.Value || e.IsRequest() {
			t.Errorf("the event is %s, %s, %s, %s, %v, %t", e.Topic(), e.Template(), e.Key(), e.ID(), e.Value(), e.IsRequest())
		}
		if e.Respond(&order{1}) {
			t.Error("what is no request can be answered")
		}
		if as := bus.As[copied](e); as == nil || as.ID() != in.ID || bus.As[order](e) != nil {
			t.Errorf("as its type it is %v", as)
		}
		kept = e.Clone()
		kept.Value().(*copied).ids[0] = 2
		return errBroken
	})
	if reply != nil || err != errBroken {
		t.Errorf("it returns %v, %v", reply, err)
	}
	if in.Value.(*copied).ids[0] != 1 || kept.Topic() != in.Topic {
		t.Errorf("the clone is not its own: %v on %s", in.Value, kept.Topic())
	}
	var pe *bus.PanicError
	if _, err := b.Receive(t.Context(), in, func(context.Context, *bus.AnyEvent) error { panic("ouch") }); !errors.As(err, &pe) {
		t.Errorf("a panic: %v", err)
	}
}

// TestReceiveWithoutID gives events ids of their own, and a template.
func TestReceiveWithoutID(t *testing.T) {
	b := bus.New()
	seen := map[string]bool{}
	for range 3 {
		_, err := b.Receive(t.Context(), bus.Received{Topic: "broadcast.drain", Value: (*copied)(nil)}, func(_ context.Context, e *bus.AnyEvent) error {
			if e.Clone().ID() != e.ID() || seen[e.ID()] || e.Template() != topic.Pattern(e.Topic()) || e.ID()[:len(b.Epoch())] != b.Epoch() {
				t.Errorf("the event %s, of %s", e.ID(), e.Template())
			}
			seen[e.ID()] = true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestReceiveLater returns at once from what is answered later, and tells the outcome then.
func TestReceiveLater(t *testing.T) {
	b := bus.New()
	type outcome struct {
		reply any
		err   error
	}
	for name, want := range map[string]outcome{"answered": {&msg{"b"}, nil}, "failed": {nil, errBroken}} {
		came := make(chan outcome, 1)
		var answer func(any, error)
		in := bus.Received{Topic: "event.order.quote", ID: "1", Value: &msg{"a"}, Request: true, Later: func(reply any, err error) { came <- outcome{reply, err} }}
		if _, err := b.Receive(t.Context(), in, func(_ context.Context, e *bus.AnyEvent) error {
			answer = e.Later()
			return nil
		}); err != bus.ErrPending {
			t.Fatalf("%s: %v", name, err)
		}
		answer(want.reply, want.err)
		answer(&msg{"c"}, nil)
		if got := <-came; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		if reply, err := b.Receive(t.Context(), in, func(_ context.Context, e *bus.AnyEvent) error {
			e.Later()(want.reply, want.err)
			return nil
		}); reply != want.reply || err != want.err {
			t.Errorf("%s before it has returned: %v, %v", name, reply, err)
		}
	}
}

func TestReceiveRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New()
		ask := func(ctx context.Context, h bus.AnyHandler) (any, error) {
			return b.Receive(ctx, bus.Received{Topic: "event.order.quote", ID: "1", Value: &msg{"a"}, Request: true}, h)
		}
		answer := &msg{"b"}
		for name, c := range map[string]struct {
			handle bus.AnyHandler
			reply  any
			err    error
		}{
			"answered": {func(_ context.Context, e *bus.AnyEvent) error {
				if !e.IsRequest() || !e.Respond(answer) || e.Respond(&msg{"c"}) {
					t.Error("the first answer does not count")
				}
				return nil
			}, answer, nil},
			"not answered": {func(context.Context, *bus.AnyEvent) error { return nil }, nil, bus.ErrNoReply},
			"failed":       {func(context.Context, *bus.AnyEvent) error { return errBroken }, nil, errBroken},
			"answered, and failed": {func(_ context.Context, e *bus.AnyEvent) error {
				e.Respond(answer)
				return errBroken
			}, answer, errBroken},
			"answered later": {func(_ context.Context, e *bus.AnyEvent) error {
				later := e.Clone()
				go func() {
					time.Sleep(time.Second)
					later.Respond(answer)
				}()
				return nil
			}, answer, nil},
			"kept, and never answered": {func(_ context.Context, e *bus.AnyEvent) error {
				e.Clone()
				return nil
			}, nil, context.DeadlineExceeded},
			"kept, and failed": {func(_ context.Context, e *bus.AnyEvent) error {
				e.Clone()
				return errBroken
			}, nil, errBroken},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			reply, err := ask(ctx, c.handle)
			cancel()
			if reply != c.reply || err != c.err {
				t.Errorf("%s: %v, %v, want %v, %v", name, reply, err, c.reply, c.err)
			}
		}
	})
}
