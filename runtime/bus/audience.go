package bus

import (
	"context"
	"slices"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/queue"
)

// audience is who hears every key of a node. It does not change any more.
type audience[T any] struct {
	targets []target[T]
	last    int // where those begin that are served after everybody else
	// queues are the same, if all of them are queues that take events as they come, and
	// nothing else is to be done about one: then plain is set.
	queues []*consumers
	plain  bool
}

// heardBy makes others the audience; n.mu is held, and nobody else has the list.
func (n *node[T]) heardBy(list []target[T]) {
	slices.SortStableFunc(list, func(x, y target[T]) int { return x.turn() - y.turn() })
	a := &audience[T]{targets: list, last: len(list), plain: n.history == nil}
	if at := slices.IndexFunc(list, func(t target[T]) bool { return t.turn() > 0 }); at >= 0 {
		a.last = at
	}
	for i := range list {
		c := list[i].sub.queue
		if c == nil || list[i].group != nil || list[i].keep != nil || !c.plain() {
			a.plain = false
			break
		}
		a.queues = append(a.queues, c)
	}
	n.all.Store(a)
}

// turn is 1 for who is served after everybody else.
func (t *target[T]) turn() int {
	if t.sub.options.last {
		return 1
	}
	return 0
}

// and are who hears every key, and own, who hears one: all of them, in order.
func (a *audience[T]) and(own []target[T]) (all, rest []target[T]) {
	if len(own) == 0 || a.last == len(a.targets) {
		return a.targets, own
	}
	return a.targets[:a.last], slices.Concat(own, a.targets[a.last:])
}

// publishPlain is publish where there are queues only, or nobody at all. It needs no event
// of the node's, and settle does not wait for it: a queue that has ended says so.
func (n *node[T]) publishPlain(ctx context.Context, queues []*consumers, x *extra, key string, v *T, timeout time.Duration) (err error) {
	if len(queues) == 0 {
		if n.place.bus.isClosed() {
			return ErrClosed
		}
		return nil
	}
	var i item
	i.place, i.key, i.value = &n.place, key, v
	i.equip(x)
	if len(queues) > 1 {
		i.number()
		return fill(ctx, queues, &i, timeout)
	}
	c := queues[0] // whose handler numbers an event if it asks
	if c.s.closed.Load() {
		return c.s.skipped(nil)
	}
	return c.put(ctx, &i, timeout)
}

// abreast is how many queues are filled at once.
const abreast = 16

// fill queues an event in several queues, before it waits for one of them.
func fill(ctx context.Context, queues []*consumers, i *item, timeout time.Duration) (err error) {
	var full []*consumers
	for len(queues) > 0 {
		part := queues[:min(len(queues), abreast)]
		queues = queues[len(part):]
		var done [abreast]bool
		fillAtOnce(part, i, &done)
		for k, c := range part {
			switch {
			case done[k]:
			case c.s.closed.Load():
				err = c.s.skipped(err)
			default:
				if next := c.put(ctx, i, queue.NoWait); next == queue.ErrWouldWait {
					full = append(full, c)
				} else if next != nil {
					err = join(err, next)
				}
			}
		}
	}
	for _, c := range full {
		err = join(err, c.put(ctx, i, timeout))
	}
	return err
}

// fillAtOnce queues an event where that is done at once, and says so. It takes all places before
// it writes to one of them: each must come from the cache of another processor, and they come
// together if nothing is locked or unlocked in between.
func fillAtOnce(queues []*consumers, i *item, done *[abreast]bool) {
	var slots [abreast]*item
	for k, c := range queues {
		if !c.s.closed.Load() {
			slots[k] = c.q.TryReserve(0)
		}
	}
	for k := range queues {
		if slots[k] != nil {
			slots[k].set(i)
		}
	}
	for k, c := range queues {
		if slots[k] != nil {
			c.q.Commit(0)
			done[k] = true
		}
	}
}

// put queues an event that needs no preparation.
func (c *consumers) put(ctx context.Context, i *item, timeout time.Duration) error {
	slot, err := c.q.Reserve(ctx, 0, 0, c.patience(timeout))
	if slot == nil {
		return c.notPut(i, err)
	}
	slot.set(i)
	c.q.Commit(0)
	return nil
}

// set makes i a copy of from, field by field: a copy of the whole loads several fields at once,
// and a processor waits for those that it has just stored one by one.
func (i *item) set(from *item) {
	i.place, i.key, i.seq, i.extra, i.value = from.place, from.key, from.seq, from.extra, from.value
}

// notPut tells of an event that has found no place.
func (c *consumers) notPut(i *item, err error) error {
	if err == nil {
		c.q.Drop(i)
		return nil
	}
	return c.putError(i, err)
}
