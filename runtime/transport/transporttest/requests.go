package transporttest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

func asks(g promises) bool { return g.Requests }

var requests = []test{
	{"request", asks, request},
	{"request-no-listener", asks, requestNoListener},
	{"request-timeout", asks, requestTimeout},
	{"request-errors", asks, requestErrors},
	{"request-dropped", func(g promises) bool { return g.Requests && g.Overflow }, requestDropped},
	{"request-many", asks, requestMany},
	{"request-later", asks, requestLater},
	{"reply-without-request", asks, replyWithoutRequest},
}

// ask sends a request.
func (e *env) ask(ctx context.Context, body string) (*transport.Message, error) {
	return e.pub.Request(ctx, e.message("event.order.quote", body))
}

func request(e *env) {
	s := e.hear("event.order.#", transport.Profile{}, transport.Serve(1, func(ctx context.Context, d *transport.Delivery) error {
		if d.ReplyTo == "" || d.Correlation == "" {
			return errors.New("it is no request")
		}
		return d.Reply(ctx, &transport.Message{Envelope: transport.Envelope{Type: "Quote", Headers: map[string]string{"h": "v"}}, Body: append([]byte("re: "), d.Body...)})
	}))
	m, err := e.ask(e.ctx, "how much")
	e.noError(err, "asking")
	if string(m.Body) != "re: how much" || m.Type != "Quote" || m.Headers["h"] != "v" {
		e.Errorf("%+v", m)
	}
	if st := e.settled(s, 1); st.Handled != 1 {
		e.Errorf("%+v", st)
	}
}

func requestNoListener(e *env) {
	_, err := e.ask(e.ctx, "x")
	e.want(err, transport.ErrNoListener, "asking nobody")
	e.outcome(err, transport.OutcomeNotSent, true)
	var b inbox
	e.subscribe(transport.SubscribeRequest{Patterns: patternsOf("event.order.#"), Observer: true, Receive: func(ctx context.Context, d *transport.Delivery) {
		if err := d.Reply(ctx, &transport.Message{}); !errors.Is(err, transport.ErrNoRoute) {
			e.Errorf("an observer has answered: %v", err)
		}
		b.Receive(ctx, d)
	}})
	_, err = e.ask(e.ctx, "y")
	e.want(err, transport.ErrNoListener, "asking an observer")
	b.wait(e, 1) // it has heard the question
}

// requestTimeout has a receiver that answers after the requester has gone.
func requestTimeout(e *env) {
	g := newGate()
	s := e.hear("event.order.#", transport.Profile{}, g.Receive)
	ctx, cancel := context.WithTimeout(e.ctx, e.calm)
	defer cancel()
	_, err := e.ask(ctx, "x")
	e.want(err, transport.ErrTimeout, "asking somebody slow")
	e.want(err, context.DeadlineExceeded, "asking somebody slow")
	d := g.take(e)
	e.noError(d.Reply(e.ctx, &transport.Message{}), "answering late")
	e.noError(d.Settle(nil), "settling")
	ctx, cancel = context.WithCancel(e.ctx)
	cancel()
	if _, err = e.ask(ctx, "x"); !errors.Is(err, context.Canceled) || errors.Is(err, transport.ErrTimeout) {
		e.Errorf("asking with a ctx that has ended: %v", err)
	}
	e.settled(s, 1)
}

// requestErrors has receivers that fail: the requester is told, and nothing is tried
// again.
func requestErrors(e *env) {
	p := quickly(5)
	p.DeadLetter = true
	var letters inbox
	e.hear("error.#", transport.Profile{}, letters.Receive)
	s := e.hear("event.order.#", p, transport.Serve(1, func(ctx context.Context, d *transport.Delivery) error {
		switch string(d.Body) {
		case "fails":
			return errors.New("sold out")
		case "permanent":
			return transport.Permanent(errors.New("no such thing"))
		case "panics":
			panic("oh")
		}
		return nil
	}))
	for body, want := range map[string]transport.ReplyError{
		"fails": {Message: "sold out"}, "permanent": {Message: "no such thing", Permanent: true}, "panics": {Message: "xsgen: a handler panicked: oh"},
	} {
		_, err := e.ask(e.ctx, body)
		if got, ok := errors.AsType[*transport.ReplyError](err); !ok || *got != want {
			e.Errorf("%s: %v", body, err)
		}
	}
	_, err := e.ask(e.ctx, "nothing")
	e.want(err, transport.ErrNoReply, "asking somebody who says nothing")
	if st := e.settled(s, 4); st.Failed != 3 || st.Retried != 0 || st.Dead != 3 || st.Handled != 1 {
		e.Errorf("%+v", st)
	}
	if n := len(letters.messages()); n > 0 {
		e.Errorf("%d dead letters of requests", n)
	}
}

