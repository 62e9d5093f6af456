package amqp_test

import (
	"context"
	"errors"
	"net/url"
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

// restrict has the lab's nodes be from now on a user's of their own. What that may configure,
// write and read permit is told.
func (l *lab) restrict() (permit func(configure, write, read string)) {
	l.tb.Helper()
	ctl := func(args ...string) {
		l.tb.Helper()
		if _, err := l.broker.Ctl(l.tb.Context(), args...); err != nil {
			l.tb.Fatal(err)
		}
	}
	u, err := url.Parse(l.url)
	if err != nil {
		l.tb.Fatal("the broker's address is no URL")
	}
	ctl("add_user", l.prefix, "secret")
	u.User = url.UserPassword(l.prefix, "secret")
	l.url = u.String()
	l.tb.Cleanup(func() { _, _ = l.broker.Ctl(context.Background(), "delete_user", l.prefix) }) // it may have been killed
	permit = func(configure, write, read string) {
		l.tb.Helper()
		ctl("set_permissions", l.prefix, configure, write, read)
		l.cut() // a channel remembers what it was allowed
	}
	permit(".*", ".*", ".*")
	return permit
}

// refused is a reader with one place for deliveries that may not publish any more, and a writer
// that may.
type refused struct {
	*lab
	permit         func(configure, write, read string)
	writer, reader transport.Transport
	failing        atomic.Bool // the reader's handler fails
	handled        atomic.Int32
	s              transport.Subscription
}

func newRefused(t *testing.T, b *rabbit.Broker, p transport.Profile) *refused {
	t.Helper()
	r := &refused{lab: newLab(t, b)}
	leaksNothing(t)
	r.writer = r.node("writer")
	r.permit = r.restrict()
	r.reader = r.node("reader")
	p.Prefetch = 1
	var err error
	r.s, err = r.reader.Subscribe(t.Context(), transport.SubscribeRequest{
		Name: "jobs", Patterns: []topic.Pattern{"event.do"}, Profile: p, Receive: transport.Serve(1, r.handle),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.failing.Store(true)
	r.permit(".*", "[.]reader[.]", ".*") // or it could not bind its queue
	rejects(t, r.reader)
	return r
}

func (r *refused) handle(_ context.Context, d *transport.Delivery) error {
	if r.failing.Load() {
		return errors.New("not yet")
	}
	r.handled.Add(1)
	if d.ReplyTo != "" {
		return d.Reply(context.Background(), &transport.Message{})
	}
	return nil
}

// publish has the writer publish events.
func (r *refused) publish(t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		m := &transport.Message{Envelope: transport.Envelope{ID: id, Topic: "event.do"}, Body: []byte(id), Profile: &transport.Profile{}}
		if err := transport.Publish(t.Context(), r.writer, m); err != nil {
			t.Fatal(err)
		}
	}
}

// failures waits until the handler has failed so often.
func (r *refused) failures(t *testing.T, n uint64) {
	t.Helper()
	until(t, func() bool { return r.s.Stats().Failed >= n }, "the handler has failed %d times", n)
}

// end looks at what has become of it.
func (r *refused) end(t *testing.T) {
	t.Helper()
	until(t, func() bool { st := r.s.Stats(); return st.Waiting+st.InFlight == 0 }, "nothing is under way")
	if st := r.s.Stats(); st.Balance() != 0 {
		t.Errorf("the counts do not add up: %+v", st)
	}
	shut(t, r.writer, r.reader)
}

// TestFailuresRefused has handlers fail while the broker lets the node publish neither retries nor
// replies: no event is lost, and none keeps its place for ever.
func TestFailuresRefused(t *testing.T) {
	b := rabbit.Own(t)
	for name, ack := range map[string]transport.Switch{"retries": jobs.ManualAck, "not acknowledged": transport.Off} {
		t.Run(name, func(t *testing.T) {
			p := jobs
			p.ManualAck = ack
			r := newRefused(t, b, p)
			r.publish(t, "1", "2", "3")
			r.failures(t, 3)
			r.failing.Store(false)
			until(t, func() bool { return r.handled.Load() == 3 }, "all are handled")
			r.permit(".*", ".*", ".*")
			r.end(t)
		})
	}
	t.Run("replies", func(t *testing.T) {
		r := newRefused(t, b, transport.Profile{})
		ask := func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			_, err := r.writer.Request(ctx, &transport.Message{Envelope: transport.Envelope{Topic: "event.do"}})
			return err
		}
		for n := range uint64(2) {
			ctx, cancel := context.WithCancel(t.Context())
			asked := make(chan error, 1)
			go func() { asked <- ask(ctx) }()
			until(t, func() bool { return r.s.Stats().Dead == n+1 }, "request %d is given up", n)
			cancel()
			<-asked
		}
		r.failing.Store(false)
		r.permit(".*", ".*", ".*")
		until(t, func() bool { return ask(t.Context()) == nil }, "a request is answered")
		r.end(t)
	})
}

// TestDeadLettersRefused has the broker let a node publish no dead letters: no event is let go of
// before its letter is stored.
func TestDeadLettersRefused(t *testing.T) {
	r := newRefused(t, rabbit.Own(t), transport.Profile{Durable: transport.Durable, DeadLetter: true})
	var letters atomic.Int32
	_, err := r.writer.Subscribe(t.Context(), transport.SubscribeRequest{
		Patterns: []topic.Pattern{"error.#"},
		Receive:  transport.Serve(1, func(context.Context, *transport.Delivery) error { letters.Add(1); return nil }),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.publish(t, "1", "2", "3")
	r.failures(t, 3)
	if st := r.s.Stats(); st.Dead > 0 {
		t.Errorf("%d are dead, without a letter", st.Dead)
	}
	r.permit(".*", ".*", ".*")
	until(t, func() bool { return letters.Load() == 3 && r.s.Stats().Dead == 3 }, "each has a dead letter")
	r.end(t)
}

// TestRetryQueueDiffers has a queue for retries that was declared by a profile with another retry.
func TestRetryQueueDiffers(t *testing.T) {
	l := newLab(t, rabbit.Shared(t))
	args := amqp091.Table{
		"x-queue-type": "quorum", "x-delivery-limit": int64(20), "x-overflow": "reject-publish", "x-dead-letter-strategy": "at-least-once",
		"x-message-ttl": int64(60_000), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": l.prefix + ".reader.jobs",
	}
	if _, err := l.channel().QueueDeclare(l.prefix+".reader.jobs.retry.1", true, false, false, false, args); err != nil {
		t.Fatal(err)
	}
	leaksNothing(t)
	var said log
	n := l.node("reader", amqp.Log(said.logger()))
	attempts := make(chan uint64, 10)
	handle := func(_ context.Context, d *transport.Delivery) error {
		if attempts <- d.Attempt; d.Attempt == 1 {
			return errors.New("not yet")
		}
		return nil
	}
	r := transport.SubscribeRequest{Name: "jobs", Patterns: []topic.Pattern{"event.do"}, Profile: jobs, Receive: transport.Serve(1, handle)}
	if _, err := n.Subscribe(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := transport.Publish(t.Context(), n, &transport.Message{Envelope: transport.Envelope{Topic: "event.do"}}); err != nil {
			t.Fatal(err)
		}
	}
	until(t, func() bool { return len(attempts) == 4 }, "each event has two attempts")
	if text := said.String(); strings.Count(text, "as it is") != 1 {
		t.Errorf("the log says:\n%s", text)
	}
	shut(t, n)
}

// TestReadRevoked has a user lose the permission to read under traffic, and get it again: what is
// published meanwhile waits.
func TestReadRevoked(t *testing.T) {
	l := newLab(t, rabbit.Own(t))
	permit := l.restrict()
	leaksNothing(t)
	var said log
	r := newTraffic(t, l, 4, amqp.Log(said.logger()))
	r.more(20)
	permit(".*", ".*", "^$")
	until(t, func() bool { return strings.Contains(said.String(), "ACCESS_REFUSED") }, "the reader is refused")
	r.more(20)
	permit(".*", ".*", ".*")
	r.more(20)
	r.end()
}

// TestStickyRefused has a member of a sticky group lose the permission to pass on what comes to the
// group: it waits, and is not given back again and again until it is taken for poison.
func TestStickyRefused(t *testing.T) {
	const keys = 5
	l := newLab(t, rabbit.Own(t))
	leaksNothing(t)
	writer := l.node("writer")
	permit := l.restrict()
	s := &sharing{seen: map[string][]int{}, owner: map[string]string{}}
	member := l.node("a")
	sub, err := member.Subscribe(t.Context(), s.request("a"))
	if err != nil {
		t.Fatal(err)
	}
	s.round(t, writer, keys, 1)
	n := l.dialed()
	permit(".*", "workers|members|amq[.]gen", ".*") // not by the default exchange
	until(t, func() bool { return l.dialed() >= n+3 && member.Status().Get().State == transport.Ready }, "the member is there again")
	s.publish(t, writer, keys, 2)
	until(t, func() bool { return member.Status().Get().State != transport.Ready }, "it is refused")
	permit(".*", ".*", ".*")
	until(t, func() bool { return s.complete(keys, 2) }, "all is handled")
	if st := sub.Stats(); st.Dead > 0 || st.Balance() != 0 {
		t.Errorf("%+v", st)
	}
	shut(t, writer, member)
	dropGroup(t, l)
}
