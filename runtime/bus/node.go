package bus

import (
	"context"
	"errors"
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

	// cached is the event that a publish uses. Taking it out is also how a publish
	// says that it is running: there is no other counter on the usual path.
	cached  atomic.Pointer[Event[T]]
	turn    atomic.Uint32   // settle changes it, and waits for the other side
	extra   [2]atomic.Int64 // publishes that found no event, by the turn they saw
	awaited atomic.Bool     // somebody waits in settle

	lists atomic.Pointer[lists[T]]

	settling sync.Mutex // one settle at a time
	mu       sync.Mutex // held to change lists, and to wait in settle
	done     *sync.Cond
	returns  uint64 // times that the cached event came back while somebody waited
}

// lists are the subscribers of a node: of every key, and, for keys that somebody
// asked for by name, of that key, those of every key included.
type lists[T any] struct {
	all   []target[T]
	byKey map[string][]target[T]
}

// target is a subscription as one node sees it: take is the handler of a direct
// one, and fills the queue of another.
type target[T any] struct {
	sub  *Subscription
	take func(context.Context, *Event[T]) error
}

func newNode[T any](p place) *node[T] {
	n := &node[T]{place: p}
	n.done = sync.NewCond(&n.mu)
	n.lists.Store(&lists[T]{})
	e := &Event[T]{}
	e.place = &n.place
	n.cached.Store(e)
	return n
}

func (n *node[T]) where() *place     { return &n.place }
func (n *node[T]) typ() reflect.Type { return reflect.TypeFor[T]() }

// add implements anyNode.
func (n *node[T]) add(s *Subscription, keys []string) bool {
	t, ok := targetOf[T](s)
	if !ok {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	old := n.lists.Load()
	l := &lists[T]{all: old.all, byKey: map[string][]target[T]{}}
	for k, list := range old.byKey {
		l.byKey[k] = list
	}
	if keys == nil {
		l.all = append(slices.Clip(old.all), t)
		for k, list := range old.byKey {
			l.byKey[k] = append(slices.Clip(list), t)
		}
	}
	for _, k := range keys {
		list, ok := l.byKey[k]
		if !ok {
			list = l.all
		}
		l.byKey[k] = append(slices.Clip(list), t)
	}
	n.lists.Store(l)
	return true
}

// remove implements anyNode.
func (n *node[T]) remove(s *Subscription) {
	n.mu.Lock()
	defer n.mu.Unlock()
	old := n.lists.Load()
	l := &lists[T]{all: without(old.all, s), byKey: map[string][]target[T]{}}
	for k, list := range old.byKey {
		if list = without(list, s); len(list) > len(l.all) {
			l.byKey[k] = list
		}
	}
	n.lists.Store(l)
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

// settle implements anyNode. Lists were changed before it is called, so that a
// publish that begins now sees the new ones; those that hold the event, or were
// counted on the side of the turn that ends here, may not have.
func (n *node[T]) settle() {
	n.settling.Lock()
	defer n.settling.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.awaited.Store(true)
	defer n.awaited.Store(false)
	for start := n.returns; n.cached.Load() == nil && n.returns == start; {
		n.done.Wait()
	}
	old := &n.extra[(n.turn.Add(1)-1)&1]
	for old.Load() != 0 {
		n.done.Wait()
	}
}

// spare makes an event where the cached one is in use, and counts it.
func (n *node[T]) spare() (*Event[T], *atomic.Int64) {
	side := &n.extra[n.turn.Load()&1]
	side.Add(1)
	e := &Event[T]{}
	e.place = &n.place
	return e, side
}

// end gives the event back; side is nil if it is the cached one.
func (n *node[T]) end(e *Event[T], side *atomic.Int64) {
	if side != nil {
		side.Add(-1)
	} else {
		e.seq = 0 // the value stays until the next publish: one for each topic
		n.cached.Store(e)
	}
	if n.awaited.Load() {
		n.wake(side == nil)
	}
}

// wake tells who waits in settle that a publish has ended.
func (n *node[T]) wake(returned bool) {
	n.mu.Lock()
	if returned {
		n.returns++
	}
	n.done.Broadcast()
	n.mu.Unlock()
}

// publish delivers v to everybody who hears key.
func (n *node[T]) publish(ctx context.Context, key string, v *T, timeout time.Duration) error {
	e := n.cached.Swap(nil)
	var side *atomic.Int64
	if e == nil {
		e, side = n.spare()
	}
	l := n.lists.Load()
	list := l.all
	if n.place.keyed {
		e.key = key
		if keyed, ok := l.byKey[key]; ok {
			list = keyed
		}
	}
	e.value = v
	if timeout != e.timeout {
		e.timeout = timeout
	}
	done, err := n.deliverAll(ctx, l, list, e)
	for done < len(list) { // a handler has panicked
		var next error
		var more int
		more, next = n.deliverAll(ctx, l, list[done:], e)
		done, err = done+more, join(err, next)
	}
	if n.end(e, side); len(list) == 0 && n.place.bus.isClosed() {
		return ErrClosed
	}
	return err
}

// deliverAll calls the handlers of a list and fills its queues, in order, and
// returns how many it has seen to. It guards against panics once for all of them;
// one ends it, and is an error. Close looks for this function on the stack.
func (n *node[T]) deliverAll(ctx context.Context, l *lists[T], list []target[T], e *Event[T]) (done int, err error) {
	finished := false
	defer func() {
		if !finished {
			err = join(err, panicked(recover()))
		}
	}()
	for i := range list {
		t := &list[i]
		done = i + 1
		if n.lists.Load() != l && t.sub.closed.Load() {
			continue // closed by a handler before it in the list, or meanwhile
		}
		if next := t.take(ctx, e); next != nil {
			err = join(err, next)
		}
	}
	finished = true
	return done, err
}

// item is the event as it is queued.
func (e *Event[T]) item(v *T) item {
	if e.seq == 0 {
		e.seq = e.place.bus.seq.Add(1)
	}
	return item{e.origin, v}
}

// deliver calls a handler and turns a panic into an error. Close looks for this
// function on the stack.
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
