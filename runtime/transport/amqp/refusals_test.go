package amqp_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/internal/rabbit"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
	"github.com/xsgen/xsgen/runtime/transport/amqp"
)

// channel is one past the transport.
func (l *lab) channel() *amqp091.Channel {
	l.tb.Helper()
	ch, err := l.raw().Channel()
	if err != nil {
		l.tb.Fatal(err)
	}
	return ch
}

// rejects waits until publishing fails at once, since the broker has refused the node.
func rejects(t *testing.T, n transport.Transport) error {
	t.Helper()
	var err error
	until(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err = transport.Publish(ctx, n, &transport.Message{Envelope: transport.Envelope{Topic: "event.job.x"}})
		return errors.Is(err, transport.ErrRejected)
	}, "publishing is refused: %v", &err)
	if e, ok := errors.AsType[*transport.PublishError](err); !ok || e.Retryable() {
		t.Errorf("%v", err)
	}
	return err
}

// TestLogin has a password that is wrong, and nobody is told it.
func TestLogin(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	leaksNothing(t)
	u, err := url.Parse(l.url)
	if err != nil {
		t.Fatal(err)
	}
	var said log
	u.User = url.UserPassword("guest", "geheim")
	l.url = u.String()
	n := l.node("a", amqp.Log(said.logger()))
	if err := rejects(t, n); strings.Contains(err.Error(), "geheim") {
		t.Errorf("the error has the password: %v", err)
	}
	if c := n.Status().Get(); c.State != transport.Connecting || c.Err == nil || strings.Contains(c.Err.Error(), "geheim") {
		t.Errorf("%v, %v", c.State, c.Err)
	}
	if text := said.String(); strings.Contains(text, "geheim") || strings.Count(text, "publishing") != 1 {
		t.Errorf("the log says:\n%s", text)
	}
	shut(t, n)
}

// TestCredentials has a callback that knows a password only later.
func TestCredentials(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	leaksNothing(t)
	u, err := url.Parse(l.broker.URL)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	var asked atomic.Int32
	l.url = "amqp://" + l.addr() + u.Path
	n := l.node("a", amqp.WithCredentials(func(context.Context) (string, string, error) {
		if asked.Add(1) < 3 {
			return "", "", errors.New("not yet")
		}
		return u.User.Username(), password, nil
	}))
	if err := n.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Error(err)
	}
	shut(t, n)
}

// TestPermissions has a user lose the permission to publish, and get it again.
func TestPermissions(t *testing.T) {
	b := rabbit.Own(t)
	l := newLab(t, b)
	ctl := func(args ...string) {
		t.Helper()
		if _, err := b.Ctl(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	ctl("add_user", l.prefix, "secret")
	ctl("set_permissions", l.prefix, ".*", ".*", ".*")
	leaksNothing(t)
	u, err := url.Parse(l.url)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(l.prefix, "secret")
	l.url = u.String()
	r := newTraffic(t, l, 0)
	r.writing.Go(func() { r.write(&transport.Profile{}) })
	r.more(10)
	close(r.stop)
	r.writing.Wait()
	ctl("set_permissions", l.prefix, ".*", "^$", ".*")
	l.cut() // a channel remembers what it was allowed
	rejects(t, r.pub)
	ctl("set_permissions", l.prefix, ".*", ".*", ".*")
	r.stop = make(chan struct{})
	if err := r.pub.Status().Await(r.ctx, transport.Ready); err != nil {
		t.Fatal(err)
	}
	r.writing.Go(func() { r.write(&transport.Profile{}) })
	r.more(10)
	r.end()
}

// TestInequivalent has a queue that somebody has declared otherwise.
func TestInequivalent(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	ch := l.channel()
	for _, name := range []string{".reader.jobs", ".group.g"} {
		if _, err := ch.QueueDeclare(l.prefix+name, true, false, false, false, amqp091.Table{"x-max-length": int32(7)}); err != nil {
			t.Fatal(err)
		}
		defer ch.QueueDelete(l.prefix+name, false, false, false)
	}
	leaksNothing(t)
	target := transport.Queue{Node: "reader", Name: "jobs", Patterns: []topic.Pattern{"event.job.#"}, Profile: jobs}
	sender, reader := l.node("writer", amqp.Queues(target)), l.node("reader")
	if err := rejects(t, sender); !strings.Contains(err.Error(), l.prefix+".reader.jobs") {
		t.Errorf("it does not say which queue: %v", err)
	}
	r := transport.SubscribeRequest{Name: "jobs", Patterns: target.Patterns, Profile: jobs, Receive: func(context.Context, *transport.Delivery) {}}
	if _, err := reader.Subscribe(t.Context(), r); err == nil || !strings.Contains(err.Error(), "inequivalent") {
		t.Errorf("subscribing: %v", err)
	}
	r.Name, r.Group = "", "g"
	if _, err := reader.Subscribe(t.Context(), r); !errors.Is(err, transport.ErrGroupMismatch) {
		t.Errorf("joining the group: %v", err)
	}
	shut(t, sender, reader)
	l.remove(l.prefix + ".group.g.dead") // which was declared before the refusal
}

// TestQueueDeleted has somebody delete a queue under its consumer: it is made anew, and
// the subscriber is told that something may be lost.
func TestQueueDeleted(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	ch := l.channel()
	leaksNothing(t)
	n := l.node("reader")
	var gaps, got atomic.Int32
	_, err := n.Subscribe(t.Context(), transport.SubscribeRequest{
		Name: "jobs", Patterns: []topic.Pattern{"event.#"}, OnGap: func(transport.Gap) { gaps.Add(1) },
		Receive: transport.Serve(1, func(context.Context, *transport.Delivery) error { got.Add(1); return nil }),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDelete(l.prefix+".reader.jobs", false, false, false); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return gaps.Load() == 1 }, "the subscriber is told")
	if err := n.Status().Await(t.Context(), transport.Ready); err != nil {
		t.Error(err)
	}
	if err := transport.Publish(t.Context(), n, &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}}); err != nil {
		t.Error(err)
	}
	until(t, func() bool { return got.Load() == 1 }, "the event comes")
	shut(t, n)
}

