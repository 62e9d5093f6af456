package amqp

import (
	"errors"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/xsgen/xsgen/runtime/transport"
)

// queued has a publisher without a connection take a durable message.
func queued(t *testing.T, p *publisher) *outgoing {
	t.Helper()
	p.set(func() { p.open, p.refused = true, nil })
	m := &transport.Message{Envelope: transport.Envelope{ID: "1", Topic: "event.a"}, Profile: &transport.Profile{Durable: transport.Durable}}
	o, err := p.begin(t.Context(), "events", "event.a", m)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestDoubtful has messages end that wait to be written: those that were written before may be
// stored, whatever ends them, and only of the others it is known that nobody has them.
func TestDoubtful(t *testing.T) {
	refused := &amqp.Error{Code: amqp.AccessRefused}
	shut := func(p *publisher, _ *outgoing) { p.close(transport.ErrClosed) }
	refuse := func(p *publisher, _ *outgoing) { p.refuse(refused) }
	lost := func(p *publisher, _ *outgoing) { p.lost(refused) }
	late := func(p *publisher, o *outgoing) {
		p.closed = transport.ErrClosed
		if p.unsent.Len() > 0 {
			p.unsent.Pop()
		}
		p.enqueue(o)
	}
	cut := func(p *publisher, _ *outgoing) { p.lost(amqp.ErrClosed) }
	nack := func(p *publisher, _ *outgoing) { confirm(p, amqp.Confirmation{}, nil); p.t.links.Wait() }
	returned := func(p *publisher, o *outgoing) {
		p.next()
		confirm(p, amqp.Confirmation{Ack: true}, &amqp.Return{MessageId: o.id, RoutingKey: o.key, ReplyText: "NO_ROUTE"})
	}
	for _, tt := range []struct {
		name   string
		before func(*publisher, *outgoing) // after it was written; nil is that it was not
		end    func(*publisher, *outgoing)
		want   transport.Outcome
	}{
		{"closed", nil, shut, transport.OutcomeNotSent},
		{"refused", nil, refuse, transport.OutcomeNotSent},
		{"lost", nil, lost, transport.OutcomeNotSent},
		{"late", nil, late, transport.OutcomeNotSent},
		{"returned", nil, returned, transport.OutcomeNotSent},
		{"written, closed", cut, shut, transport.OutcomeUnknown},
		{"written, refused", cut, refuse, transport.OutcomeUnknown},
		{"written, lost", cut, lost, transport.OutcomeUnknown},
		{"written, late", cut, late, transport.OutcomeUnknown},
		{"written, returned", cut, returned, transport.OutcomeUnknown},
		{"full, closed", nack, shut, transport.OutcomeUnknown},
		{"full, refused", nack, refuse, transport.OutcomeUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := &Transport{o: &options{window: 10, backoff: backoff{time.Microsecond, time.Millisecond}}}
			tr.ctx, tr.publisher = t.Context(), newPublisher(tr)
			p := tr.publisher
			o := queued(t, p)
			o.mandatory = true
			if tt.before != nil {
				p.next()
				tt.before(p, o)
			}
			if p.unsent.Len() != 1 {
				t.Fatalf("%d messages wait to be written", p.unsent.Len())
			}
			tt.end(p, o)
			err := o.Wait(t.Context())
			if e, ok := errors.AsType[*transport.PublishError](err); !ok || e.Outcome() != tt.want {
				t.Errorf("%v, want the outcome %v", err, tt.want)
			}
			if _, err := tr.await(t.Context(), &transport.Message{}, nil, o); errors.Is(err, transport.ErrNoListener) {
				if e, _ := errors.AsType[*transport.PublishError](err); e.Outcome() != tt.want {
					t.Errorf("a request: %v, want the outcome %v", err, tt.want)
				}
			}
		})
	}
}

// confirm has the broker confirm what was written first, after it has returned it perhaps.
func confirm(p *publisher, c amqp.Confirmation, back *amqp.Return) {
	confirms, returns := make(chan amqp.Confirmation, 1), make(chan amqp.Return, 1)
	if back != nil {
		returns <- *back
	}
	confirms <- c
	close(confirms)
	p.confirm(confirms, returns)
}
