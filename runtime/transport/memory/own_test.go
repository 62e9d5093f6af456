package memory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/memory"
)

// message makes a message; its id is left to the transport.
func message(name topic.Name, body string) *transport.Message {
	return &transport.Message{Envelope: transport.Envelope{Topic: name}, Body: []byte(body)}
}

// hear subscribes and ends the test if that fails.
func hear(t *testing.T, tr *memory.Transport, p topic.Pattern, profile transport.Profile, r transport.Receiver) transport.Subscription {
	t.Helper()
	s, err := tr.Subscribe(t.Context(), transport.SubscribeRequest{Patterns: []topic.Pattern{p}, Profile: profile, Receive: r})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func publish(t *testing.T, tr *memory.Transport, m *transport.Message) {
	t.Helper()
	if err := transport.Publish(t.Context(), tr, m); err != nil {
		t.Fatal(err)
	}
}

// shut closes the transport and does not wait.
func shut(t *testing.T, tr *memory.Transport) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := tr.Close(ctx); err != nil && !errors.Is(err, transport.ErrDrainTimeout) {
		t.Error(err)
	}
}

// held is a receiver that settles nothing.
func held() (transport.Receiver, chan *transport.Delivery) {
	ch := make(chan *transport.Delivery, 1000)
	return func(_ context.Context, d *transport.Delivery) { ch <- d }, ch
}

// TestBackoff has the waits between attempts be what the profile says, exactly.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := memory.New()
		p := transport.Profile{Retry: transport.Retry{Attempts: 5, Initial: time.Second, Multiplier: 3, Max: 10 * time.Second}}
		start := time.Now()
		var at []time.Duration
		hear(t, tr, "event.#", p, func(_ context.Context, d *transport.Delivery) {
			at = append(at, time.Since(start))
			_ = d.Settle(errors.New("no"))
		})
		publish(t, tr, message("event.a", ""))
		if err := tr.Close(t.Context()); err != nil { // it waits for the last attempt
			t.Error(err)
		}
		want := []time.Duration{0, time.Second, 4 * time.Second, 13 * time.Second, 23 * time.Second}
		if !slices.Equal(at, want) {
			t.Errorf("%v, want %v", at, want)
		}
	})
}

// TestRetriesInAnyOrder has a later failure be due before an earlier one.
func TestRetriesInAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := memory.New()
		p := transport.Profile{Prefetch: 10, Retry: transport.Retry{Attempts: 3, Initial: time.Second, Multiplier: 10}}
		var got []string
		hear(t, tr, "event.#", p, func(_ context.Context, d *transport.Delivery) {
			got = append(got, fmt.Sprintf("%s%d", d.Body, d.Attempt))
			if d.Attempt < 3 {
				_ = d.Settle(errors.New("no"))
				return
			}
			_ = d.Settle(nil)
		})
		publish(t, tr, message("event.a", "a"))
		time.Sleep(2 * time.Second) // a is due again at 11 s
		publish(t, tr, message("event.a", "b"))
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if want := []string{"a1", "a2", "b1", "b2", "a3", "b3"}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		shut(t, tr)
	})
}

// TestDeadLetterFinds no room: it waits for a second, and is reported.
func TestDeadLetterFindsNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var reported []error
		tr := memory.New(memory.OnError(func(err error) {
			mu.Lock()
			defer mu.Unlock()
			reported = append(reported, err)
		}))
		r, _ := held()
		hear(t, tr, "error.#", transport.Profile{Capacity: 1}, r)
		s := hear(t, tr, "event.#", transport.Profile{DeadLetter: true}, transport.Serve(1, func(context.Context, *transport.Delivery) error {
			return errors.New("no")
		}))
		start := time.Now()
		publish(t, tr, message("event.order.a", "1"))
		publish(t, tr, message("event.order.a", "2"))
		synctest.Wait()
		if st := s.Stats(); st.Dead != 1 || st.InFlight != 1 || st.Balance() != 0 {
			t.Errorf("while a dead letter waits: %+v", st)
		}
		if err := s.Close(t.Context()); err != nil || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if len(reported) != 1 || !errors.Is(reported[0], context.DeadlineExceeded) || s.Stats().Dead != 2 {
			t.Errorf("%v; %+v", reported, s.Stats())
		}
		shut(t, tr)
	})
}

// TestIDs has messages without an id get one, that all subscriptions see.
func TestIDs(t *testing.T) {
	tr := memory.New()
	defer shut(t, tr)
	r, ch := held()
	for range 2 {
		hear(t, tr, "event.#", transport.Profile{Prefetch: 10}, r)
	}
	ids := map[string]int{}
	for range 3 {
		m := message("event.a", "")
		publish(t, tr, m)
		if m.ID != "" {
			t.Error("the publisher's message was changed")
		}
		ids[(<-ch).ID]++
		ids[(<-ch).ID]++
	}
	if len(ids) != 3 || ids[""] > 0 {
		t.Errorf("%v", ids)
	}
}

