package bus

import (
	"context"
	"errors"
	"hash/maphash"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// node is a topic or a family together with who hears it.
type node[T any] struct {
	place place

	// event is what a publish uses, if it finds it free. Taking it is also how a
	// publish says that it is running: there is no other counter on the usual path.
	// The flag stands beside the event because an exchange of numbers is one
	// instruction, and one of pointers two calls.
	event   Event[T]
	taken   atomic.Uint32
	turn    atomic.Uint32   // settle changes it, and waits for the other side
	extra   [2]atomic.Int64 // publishes that found it taken, by the turn they saw
	awaited atomic.Bool     // somebody waits in settle

	all     atomic.Pointer[audience[T]] // who hears every key; copied when it changes
	keys    keyLists[T]                 // who hears one key
	history *history[T]                 // nil if nothing is kept

	mu       sync.Mutex // held to change lists, and to wait in settle
	done     *sync.Cond
	settling bool   // one settle at a time
	returns  uint64 // times that the event came back while somebody waited for it
}

// target is a subscription, or a group, as one node sees it: take is the handler of a
// direct one, fills the queue of another, and chooses a member. It is small, because
// every publish reads all of them.
type target[T any] struct {
	sub  *Subscription // of a group, one that is never closed
	take func(context.Context, *Event[T]) error
	*details[T]
}

// details are what not every publish needs of a target.
type details[T any] struct {
	all     func(context.Context, *Event[T], []*T) error // for a batch, nil if take is to be called for each
	keep    func(*Event[T]) bool                         // the filter that take asks, nil for none
	group   *group                                       // nil for a subscription
	members []member[T]
}

func newNode[T any](p place) *node[T] {
	n := &node[T]{place: p, history: historyOf[T](&p)}
	n.done = sync.NewCond(&n.mu)
	n.place.seq = new(atomic.Uint64)
	n.heardBy(nil)
	n.keys.seed = maphash.MakeSeed()
	n.place.clone = func(v any) any { return cloned(v.(*T)) }
	n.event.place = &n.place
	return n
}

func (n *node[T]) where() *place     { return &n.place }
func (n *node[T]) typ() reflect.Type { return reflect.TypeFor[T]() }

// add implements anyNode.
func (n *node[T]) add(s *Subscription, keys []string) bool {
	m, ok := memberOf[T](&n.place, s, keys)
	if !ok {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.history != nil && s.options.replay {
		n.history.mu.Lock()
		defer n.history.mu.Unlock()
		n.history.replay(&m, keys)
	}
	switch {
	case s.group != nil:
		n.regroup(s.group, func(members []member[T]) []member[T] { return append(members, m) })
	case keys != nil:
		for _, k := range keys {
			n.keys.add(k, targetOf(&m))
		}
	default:
		n.heardBy(append(slices.Clip(n.all.Load().targets), targetOf(&m)))
	}
	return true
}

// remove implements anyNode.
func (n *node[T]) remove(s *Subscription, keys []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case s.group != nil:
		n.regroup(s.group, func(members []member[T]) []member[T] {
			return slices.DeleteFunc(members, func(m member[T]) bool { return m.sub == s })
		})
	case keys != nil:
		for _, k := range keys {
			n.keys.remove(k, s)
		}
	default:
		n.heardBy(without(n.all.Load().targets, s))
	}
}

// regroup changes the members of a group. A group stands in the list of who hears
// every key, even for members that hear single ones: it gets an event once. n.mu is
// held.
func (n *node[T]) regroup(g *group, change func([]member[T]) []member[T]) {
	list := slices.Clone(n.all.Load().targets)
	at := slices.IndexFunc(list, func(t target[T]) bool { return t.group == g })
	if at < 0 {
		at = len(list)
		list = append(list, target[T]{details: &details[T]{}})
	}
	if members := change(slices.Clone(list[at].members)); len(members) == 0 {
		list = slices.Delete(list, at, at+1)
	} else {
		list[at] = groupTarget(g, members)
	}
	n.heardBy(list)
}

// members implements anyNode: who of a group hears an event, or would if it were not closed.
func (n *node[T]) members(g *group, i *item) []*Subscription {
	e := &Event[T]{origin: i.origin, value: i.value.(*T)}
	defer e.release()
	var out []*Subscription
	for _, t := range n.all.Load().targets {
		if t.group != g {
			continue
		}
		for j := range t.members {
			if m := &t.members[j]; m.hears(e) {
				out = append(out, m.sub)
			}
		}
	}
	return out
}

func without[T any](list []target[T], s *Subscription) []target[T] {
	var out []target[T]
	for _, t := range list {
		if t.sub != s {
			out = append(out, t)
		}
	}
	return out
}

// publish delivers v to everybody who hears key. The node's own event is for those that
// have nothing extra.
func (n *node[T]) publish(ctx context.Context, x *extra, key string, v *T, timeout time.Duration) error {
	if a := n.all.Load(); a.plain && n.keys.n.Load() == 0 {
		return n.publishPlain(ctx, a.queues, x, key, v, timeout)
	}
	e := &n.event
	var side *atomic.Int64
	if x != nil || debugging || n.taken.Swap(1) != 0 {
		side = n.side()
		e = n.spare(side)
		e.equip(x)
	}
	e.value = v
	all := n.all.Load().targets
	var own []target[T]
	if n.place.keyed || n.history != nil {
		e.key = key
		all, own = n.hearers(e)
	}
	if d := patience(timeout, len(all)+len(own)); d != e.timeout {
		e.timeout = d
	}
	done, full, err := n.deliverAll(ctx, all, e, side)
	if done < len(all) || len(own) > 0 || full != nil {
		w := waits[T]{timeout: timeout}
		if full != nil {
			w.full = append(w.full, full)
		}
		err = n.deliverRest(ctx, [2][]target[T]{all[done:], own}, e, side, &w, err)
	}
	if side != nil || n.awaited.Load() {
		n.end(e, side)
	} else if n.free(e) {
		n.wake()
	}
	if len(all)+len(own) == 0 && n.place.bus.isClosed() {
		return ErrClosed
	}
	return err
}

// deliverAll delivers to who hears every key, in order, and returns how many it
// has seen to. It guards against panics once for all of them; one ends it, and is
// an error. So does who has no room, and is not waited for. A handler that ends the
// goroutine ends the publish.
func (n *node[T]) deliverAll(ctx context.Context, list []target[T], e *Event[T], side *atomic.Int64) (done int, full *later[T], err error) {
	finished := false
	defer func() {
		if finished {
			return
		}
		if p := panicked(recover()); p != nil {
			err = join(err, p)
		} else {
			n.end(e, side)
		}
	}()
	for i := range list {
		t := &list[i]
		done = i + 1
		if t.sub.closed.Load() { // by a handler before it in the list, or meanwhile
			err = t.sub.skipped(err)
			continue
		}
		if next := t.take(ctx, e); next != nil {
			var waits bool
			if full, waits = next.(*later[T]); waits {
				break
			}
			err = join(err, next)
		}
	}
	finished = true
	return done, full, err
}

// deliverRest delivers to who hears the key only, and to who deliverAll has left, and waits
// for room where there was none.
func (n *node[T]) deliverRest(ctx context.Context, lists [2][]target[T], e *Event[T], side *atomic.Int64, w *waits[T], err error) error {
	finished := false
	defer func() {
		if !finished { // the goroutine ends: a panic is an error by now
			n.end(e, side)
		}
	}()
	for _, list := range lists {
		for i := range list {
			t := &list[i]
			if t.turn() > 0 {
				w.start(ctx, e)
			}
			if !t.sub.closed.Load() {
				err = w.or(err, deliver(ctx, t.take, e))
			} else {
				err = t.sub.skipped(err)
			}
		}
	}
	err = join(err, w.end(ctx, e))
	finished = true
	return err
}

// deliver calls a handler and turns a panic into an error.
func deliver[E any](ctx context.Context, h func(context.Context, E) error, e E) (err error) {
	returned := false
	defer func() {
		if !returned {
			err = panicked(recover())
		}
	}()
	err = h(ctx, e)
	returned = true
	return err
}

// deliverQueued is deliver for an event from a queue, whose number is kept for the next
// attempt.
func deliverQueued[T any](ctx context.Context, h Handler[T], e *Event[T], i *item) (err error) {
	returned := false
	defer func() {
		i.seq = e.seq
		if !returned {
			err = panicked(recover())
		}
	}()
	err = h(ctx, e)
	returned = true
	return err
}

// panicked is the error for a panic; nil if the goroutine is ending instead.
func panicked(r any) error {
	if r == nil {
		return nil
	}
	return &PanicError{Value: r, Stack: debug.Stack()}
}

func join(err, next error) error {
	switch {
	case next == nil:
		return err
	case err == nil:
		return next
	default:
		return errors.Join(err, next)
	}
}
