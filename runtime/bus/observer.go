package bus

import (
	"context"
	"time"
)

// Observer is told what becomes of a bus's events; package runtime/otel has one. Its
// methods are called in the goroutines of publishers and handlers, several at once.
// They must be quick, must not panic, must not keep e, and must not call the bus.
// Without an observer nothing is paid for it; with one every event is allocated.
type Observer interface {
	// Publish is called before an event is delivered. Handlers get the ctx that it
	// returns: direct ones as theirs, and what queued ones get goes through Handle. end is
	// called with what the publisher gets; it may be nil.
	Publish(ctx context.Context, e *AnyEvent) (_ context.Context, end func(error))
	// Handle is called before each call of a handler, with the handler's ctx, the one that
	// Publish has returned, and the number of the attempt, from 1; a handler gets the ctx
	// that it returns. For a batch it is called for each of its events.
	Handle(ctx, published context.Context, s *Subscription, e *AnyEvent, attempt int) (_ context.Context, end func(error))
	// Lose is called for an event that a subscription has accepted and does not handle, or
	// not any more.
	Lose(s *Subscription, e *AnyEvent, why Loss)
}

// Loss says why an event is not handled.
type Loss uint8

const (
	LostDropped   Loss = iota // by the overflow policy
	LostExpired               // it had waited for longer than its time to live
	LostDuplicate             // its id was known
	LostDead                  // the last attempt has failed
	LostLeft                  // Close has stopped waiting
)

func (l Loss) String() string {
	return [...]string{"dropped", "expired", "duplicate", "dead", "left"}[l]
}

// WithObserver has an observer told of all events of the bus.
func WithObserver(o Observer) Option { return func(b *Bus) { b.observer = o } }

// observe publishes with an observer.
func (n *node[T]) observe(ctx context.Context, x *extra, key string, v *T, timeout time.Duration) error {
	x, ctx, end := n.place.observed(ctx, x, key, v)
	err := n.publish(ctx, x, key, v, timeout)
	end(err)
	return err
}

// observed tells the observer of a publish. The event is known by its extra, so that
// its id is what the observer has seen.
func (p *place) observed(ctx context.Context, x *extra, key string, v any) (*extra, context.Context, func(error)) {
	if x == nil {
		x = &extra{}
	}
	x.seq, x.since = p.seq.Add(1), p.bus.now()
	e := &AnyEvent{origin: &origin{place: p, key: key, seq: x.seq, extra: x}, value: v}
	ctx, end := p.bus.observer.Publish(ctx, e)
	x.published = ctx
	if end == nil {
		end = func(error) {}
	}
	return x, ctx, end
}

// watched tells the observer of the calls of a direct handler.
func watched[T any](s *Subscription, h func(context.Context, *Event[T]) error) func(context.Context, *Event[T]) error {
	o := s.bus.observer
	if o == nil || h == nil {
		return h
	}
	return func(ctx context.Context, e *Event[T]) (err error) {
		ctx, end := o.Handle(ctx, ctx, s, e.asAny(), 1)
		if end != nil {
			err = errNotReturned // if it panics, or ends the goroutine
			defer func() { end(err) }()
		}
		return h(ctx, e)
	}
}

// handle calls the handler with the batch.
func (w *worker) handle() error {
	o := w.s.bus.observer
	if o == nil {
		return w.call(w.ctx, w.batch)
	}
	ctx := w.ctx
	var ends []func(error)
	for i := range w.batch {
		e := &w.batch[i]
		published := ctx
		if e.extra != nil && e.extra.published != nil {
			published = e.extra.published
		}
		var end func(error)
		if ctx, end = o.Handle(ctx, published, w.s, &AnyEvent{origin: &e.origin, value: e.value}, w.attempt(i)); end != nil {
			ends = append(ends, end)
		}
	}
	err := errGoexit
	defer func() {
		for _, end := range ends {
			end(err)
		}
	}()
	err = w.call(ctx, w.batch)
	return err
}

// attempt is the number of the call for the ith event of the batch.
func (w *worker) attempt(i int) int {
	if len(w.jobs) > 0 {
		return w.jobs[i].attempts + 1
	}
	if x := w.batch[i].extra; x != nil {
		return x.tried + 1
	}
	return 1
}

// lose tells the observer of an event that is lost.
func (s *Subscription) lose(i *item, why Loss) {
	if o := s.bus.observer; o != nil {
		o.Lose(s, &AnyEvent{origin: &i.origin, value: i.value}, why)
	}
}