func TestMaxBody(t *testing.T) {
	tr := memory.New(memory.MaxBody(3))
	defer shut(t, tr)
	publish(t, tr, message("event.a", "123"))
	if err := transport.Publish(t.Context(), tr, message("event.a", "1234")); !errors.Is(err, transport.ErrTooLarge) {
		t.Error(err)
	}
	if g := tr.Guarantees(); g.MaxBody != 3 {
		t.Errorf("%+v", g)
	}
}

// TestManyTopics has more topics than are remembered.
func TestManyTopics(t *testing.T) {
	tr := memory.New()
	defer shut(t, tr)
	s := hear(t, tr, "event.*", transport.Profile{Capacity: 100_000}, transport.Serve(1, func(context.Context, *transport.Delivery) error { return nil }))
	const n = 20_000
	for i := range n {
		publish(t, tr, message(topic.Name(fmt.Sprint("event.t", i)), ""))
	}
	if err := s.Close(t.Context()); err != nil || s.Stats().Handled != n {
		t.Errorf("%v; %+v", err, s.Stats())
	}
}

// TestRoom has the profile say how many may be unsettled.
func TestRoom(t *testing.T) {
	for _, tt := range []struct {
		p    transport.Profile
		want int
	}{
		{transport.Profile{}, 1},
		{transport.Profile{Concurrency: 4}, 4},
		{transport.Profile{BatchSize: 5}, 5},
		{transport.Profile{BatchSize: 5, Concurrency: 2}, 10},
		{transport.Profile{BatchSize: 5, Concurrency: 2, Prefetch: 3}, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			tr := memory.New()
			r, ch := held()
			hear(t, tr, "event.#", tt.p, r)
			for range 20 {
				publish(t, tr, message("event.a", ""))
			}
			synctest.Wait()
			if len(ch) != tt.want {
				t.Errorf("%+v: %d are unsettled, want %d", tt.p, len(ch), tt.want)
			}
			shut(t, tr)
		})
	}
}

// TestStatsOfMembersThatLeave adds up a group's counts while its members come and go.
func TestStatsOfMembersThatLeave(t *testing.T) {
	tr := memory.New()
	defer shut(t, tr)
	var all []transport.Subscription
	join := func() transport.Subscription {
		s, err := tr.Subscribe(t.Context(), transport.SubscribeRequest{
			Patterns: []topic.Pattern{"event.#"}, Group: "g", Profile: transport.Profile{Capacity: 1000, Prefetch: 3},
			Receive: transport.Serve(1, func(_ context.Context, d *transport.Delivery) error { return nil }),
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
		return s
	}
	members := []transport.Subscription{join()}
	published := uint64(0)
	for round := range 20 {
		members = append(members, join())
		for range 10 {
			publish(t, tr, message("event.a", ""))
			published++
		}
		leaver := members[0] // the one that has been there for the longest
		if round%3 == 0 {
			leaver = members[1]
			members[1] = members[0]
		}
		members = members[1:]
		if err := leaver.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		var sum transport.Stats
		for i, s := range all {
			st := s.Stats()
			if st.Balance() != 0 {
				t.Errorf("round %d, member %d: %+v", round, i, st)
			}
			sum.Add(st)
		}
		if sum.Accepted < published { // a member may have settled one between two looks
			t.Errorf("round %d: %d were published, and %+v", round, published, sum)
		}
	}
	if err := members[0].Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var sum transport.Stats
	for _, s := range all {
		sum.Add(s.Stats())
	}
	if sum.Accepted != published || sum.Handled != published || sum.Balance() != 0 {
		t.Errorf("%d were published, and %+v", published, sum)
	}
}

// TestRetryDueWithoutRoom has an attempt be due while the receiver has all that it may
// have: nothing happens until it settles. A timer that goes off again and again would
// keep the clock from going on.
func TestRetryDueWithoutRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := memory.New()
		r, ch := held()
		s := hear(t, tr, "event.#", transport.Profile{Retry: transport.Retry{Attempts: 2, Initial: time.Second}}, r)
		publish(t, tr, message("event.a", "fails"))
		publish(t, tr, message("event.a", "takes long"))
		if err := (<-ch).Settle(errors.New("no")); err != nil {
			t.Error(err)
		}
		long := <-ch
		time.Sleep(time.Hour)
		if len(ch) > 0 {
			t.Error("it was delivered, though there was no room")
		}
		if err := long.Settle(nil); err != nil {
			t.Error(err)
		}
		if d := <-ch; string(d.Body) != "fails" || d.Attempt != 2 || d.Settle(nil) != nil {
			t.Errorf("%q, attempt %d", d.Body, d.Attempt)
		}
		if err := s.Close(t.Context()); err != nil || s.Stats().Handled != 2 {
			t.Errorf("%v, %+v", err, s.Stats())
		}
	})
}

