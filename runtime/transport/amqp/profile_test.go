package amqp_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// TestAck has a node end with an event that it has not settled: where events are
// acknowledged by hand it comes again, otherwise it does not.
func TestAck(t *testing.T) {
	for _, ack := range []transport.Switch{transport.Unset, transport.On, transport.Off} {
		l := newLab(t, rabbit.Shared(t))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		r := transport.SubscribeRequest{
			Name: "jobs", Patterns: []topic.Pattern{"event.#"}, Profile: transport.Profile{Durable: transport.Durable, ManualAck: ack, Prefetch: 1},
		}
		held := make(chan *transport.Delivery, 10)
		r.Receive = func(_ context.Context, d *transport.Delivery) { held <- d }
		n := l.node("reader")
		if _, err := n.Subscribe(ctx, r); err != nil {
			t.Fatal(err)
		}
		publish(t, n, "first")
		<-held
		soon, stop := context.WithTimeout(ctx, 50*time.Millisecond)
		if err := n.Close(soon); !errors.Is(err, transport.ErrDrainTimeout) {
			t.Errorf("closing with an event unsettled: %v", err)
		}
		stop()
		shut(t, n)
		n = l.node("reader")
		bodies := make(chan string, 10) // a delivery that was settled has no body any more
		r.Receive = func(_ context.Context, d *transport.Delivery) { bodies <- string(d.Body); _ = d.Settle(nil) }
		if _, err := n.Subscribe(ctx, r); err != nil {
			t.Fatal(err)
		}
		publish(t, n, "second")
		want := map[bool]string{false: "first", true: "second"}[ack == transport.Off]
		if body := <-bodies; body != want {
			t.Errorf("with ack %v comes %s, want %s", ack, body, want)
		}
		shut(t, n)
	}
}

// publish publishes a durable event.
func publish(t *testing.T, n transport.Transport, body string) {
	t.Helper()
	m := &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}, Body: []byte(body), Profile: &transport.Profile{Durable: transport.Durable}}
	if err := transport.Publish(t.Context(), n, m); err != nil {
		t.Fatal(err)
	}
}

// TestConfirm looks at what a publisher waits for, and at what is written to disk.
func TestConfirm(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	ch := l.channel()
	n := l.node("a")
	if err := n.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Fatal(err)
	}
	q, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind(q.Name, "#", l.prefix+".events", false, nil); err != nil {
		t.Fatal(err)
	}
	got, err := ch.Consume(q.Name, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		p          transport.Profile
		waits      bool
		persistent bool
	}{
		{transport.Profile{}, true, true}, {transport.Profile{Confirm: transport.On}, true, true},
		{transport.Profile{Confirm: transport.Off}, false, false}, {transport.Profile{Confirm: transport.Off, Durable: transport.Durable}, false, true},
	} {
		w, err := n.Begin(t.Context(), &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}, Profile: &tt.p})
		if err != nil {
			t.Fatal(err)
		}
		_, accepted := w.(transport.Accepted)
		d := <-got
		if accepted == tt.waits || (d.DeliveryMode == 2) != tt.persistent {
			t.Errorf("%+v: accepted %v, delivery mode %d", tt.p, accepted, d.DeliveryMode)
		}
		if err := w.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
	shut(t, n)
}

// TestPacks has events travel together: they come one by one, one of them is tried again
// by itself, and all are confirmed.
func TestPacks(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	leaksNothing(t)
	const n = 1000
	pub, sub := l.node("a"), l.node("b", amqp.Window(100))
	var got []string
	done := make(chan struct{})
	s, err := sub.Subscribe(t.Context(), transport.SubscribeRequest{
		Patterns: []topic.Pattern{"event.#"}, Profile: transport.Profile{Prefetch: 10, Retry: transport.Retry{Attempts: 2, Initial: time.Millisecond}},
		Receive: transport.Serve(1, func(_ context.Context, d *transport.Delivery) error {
			if d.Headers["n"] == "500" && d.Attempt == 1 {
				return errors.New("not this one")
			}
			if got = append(got, string(d.Body)); len(got) == n {
				close(done)
			}
			return nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	p := transport.Profile{BatchSize: 100, BatchTimeout: 20 * time.Millisecond}
	var pending []transport.Pending
	for i := range n {
		m := &transport.Message{Envelope: transport.Envelope{Topic: "event.a", Type: "A", Headers: map[string]string{"n": text(i)}}, Body: []byte(text(i)), Profile: &p}
		w, err := pub.Begin(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		pending = append(pending, w)
	}
	for _, w := range pending {
		if err := w.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	<-done
	if got[n-1] != "500" && got[500] != "501" {
		t.Errorf("the event that has failed came after %s", got[n-2])
	}
	until(t, func() bool { return s.Stats().Handled == n }, "all are counted")
	if st := s.Stats(); st.Accepted != n || st.Failed != 1 || st.Balance() != 0 {
		t.Errorf("%+v", st)
	}
	shut(t, pub, sub)
}

func text(i int) string { return strconv.Itoa(i) }
