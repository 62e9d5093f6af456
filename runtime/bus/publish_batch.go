package bus

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/queue"
)

// publishBatch delivers values to everybody who hears key: to each subscription all of
// them, in order. An event has the same id for all.
func (n *node[T]) publishBatch(ctx context.Context, key string, values []*T, timeout time.Duration) (err error) {
	if slices.Contains(values, nil) {
		return ErrNilEvent
	}
	if n.place.bus.observer != nil {
		return n.observeAll(ctx, key, values, timeout)
	}
	e := &n.event
	var count *atomic.Int64
	if debugging || n.taken.Swap(1) != 0 {
		count = n.side()
		e = n.spare(count)
	}
	defer n.end(e, count)
	e.key = key
	first := n.numbers(uint64(len(values)))
	all, own := n.hearing(e, func(h *history[T], e *Event[T]) {
		for i, v := range values {
			e.seq, e.value = first+uint64(i), v
			h.keep(e)
		}
	})
	e.timeout = patience(timeout, len(all)+len(own))
	w := waits[T]{timeout: timeout}
	for _, list := range [...][]target[T]{all, own} {
		for i := range list {
			if list[i].turn() > 0 {
				w.start(ctx, e)
			}
			full, next := deliverBatch(ctx, &list[i], e, first, values)
			if err = join(err, next); full != nil {
				w.full = append(w.full, full)
			}
		}
	}
	err = join(err, w.end(ctx, e))
	if len(all)+len(own) == 0 && n.place.bus.isClosed() {
		return ErrClosed
	}
	return err
}

// observeAll publishes one by one, for an observer to see each.
func (n *node[T]) observeAll(ctx context.Context, key string, values []*T, timeout time.Duration) (err error) {
	for _, v := range values {
		err = join(err, n.observe(ctx, nil, key, v, timeout))
	}
	return err
}

// numbers are as many numbers for events as wanted, of which the first is returned.
func (n *node[T]) numbers(count uint64) (first uint64) {
	return n.place.seq.Add(count) - count + 1
}

// deliverBatch delivers to one subscription, until it has no room and is not waited for: full
// delivers what is left.
func deliverBatch[T any](ctx context.Context, t *target[T], e *Event[T], first uint64, values []*T) (full *later[T], err error) {
	if t.all != nil && !t.sub.closed.Load() {
		e.seq, e.value = first, nil
		if err = t.all(ctx, e, values); err != nil {
			full, _ = err.(*later[T])
		}
		if full != nil {
			err = nil
		}
		return full, err
	}
	for i, v := range values {
		if t.sub.closed.Load() {
			return nil, t.sub.skipped(err)
		}
		e.seq, e.value = first+uint64(i), v
		next := deliverOnce(ctx, t.take, e)
		if l, waits := next.(*later[T]); waits {
			return l.before(t, first+uint64(i), values[i:]), err
		}
		err = join(err, next)
	}
	return nil, err
}

// before is l for the first of values, and then for the others, which t has not got either.
func (l *later[T]) before(t *target[T], first uint64, values []*T) *later[T] {
	return &later[T]{func(ctx context.Context, e *Event[T]) error {
		e.seq, e.value = first, values[0]
		err := deliverOnce(ctx, l.take, e)
		_, next := deliverBatch(ctx, t, e, first+1, values[1:])
		return join(err, next)
	}}
}

// deliverOnce calls a handler; when debugging, with a copy of the event that is not used again.
func deliverOnce[T any](ctx context.Context, take func(context.Context, *Event[T]) error, e *Event[T]) error {
	if debugging {
		own := &Event[T]{origin: e.origin, value: e.value, timeout: e.timeout}
		defer own.release()
		e = own
	}
	return deliver(ctx, take, e)
}

// itemBuffers are for enqueueAll.
var itemBuffers = sync.Pool{New: func() any { return new([]item) }}

// enqueueAll is what a queued subscription does with a batch; nil if each event needs
// to be looked at.
func enqueueAll[T any](s *Subscription) func(context.Context, *Event[T], []*T) error {
	if s.queue == nil || s.options.filter != nil || !s.queue.plain() {
		return nil
	}
	return func(ctx context.Context, e *Event[T], values []*T) error {
		return putAll(ctx, s.queue, e, e.seq, values, 0)
	}
}

// putAll queues those of values, whose first has a number, that are not done.
func putAll[T any](ctx context.Context, c *consumers, e *Event[T], first uint64, values []*T, done int) error {
	buf := itemBuffers.Get().(*[]item)
	items := (*buf)[:0]
	for i, v := range values[done:] {
		items = append(items, item{origin: e.origin, value: v})
		items[i].seq = first + uint64(done+i)
	}
	taken, err := c.q.PutAll(ctx, 0, items, c.patience(e.timeout))
	clear(items)
	*buf = items
	itemBuffers.Put(buf)
	done += taken
	if err == queue.ErrWouldWait {
		return &later[T]{func(ctx context.Context, e *Event[T]) error { return putAll(ctx, c, e, first, values, done) }}
	}
	if err != nil {
		err = c.putError(&item{}, err)
	}
	if err != nil {
		err = &BatchError{done, err}
	}
	return err
}