// TestTheOtherMemberIsBusy has a member fail, again and again, while the other one has no
// room: what has failed is for the other one, as soon as it has.
func TestTheOtherMemberIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := memory.New()
		gate := make(chan struct{})
		var subs []transport.Subscription
		for _, h := range []func(context.Context, *transport.Delivery) error{
			func(context.Context, *transport.Delivery) error { return errors.New("not me") },
			func(context.Context, *transport.Delivery) error { <-gate; return nil },
		} {
			s, err := tr.Subscribe(t.Context(), transport.SubscribeRequest{
				Patterns: []topic.Pattern{"event.a"}, Group: "g", Receive: transport.Serve(1, h),
			})
			if err != nil {
				t.Fatal(err)
			}
			subs = append(subs, s)
		}
		for _, body := range []string{"0", "1", "2", "3"} {
			publish(t, tr, message("event.a", body))
			synctest.Wait()
		}
		if st := subs[0].Stats(); st.Failed != 4 || st.Dead != 0 {
			t.Errorf("the member that fails has %+v", st)
		}
		close(gate)
		if err := tr.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if st := subs[1].Stats(); st.Handled != 4 {
			t.Errorf("the other one has %+v", st)
		}
	})
}

// TestTheOtherMemberLeaves has a message wait for a member that leaves, or that is given up
// with everything else.
func TestTheOtherMemberLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := memory.New()
		fails, both := 0, make(chan struct{})
		hang, hanging := held()
		var subs []transport.Subscription
		for _, r := range []transport.Receiver{
			transport.Serve(1, func(context.Context, *transport.Delivery) error {
				<-both // each member has one
				if fails++; fails == 1 {
					return errors.New("not now")
				}
				return nil
			}), hang,
		} {
			s, err := tr.Subscribe(t.Context(), transport.SubscribeRequest{
				Patterns: []topic.Pattern{"event.a"}, Group: "g", Receive: r, Profile: transport.Profile{Retry: transport.Retry{Attempts: 3}},
			})
			if err != nil {
				t.Fatal(err)
			}
			subs = append(subs, s)
		}
		publish(t, tr, message("event.a", "0"))
		publish(t, tr, message("event.a", "1"))
		close(both)
		synctest.Wait()
		if len(hanging) != 1 || subs[0].Stats().Handled != 0 {
			t.Errorf("%d hang, %+v", len(hanging), subs[0].Stats())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = subs[1].Close(ctx)
		synctest.Wait()
		if st := subs[0].Stats(); st.Handled != 2 {
			t.Errorf("the member that stays has %+v", st)
		}
		if err := tr.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestKeysWithoutMeaning sets, on both sides, what means nothing within a process: what
// comes of it is the same as without. A failed message comes again, so nothing is
// acknowledged before its receiver has settled it.
func TestKeysWithoutMeaning(t *testing.T) {
	for name, p := range map[string]transport.Profile{
		"nothing":       {},
		"durable":       {Durable: transport.Durable},
		"ack: manual":   {ManualAck: transport.On},
		"ack: auto":     {ManualAck: transport.Off},
		"confirm":       {Confirm: transport.On},
		"not confirmed": {Confirm: transport.Off},
	} {
		tr := memory.New()
		p.Retry.Attempts = 2
		var got []string
		s := hear(t, tr, "event.#", p, transport.Serve(1, func(_ context.Context, d *transport.Delivery) error {
			if got = append(got, string(d.Body)); len(got) == 1 {
				return errors.New("not yet")
			}
			return nil
		}))
		m := message("event.a", "a")
		m.Profile = &p
		publish(t, tr, m)
		if err := tr.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := transport.Stats{Accepted: 1, Handled: 1, Failed: 1, Retried: 1}
		if st := s.Stats(); st != want || !slices.Equal(got, []string{"a", "a"}) {
			t.Errorf("%s: %q, %+v", name, got, st)
		}
	}
}

// TestOldest has messages wait.
func TestOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := memory.New()
		r, ch := held()
		s := hear(t, tr, "#", transport.Profile{}, r)
		for range 3 { // the receiver has the first one
			publish(t, tr, message("event.a", "x"))
			time.Sleep(time.Second)
		}
		time.Sleep(3 * time.Second)
		if st := s.Stats(); st.Waiting != 2 || st.Oldest != 5*time.Second {
			t.Errorf("the oldest of %d is %v old", st.Waiting, st.Oldest)
		}
		for range 3 {
			if err := (<-ch).Settle(nil); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if st := s.Stats(); st.Oldest != 0 || st.Handled != 3 {
			t.Errorf("%+v", st)
		}
		shut(t, tr)
		synctest.Wait()
	})
}

// TestBuffers looks at what the bodies of messages take.
func TestBuffers(t *testing.T) {
	tr := memory.New()
	r, ch := held()
	before := transport.Buffers()
	for range 2 {
		hear(t, tr, "#", transport.Profile{}, r)
	}
	publish(t, tr, message("event.a", "12345"))
	for _, want := range []int64{5, 5, 0} {
		if now := transport.Buffers(); now.Held-before.Held != want || now.Taken != before.Taken+1 || now.Missed > before.Missed+1 {
			t.Errorf("%+v, before %+v; want %d bytes more", now, before, want)
		}
		if want > 0 {
			if err := (<-ch).Settle(nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	shut(t, tr)
}
