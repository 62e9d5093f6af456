package bus

import (
	"errors"
	"sync"

	"github.com/xsgen/xsgen/runtime/topic"
)

// KeepLast has the bus keep the last n events of each topic that a pattern matches,
// for subscriptions with Replay; of a keyed topic n for each key. Several may be
// given; the first that matches a topic counts. What is kept stays in memory until
// the bus is not used any more.
func KeepLast(pattern topic.Pattern, n int) Option {
	return func(b *Bus) { b.kept = append(b.kept, keeping{pattern, n}) }
}

// keeping is what KeepLast asks for.
type keeping struct {
	pattern topic.Pattern
	n       int
}

// Replay has a subscription, which must be queued and in no group, begin with what the bus keeps of
// its topics (KeepLast): the older events first, of each topic, as far as there is
// room for them; then comes what is published from now on. Nothing is missing in
// between, and nothing comes twice.
func Replay() SubscribeOption { return func(o *subscribeOptions) { o.replay = true } }

var (
	errReplayDirect = errors.New("bus: Replay needs a queued subscription")
	errReplayGroup  = errors.New("bus: Replay is not for members of a group: others may have had what is kept")
)

// history is what is kept of a node's topics.
type history[T any] struct {
	mu   sync.Mutex // held to keep an event and to find out who hears it, in one
	n    int
	last map[string]*ring[T] // by key
}

// ring are the last events of one topic, from next on.
type ring[T any] struct {
	events []Event[T]
	next   int
}

// historyOf is the history of a place; nil if nothing is to be kept.
func historyOf[T any](p *place) *history[T] {
	for _, k := range p.bus.kept {
		if _, ok := reach(k.pattern, p); ok && k.n > 0 {
			return &history[T]{n: k.n, last: map[string]*ring[T]{}}
		}
	}
	return nil
}

// keep adds an event; h.mu is held.
func (h *history[T]) keep(e *Event[T]) {
	r := h.last[e.key]
	if r == nil {
		r = &ring[T]{}
		h.last[e.key] = r
	}
	e.number()
	kept := Event[T]{origin: e.origin, value: e.value}
	if id := e.given(); id != "" {
		kept.extra = &extra{id: id} // but nobody waits for a late subscriber's reply
	}
	if len(r.events) < h.n {
		r.events = append(r.events, kept)
		return
	}
	r.events[r.next] = kept
	r.next = (r.next + 1) % h.n
}

// each visits what is kept of a key, the oldest first; h.mu is held.
func (r *ring[T]) each(visit func(*Event[T]) bool) {
	for i := range r.events {
		if !visit(&r.events[(r.next+i)%len(r.events)]) {
			return
		}
	}
}

// hearers keeps an event, if the bus is asked to, and returns who hears it.
func (n *node[T]) hearers(e *Event[T]) (all, own []target[T]) {
	return n.hearing(e, (*history[T]).keep)
}

// hearing is hearers with another way to keep what e stands for.
func (n *node[T]) hearing(e *Event[T], keep func(*history[T], *Event[T])) (all, own []target[T]) {
	if n.history != nil {
		n.history.mu.Lock()
		defer n.history.mu.Unlock()
		keep(n.history, e)
	}
	if n.place.keyed {
		own = n.keys.of(e.key)
	}
	return n.all.Load().and(own)
}

// replay queues what is kept for a member, of the given keys or of all.
func (h *history[T]) replay(m *member[T], keys []string) {
	if keys == nil {
		for key := range h.last {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		if r := h.last[key]; r != nil {
			r.each(func(e *Event[T]) bool {
				return m.keep != nil && !m.keep(e) || m.try(nil, e) == nil
			})
		}
	}
}
