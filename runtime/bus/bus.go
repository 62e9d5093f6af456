package bus

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/topic"
)

// Bus connects publishers and subscribers of one process. Its zero value is not
// usable; New makes one.
type Bus struct {
	epoch   string
	start   time.Time // of the bus's clock
	onError func(sub *Subscription, err error)
	kept    []keeping

	observer Observer
	received atomic.Uint64 // events of Receive that came without an id
	spares   atomic.Uint64

	mu     sync.Mutex
	nodes  map[string]anyNode // by topic, or by the pattern of a family
	subs   map[*Subscription]struct{}
	ending map[*Subscription]struct{} // are being closed: somebody waits for what they still have to do
	groups map[string]*group
	last   uint64      // the number of the latest subscription
	closed atomic.Bool // b.mu is held to set it

	literals map[topic.Pattern]*literal
}

// literal is a topic that somebody has subscribed to by its name, and its type.
type literal struct {
	typ  reflect.Type
	subs int
}

// Option is an option of a Bus.
type Option func(*Bus)

// OnError makes f be told of every error of a queued handler, as a *HandlerError and
// from a goroutine of its subscription, instead of logging it with slog.Default; those
// of direct handlers are returned to the publisher.
func OnError(f func(sub *Subscription, err error)) Option { return func(b *Bus) { b.onError = f } }

// New returns a bus with nobody on it.
func New(opts ...Option) *Bus {
	b := &Bus{
		onError: func(sub *Subscription, err error) {
			slog.Error("a handler has failed", "pattern", string(sub.pattern), "error", err)
		},
		start: time.Now(),
		epoch: strconv.FormatUint(rand.Uint64(), 36),
		nodes: map[string]anyNode{},
		subs:  map[*Subscription]struct{}{},

		ending:   map[*Subscription]struct{}{},
		groups:   map[string]*group{},
		literals: map[topic.Pattern]*literal{},
	}
	for _, o := range opts {
		o(b)
	}
	return b
}

// Epoch is the random text that the ids of the bus's events begin with: another one for
// each bus that is made.
func (b *Bus) Epoch() string { return b.epoch }

// Spares counts the publishes that could not use the event of their topic, since another
// one was under way, or the event has more than others: each has allocated one.
func (b *Bus) Spares() uint64 { return b.spares.Load() }

// now is the time since the bus was made, in nanoseconds.
func (b *Bus) now() int64 { return int64(time.Since(b.start)) }

// place is a topic, or a family of topics that differ in the key.
type place struct {
	bus    *Bus
	name   topic.Name
	family topic.Family
	keyed  bool

	number   uint64        // of the bus's places, from 1
	template topic.Pattern // what pattern returned when the place was made
	clone    func(any) any

	watched bool // there is an observer

	shortKey int            // bytes that a key may have whatever they are, without being escaped first
	seq      *atomic.Uint64 // the number of its latest event for whose id somebody may ask
}

func (p *place) pattern() topic.Pattern {
	if p.keyed {
		return p.family.Pattern()
	}
	return topic.Pattern(p.name)
}

// anyNode is a node of any type.
type anyNode interface {
	where() *place
	typ() reflect.Type
	// add and remove change who hears what is published under the given key, or,
	// with no key, under all keys; add reports whether the type fits.
	add(s *Subscription, keys []string) bool
	remove(s *Subscription, keys []string)
	members(g *group, i *item) []*Subscription
	settle() // waits for the publishes that were running when it was called
}

// nodeOf finds or makes the node for a place and a type.
func nodeOf[T any](p place) (*node[T], error) {
	if p.bus.closed.Load() {
		return nil, ErrClosed
	}
	return nodeEvenIfClosed[T](p)
}

// nodeEvenIfClosed is nodeOf for what is published while the bus is being closed.
func nodeEvenIfClosed[T any](p place) (*node[T], error) {
	b := p.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	id := string(p.pattern())
	if found, ok := b.nodes[id]; ok {
		n, ok := found.(*node[T])
		if !ok {
			return nil, fmt.Errorf("%w: %s carries %v, not %v", ErrTypeMismatch, id, found.typ(), reflect.TypeFor[T]())
		}
		return n, nil
	}
	if err := b.fits(&p, reflect.TypeFor[T]()); err != nil {
		return nil, err
	}
	p.number, p.template, p.watched = uint64(len(b.nodes))+1, topic.Pattern(id), b.observer != nil
	n := newNode[T](p)
	b.nodes[id] = n
	for _, s := range inOrder(b.subs) {
		b.connect(n, s)
	}
	return n, nil
}

// Subscriptions are those that are not closed, the oldest first.
func (b *Bus) Subscriptions() []*Subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	return inOrder(b.subs)
}