// TestFull has a queue of three, and nobody who takes from it: a publisher is told that it
// is full, and a durable message waits for room. What is confirmed is handled, once.
func TestFull(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	leaksNothing(t)
	p := transport.Profile{Durable: transport.Durable, Capacity: 3}
	n := l.node("writer", amqp.Queues(transport.Queue{Node: "reader", Name: "jobs", Patterns: []topic.Pattern{"event.#"}, Profile: p}))
	m := &transport.Message{Envelope: transport.Envelope{Topic: "event.a"}}
	var confirmed []string
	for len(confirmed) < 100 { // the limit is not exact
		m.ID = fmt.Sprint(len(confirmed))
		err := transport.Publish(t.Context(), n, m)
		if err == nil {
			confirmed = append(confirmed, m.ID)
			continue
		}
		if !errors.Is(err, transport.ErrFull) || outcome(err) != transport.OutcomeUnknown {
			t.Fatalf("after %d events: %v", len(confirmed), err)
		}
		break
	}
	m.ID, m.Profile = "durable", &transport.Profile{Durable: transport.Durable}
	pending, err := n.Begin(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	reader := l.node("reader")
	handled := make(chan string, 200)
	_, err = reader.Subscribe(t.Context(), transport.SubscribeRequest{
		Name: "jobs", Patterns: []topic.Pattern{"event.#"}, Profile: p,
		Receive: transport.Serve(1, func(_ context.Context, d *transport.Delivery) error { handled <- d.ID; return nil }),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := pending.Wait(t.Context()); err != nil {
		t.Errorf("the durable event: %v", err)
	}
	until(t, func() bool { return len(handled) == len(confirmed)+1 }, "%d events come", len(confirmed)+1)
	shut(t, n, reader)
	close(handled)
	var got []string
	for id := range handled {
		got = append(got, id)
	}
	if want := append(confirmed, "durable"); !slices.Equal(got, want) {
		t.Errorf("%v are handled, of %v", got, want)
	}
}

// TestPoison has a message end each process that takes it: at last it is dead.
func TestPoison(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	c := l.raw()
	leaksNothing(t)
	p := transport.Profile{Durable: transport.Durable, DeadLetter: true}
	q := transport.Queue{Node: "reader", Name: "jobs", Patterns: []topic.Pattern{"event.#"}, Profile: p}
	n := l.node("reader", amqp.Queues(q))
	if err := transport.Publish(t.Context(), n, &transport.Message{Envelope: transport.Envelope{ID: "bad", Topic: "event.job.do"}, Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	deaths := 0
	for gone := false; !gone && deaths < 100; {
		ch, err := c.Channel()
		if err != nil {
			t.Fatal(err)
		}
		_, there, err := ch.Get(l.prefix+".reader.jobs", false)
		if err != nil {
			t.Fatal(err)
		}
		if gone = !there; there {
			deaths++
		}
		_ = ch.Close() // and so it comes again
	}
	letters := make(chan *transport.Message, 10)
	keep := func(_ context.Context, d *transport.Delivery) error { letters <- d.Clone(); return nil }
	if _, err := n.Subscribe(t.Context(), transport.SubscribeRequest{Patterns: []topic.Pattern{"error.#"}, Receive: transport.Serve(1, keep)}); err != nil {
		t.Fatal(err)
	}
	s, err := n.Subscribe(t.Context(), transport.SubscribeRequest{Name: "jobs", Patterns: q.Patterns, Profile: p, Receive: transport.Serve(1, keep)})
	if err != nil {
		t.Fatal(err)
	}
	var f transport.Failure
	if err := f.UnmarshalMsgpack((<-letters).Body); err != nil || f.Kind != "dead" || string(f.Original) != "x" || f.Attempts < 20 {
		t.Errorf("%+v, %v", f, err)
	}
	until(t, func() bool { return s.Stats().Dead == 1 }, "it is counted as dead")
	if st := s.Stats(); st.Balance() != 0 || deaths < 20 {
		t.Errorf("after %d deaths: %+v", deaths, st)
	}
	shut(t, n)
}
