package bus

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// publishBatch delivers values to everybody who hears key: to each subscription all of
// them, in order. An event has the same id for all.
func (n *node[T]) publishBatch(ctx context.Context, key string, values []*T, timeout time.Duration) (err error) {
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
	e.timeout, e.key = timeout, key
	first := n.numbers(uint64(len(values)))
	all, own := n.hearing(e, func(h *history[T], e *Event[T]) {
		for i, v := range values {
			e.seq, e.value = first+uint64(i), v
			h.keep(e)
		}
	})
	for _, list := range [...][]target[T]{all, own} {
		for i := range list {
			err = join(err, deliverBatch(ctx, &list[i], e, first, values))
		}
	}
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

// deliverBatch delivers to one subscription.
func deliverBatch[T any](ctx context.Context, t *target[T], e *Event[T], first uint64, values []*T) (err error) {
	if t.all != nil && !t.sub.closed.Load() {
		e.seq, e.value = first, nil
		return t.all(ctx, e, values)
	}
	for i, v := range values {
		if t.sub.closed.Load() {
			return t.sub.skipped(err)
		}
		e.seq, e.value = first+uint64(i), v
		if debugging {
			err = join(err, deliverOnce(ctx, t, e))
			continue
		}
		err = join(err, deliver(ctx, t.take, e))
	}
	return err
}

// deliverOnce delivers a copy of the event that is not used again.
func deliverOnce[T any](ctx context.Context, t *target[T], e *Event[T]) error {
	own := &Event[T]{origin: e.origin, value: e.value, timeout: e.timeout}
	defer own.release()
	return deliver(ctx, t.take, own)
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
		buf := itemBuffers.Get().(*[]item)
		items := (*buf)[:0]
		for i, v := range values {
			items = append(items, item{origin: e.origin, value: v})
			items[i].seq += uint64(i)
		}
		taken, err := s.queue.q.PutAll(ctx, 0, items, s.queue.patience(e.timeout))
		clear(items)
		*buf = items
		itemBuffers.Put(buf)
		if err == nil {
			return nil
		}
		if err = s.queue.putError(&item{}, err); err != nil {
			err = &BatchError{taken, err}
		}
		return err
	}
}