// inOrder are subscriptions, the oldest first: in this order direct handlers run. The
// bus's mutex is held.
func inOrder(subs map[*Subscription]struct{}) []*Subscription {
	return slices.SortedFunc(maps.Keys(subs), func(x, y *Subscription) int { return cmp.Compare(x.number, y.number) })
}

// connect adds s to n if its pattern matches; b.mu is held.
func (b *Bus) connect(n anyNode, s *Subscription) {
	if keys, ok := s.reach(n.where()); ok {
		n.add(s, keys)
	}
}

// fits is ErrTypeMismatch if somebody has subscribed to a topic of p by its name, and
// for another type; b.mu is held.
func (b *Bus) fits(p *place, typ reflect.Type) error {
	if !p.keyed {
		return b.literals[topic.Pattern(p.name)].fits(typ, string(p.name))
	}
	for name, l := range b.literals {
		if _, ok := reach(name, p); ok {
			if err := l.fits(typ, string(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *literal) fits(typ reflect.Type, name string) error {
	if l == nil || typ == nil || l.typ == typ {
		return nil
	}
	return fmt.Errorf("%w: %s is subscribed to as %v, not %v", ErrTypeMismatch, name, l.typ, typ)
}

// claim notes which topics s hears by their names, for which all who do agree on the
// type; b.mu is held.
func (b *Bus) claim(s *Subscription) error {
	names := s.literals()
	for _, name := range names {
		if err := b.literals[name].fits(s.typ, string(name)); err != nil {
			return err
		}
	}
	for _, name := range names {
		l := b.literals[name]
		if l == nil {
			l = &literal{typ: s.typ}
			b.literals[name] = l
		}
		l.subs++
	}
	return nil
}

// disclaim is claim's opposite; b.mu is held.
func (b *Bus) disclaim(s *Subscription) {
	for _, name := range s.literals() {
		if l := b.literals[name]; l != nil {
			if l.subs--; l.subs == 0 {
				delete(b.literals, name)
			}
		}
	}
}

// literals are the topics that a subscription to one type hears by their names.
func (s *Subscription) literals() []topic.Pattern {
	if s.typ == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.patterns), func(p topic.Pattern) bool { return !p.Literal() })
}

// reach is what the subscription's patterns reach together.
func (s *Subscription) reach(p *place) (keys []string, ok bool) {
	for _, pattern := range s.patterns {
		more, hit := reach(pattern, p)
		switch {
		case hit && more == nil:
			return nil, true
		case hit:
			keys = append(keys, more...)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys), len(keys) > 0
}

// reach reports whether pattern matches topics of p: all of them, or those of
// the given keys. A pattern without a wildcard at the key's place can match only
// keys that it spells out.
func reach(pattern topic.Pattern, p *place) (keys []string, ok bool) {
	if !p.keyed {
		return nil, pattern.Match(p.name)
	}
	literals := map[string]bool{}
	for seg := range strings.SplitSeq(string(pattern), ".") {
		if key, err := topic.UnescapeKey(seg); err == nil {
			literals[key] = true
		}
	}
	other := "x"
	for literals[other] {
		other += "x"
	}
	if n, err := p.family.Of(other); err == nil && pattern.Match(n) {
		return nil, true
	}
	for _, key := range slices.Sorted(maps.Keys(literals)) {
		if n, err := p.family.Of(key); err == nil && pattern.Match(n) {
			keys = append(keys, key)
		}
	}
	return keys, len(keys) > 0
}

// subscribe enters s into the bus.
func (b *Bus) subscribe(s *Subscription) (err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return ErrClosed
	}
	if err := b.claim(s); err != nil {
		return err
	}
	if err := b.join(s); err != nil {
		b.disclaim(s)
		return err
	}
	defer func() {
		if p := panicked(recover()); p != nil { // of its filter, asked about what is replayed
			b.disconnect(s)
			err = p
		}
	}()
	b.last++
	s.number = b.last
	for _, id := range slices.Sorted(maps.Keys(b.nodes)) {
		n := b.nodes[id]
		if keys, hit := s.reach(n.where()); hit && !n.add(s, keys) && s.byName(n.where()) {
			b.disconnect(s)
			return fmt.Errorf("%w: %s carries %v", ErrTypeMismatch, id, n.typ())
		}
	}
	b.subs[s] = struct{}{}
	return nil
}

// byName reports whether the subscription has named a topic of p.
func (s *Subscription) byName(p *place) bool {
	return slices.ContainsFunc(s.literals(), func(name topic.Pattern) bool {
		_, ok := reach(name, p)
		return ok
	})
}

// disconnect removes s from every node and returns those; b.mu is held.
func (b *Bus) disconnect(s *Subscription) []anyNode {
	delete(b.subs, s)
	b.leave(s)
	b.disclaim(s)
	var from []anyNode
	for _, n := range b.nodes {
		if keys, hit := s.reach(n.where()); hit {
			n.remove(s, keys)
			from = append(from, n)
		}
	}
	return from
}
