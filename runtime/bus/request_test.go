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

// upper answers with the text in upper case, and fails for an empty one.
func upper(_ context.Context, e *bus.Event[msg]) (*msg, error) {
	if e.Value().text == "" {
		return nil, errBroken
	}
	return &msg{strings.ToUpper(e.Value().text)}, nil
}

func TestRequest(t *testing.T) {
	for name, opt := range map[string]bus.SubscribeOption{
		"direct": bus.Direct(), "queued": bus.Queued(2), "group": bus.Group("g", bus.RoundRobin),
		"retried": bus.WithProfile(transport.Profile{Retry: transport.Retry{Attempts: 2, Initial: time.Second}}),
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			var copies []string
			observe := func(_ context.Context, e *bus.Event[msg]) error {
				copies = append(copies, e.ID())
				if e.IsRequest() || e.Respond(&msg{"mine"}) {
					t.Errorf("%s: an observer can answer", name)
				}
				return errBroken // which is not the requester's business
			}
			subscribe(t, r.bus, "#", observe)
			if _, err := bus.Request[msg, msg](t.Context(), r.plain, &msg{"a"}); !errors.Is(err, bus.ErrNoListener) {
				t.Errorf("%s: nobody answers: %v", name, err)
			}
			if _, err := bus.Respond(r.bus, "#", upper, opt); err != nil {
				t.Fatal(err)
			}
			if _, err := bus.Respond(r.bus, "#", func(context.Context, *bus.Event[msg]) (*msg, error) {
				return nil, errors.New("the second one was asked")
			}); err != nil {
				t.Fatal(err)
			}
			rep, err := bus.RequestKeyed[msg, msg](t.Context(), r.keyed, "k", &msg{"a"})
			if err != nil || rep.text != "A" {
				t.Errorf("%s: %v, %v", name, rep, err)
			}
			var re *bus.ReplyError
			if _, err = bus.Request[msg, msg](t.Context(), r.plain, &msg{}); !errors.As(err, &re) || !errors.Is(err, errBroken) || re.Message != errBroken.Error() {
				t.Errorf("%s: the responder fails: %v", name, err)
			}
			if _, err = bus.Request[msg, order](t.Context(), r.plain, &msg{"a"}); !errors.Is(err, bus.ErrTypeMismatch) {
				t.Errorf("%s: another type: %v", name, err)
			}
			_ = r.plain.Publish(t.Context(), &msg{"x"}) // no request: there is nothing to answer
			if err := r.bus.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err = bus.Request[msg, msg](t.Context(), r.plain, &msg{"a"}); !errors.Is(err, bus.ErrClosed) {
				t.Errorf("%s: closed: %v", name, err)
			}
			if len(copies) != 5 {
				t.Errorf("%s: %d copies", name, len(copies))
			}
		})
	}
}

func TestRequestWithoutReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		hear := func(pattern string, h bus.Handler[msg], opts ...bus.SubscribeOption) *bus.Subscription {
			t.Helper()
			s, err := bus.Subscribe(r.bus, "#", h, append(opts, bus.Responder(), bus.Where(func(e *bus.Event[msg]) bool { return e.Value().text == pattern }))...)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		silent := func(context.Context, *bus.Event[msg]) error { return nil }
		hear("direct", silent)
		hear("queued", silent, bus.Queued(2))
		hear("late", func(_ context.Context, e *bus.Event[msg]) error {
			kept := e.Clone()
			go func() {
				time.Sleep(time.Second)
				if !kept.Respond(&msg{"at last"}) || kept.Respond(&msg{"again"}) {
					t.Error("the first answer counts")
				}
			}()
			return nil
		})
		hear("never", func(ctx context.Context, _ *bus.Event[msg]) error { time.Sleep(time.Hour); return nil }, bus.Queued(2))
		dropped := hear("dropped", func(context.Context, *bus.Event[msg]) error { time.Sleep(time.Minute); return nil },
			bus.WithProfile(transport.Profile{Capacity: 2, Overflow: transport.DropOldest, TTL: 30 * time.Second}))
		ask := func(text string) (*msg, error) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			return bus.Request[msg, msg](ctx, r.plain, &msg{text})
		}
		for _, text := range []string{"direct", "queued"} {
			if _, err := ask(text); !errors.Is(err, bus.ErrNoReply) {
				t.Errorf("%s: %v", text, err)
			}
		}
		if rep, err := ask("late"); err != nil || rep.text != "at last" {
			t.Errorf("late: %v, %v", rep, err)
		}
		if _, err := ask("never"); !errors.Is(err, bus.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("never: %v", err)
		}
		errs := make(chan error, 3)
		start := time.Now()
		for range 3 {
			go func() { _, err := ask("dropped"); errs <- err }()
			synctest.Wait()
		}
		for range 3 {
			if err := <-errs; !errors.Is(err, bus.ErrNoReply) {
				t.Errorf("dropped: %v", err)
			}
		}
		if st := dropped.Stats(); time.Since(start) != time.Minute || st.Dropped != 1 || st.Expired != 1 {
			t.Errorf("after %v: %+v", time.Since(start), st)
		}
		if err := r.bus.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestRequestToWhoIsClosing closes a responder that has not got to the request.
func TestRequestToWhoIsClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, err := bus.Respond(r.bus, "#", func(ctx context.Context, _ *bus.Event[msg]) (*msg, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, bus.Queued(3))
		if err != nil {
			t.Fatal(err)
		}
		errs := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := bus.Request[msg, msg](t.Context(), r.plain, &msg{"a"})
				errs <- err
			}()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Close(ctx); !errors.Is(err, bus.ErrDrainTimeout) {
			t.Error(err)
		}
		for range 2 {
			if err := <-errs; !errors.Is(err, bus.ErrNoReply) {
				t.Error(err)
			}
		}
	})
}

// TestARespondersFilterPanics: it is the requester's error, unless another one answers.
func TestARespondersFilterPanics(t *testing.T) {
	for name, opts := range map[string][]bus.SubscribeOption{"alone": nil, "in a group": {bus.Group("g", bus.RoundRobin)}} {
		b := quiet()
		p := publisher[order](t, b, "a")
		opts = append(opts, bus.Responder(), bus.Where(func(*bus.Event[order]) bool { panic("no") }))
		subscribe(t, b, "a", func(context.Context, *bus.Event[order]) error { return nil }, opts...)
		var broken *bus.PanicError
		if _, err := bus.Request[order, order](t.Context(), p, &order{1}); !errors.As(err, &broken) {
			t.Errorf("%s: %v", name, err)
		}
		s, err := bus.Respond(b, "a", func(context.Context, *bus.Event[order]) (*order, error) { return &order{2}, nil })
		if err != nil {
			t.Fatal(err)
		}
		if got, err := bus.Request[order, order](t.Context(), p, &order{1}); err != nil || got.id != 2 {
			t.Errorf("%s, with another one: %v, %v", name, got, err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