// requestDropped has requests that no receiver gets to see.
func requestDropped(e *env) {
	for i, p := range []transport.Profile{
		{Overflow: transport.DropNewest, Capacity: 1}, {Overflow: transport.DropOldest, Capacity: 2},
		{TTL: e.calm}, {DedupWindow: 1},
	} {
		g := newGate()
		s := e.hear("event.order.#", p, g.Receive)
		e.publish("event.order.x", "1")
		first := g.take(e)
		done := make(chan error)
		ask := e.message("event.order.quote", "x")
		if p.DedupWindow > 0 {
			ask.ID = first.ID
		}
		go func() { _, err := e.pub.Request(e.ctx, ask); done <- err }()
		time.Sleep(2 * e.calm)
		if p.Overflow == transport.DropOldest {
			e.publish("event.order.x", "2")
		} else if p.Overflow == transport.Block {
			e.noError(first.Settle(nil), "settling")
		}
		if err := <-done; !errors.Is(err, transport.ErrNoReply) {
			e.Errorf("profile %d: %v", i, err)
		}
		ctx, cancel := context.WithTimeout(e.ctx, 0)
		_ = s.Close(ctx)
		cancel()
	}
	g := newGate()
	s := e.hear("event.order.#", transport.Profile{}, g.Receive)
	done := make(chan error)
	go func() { _, err := e.ask(e.ctx, "x"); done <- err }()
	g.take(e)
	ctx, cancel := context.WithTimeout(e.ctx, 0)
	defer cancel()
	e.want(s.Close(ctx), transport.ErrDrainTimeout, "closing with a request unanswered")
	e.want(<-done, transport.ErrNoReply, "asking somebody who leaves")
}

// requestLater has a request be answered after it was settled, when what came behind it has
// been handled.
func requestLater(e *env) {
	type answer func(context.Context, *transport.Message) error
	var first answer
	s := e.hear("event.order.#", transport.Profile{}, transport.Serve(1, func(ctx context.Context, d *transport.Delivery) error {
		if first == nil {
			var err error
			first, err = d.Detach()
			return err
		}
		return errors.Join(d.Reply(ctx, &transport.Message{Body: []byte("second")}), first(ctx, &transport.Message{Body: []byte("first")}))
	}))
	replies := make(chan string, 2)
	ask := func() {
		m, err := e.ask(e.ctx, "x")
		if err != nil {
			e.Errorf("%v", err)
			m = &transport.Message{}
		}
		replies <- string(m.Body)
	}
	go ask()
	e.settled(s, 1) // the first is
	go ask()
	if got := map[string]bool{<-replies: true, <-replies: true}; !got["first"] || !got["second"] {
		e.Errorf("the replies are %v", got)
	}
}

// requestMany has many requests at once, answered by a group in any order.
func requestMany(e *env) {
	for i := range 2 {
		r := transport.SubscribeRequest{Patterns: patternsOf("event.order.#"), Profile: transport.Profile{Concurrency: 4}}
		r.Receive = transport.Serve(4, func(ctx context.Context, d *transport.Delivery) error {
			return d.Reply(ctx, &transport.Message{Body: d.Body})
		})
		if len(e.promised.Policies) == 0 && i > 0 {
			break
		} else if len(e.promised.Policies) > 0 {
			r.Group, r.Policy = "clerks", e.promised.Policies[0]
		}
		e.subscribe(r)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			for j := range 10 {
				body := fmt.Sprintf("%d-%d", i, j)
				if m, err := e.ask(e.ctx, body); err != nil || string(m.Body) != body {
					e.Errorf("%s: %v, %v", body, m, err)
				}
			}
		})
	}
	wg.Wait()
}

func replyWithoutRequest(e *env) {
	g := newGate()
	e.hear("event.order.#", transport.Profile{}, g.Receive)
	e.publish("event.order.x", "x")
	d := g.take(e)
	e.want(d.Reply(e.ctx, &transport.Message{}), transport.ErrNoRoute, "answering what is no request")
	e.noError(d.Settle(nil), "settling")
	ctx, cancel := context.WithTimeout(e.ctx, patience/2)
	defer cancel()
	done := make(chan error)
	go func() { _, err := e.ask(ctx, "y"); done <- err }()
	d = g.take(e)
	big := &transport.Message{Body: make([]byte, e.promised.MaxBody+1)}
	e.want(d.Reply(e.ctx, big), transport.ErrTooLarge, "a reply that is too large")
	e.noError(d.Reply(e.ctx, &transport.Message{}), "a smaller one")
	e.want(d.Reply(e.ctx, &transport.Message{}), transport.ErrStale, "a second one")
	e.noError(<-done, "asking")
	e.noError(d.Settle(nil), "settling")
	e.want(d.Reply(e.ctx, &transport.Message{}), transport.ErrStale, "one after settling")
}
