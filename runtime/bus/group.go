package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/internal/again"
	"github.com/xsgen/xsgen/runtime/internal/queue"
	"github.com/xsgen/xsgen/runtime/transport"
)

// GroupPolicy says which member of a group gets an event.
type GroupPolicy = transport.GroupPolicy

// The policies of groups.
const (
	RoundRobin  = transport.RoundRobin  // one after the other
	LeastLoaded = transport.LeastLoaded // the one with the fewest events
	Random      = transport.Random
	Sticky      = transport.Sticky // always the same one for the same key, as long as it is there
)

// ErrGroupPolicy is returned for a member whose group has another policy.
var ErrGroupPolicy = errors.New("bus: the group has another policy")

// Group makes the subscription a member of a group: of all its members whose pattern
// and filter match, exactly one gets each event. The members of a group agree on the
// policy.
//
// A member whose queue has no room is passed over. An event whose handler has failed
// waits as the profile's retries say, and goes to another member then, to each once; the
// profile's further attempts are its last member's. Without retries there is no wait. A
// direct handler that fails is passed over within the publish. With OrderKey a failed event
// stays with its member, since what comes behind it does. With Sticky every event does,
// failed or not: if its member has no room, its profile says whether that is waited for.
//
// What a member still has when its Close stops waiting goes to the others as well, with
// Sticky to the one whose key it is then, and so does what a publish was waiting for room
// for. Members with a DedupWindow remember ids together, as many as the first of them says.
func Group(name string, policy GroupPolicy) SubscribeOption {
	return func(o *subscribeOptions) { o.group, o.policy = name, policy }
}

// group is a group of subscriptions.
type group struct {
	name   string
	policy GroupPolicy
	size   int           // members; the bus's mutex is held to change it
	next   atomic.Uint64 // whose turn it is
	seed   maphash.Seed
	sub    *Subscription // stands for the group in lists
	seen   *again.Window // ids that members have taken, nil if none remembers any
}

// share has a member that remembers ids remember those of all others that do: whoever
// took an event the first time, it comes again to anybody.
func (g *group) share(s *Subscription) {
	if s.queue == nil || s.queue.seen == nil {
		return
	}
	if g.seen == nil {
		g.seen = s.queue.seen
	}
	s.queue.seen = g.seen
}

// join finds or makes the group of a subscription; b.mu is held.
func (b *Bus) join(s *Subscription) error {
	o := &s.options
	if o.group == "" {
		return nil
	}
	g := b.groups[o.group]
	if g == nil {
		g = &group{name: o.group, policy: o.policy, seed: maphash.MakeSeed(), sub: &Subscription{bus: b}}
		b.groups[o.group] = g
	}
	if g.policy != o.policy {
		return fmt.Errorf("%w: %s", ErrGroupPolicy, g.name)
	}
	g.size++
	s.group = g
	g.share(s)
	return nil
}

// leave is join's opposite; b.mu is held.
func (b *Bus) leave(s *Subscription) {
	if g := s.group; g != nil {
		if g.size--; g.size == 0 {
			delete(b.groups, g.name)
		}
	}
}

// member is a member of a group as one node sees it.
type member[T any] struct {
	sub  *Subscription
	keys []string // that its pattern matches, nil for all
	keep func(*Event[T]) bool
	take func(context.Context, *Event[T]) error
	try  func(context.Context, *Event[T]) error // take, or ErrFull without waiting
}

// wants reports whether the member may get an event.
func (m *member[T]) wants(e *Event[T]) bool {
	return !m.sub.closed.Load() && m.fits(e)
}

// fits reports whether the event is one of those that the member hears.
func (m *member[T]) fits(e *Event[T]) bool {
	return (m.keys == nil || slices.Contains(m.keys, e.key)) && (m.keep == nil || m.keep(e))
}

// hears is wants for an event that another member has: one whose filter panics does not get
// it, and one that is closed keeps its place among the others.
func (m *member[T]) hears(e *Event[T]) (yes bool) {
	defer func() { _ = recover() }()
	return m.fits(e)
}

// groupTarget is what stands for the members in a node's list.
func groupTarget[T any](g *group, members []member[T]) target[T] {
	take := func(ctx context.Context, e *Event[T]) error { return deliverToGroup(ctx, g, members, e) }
	return target[T]{g.sub, take, &details[T]{group: g, members: members}}
}

// deliverToGroup delivers to one member: the one that the policy chooses or, if that
// has no room or fails, the next one. If none has room, the chosen one is waited for.
func deliverToGroup[T any](ctx context.Context, g *group, members []member[T], e *Event[T]) error {
	first := choose(g, members, e)
	if first < 0 { // nobody wants it, or those who did have just left
		e.request().answer(nil, ErrNoListener)
		return g.sub.skipped(nil)
	}
	if g.policy == Sticky { // two members must not have events of one key at once
		return insist(ctx, g, members, &members[first], e)
	}
	var full *member[T]
	var failed []error
	for i := range members {
		m := &members[(first+i)%len(members)]
		if i > 0 && !m.wants(e) {
			continue
		}
		switch err := deliver(ctx, m.try, e); {
		case err == nil:
			g.sub.bus.passedOver(m.sub, failed)
			return nil
		case !errors.Is(err, queue.ErrFull):
			if failed = append(failed, err); transport.IsPermanent(err) {
				return errors.Join(failed...)
			}
		case full == nil:
			full = m
		}
	}
	if full == nil {
		return errors.Join(failed...)
	}
	return insist(ctx, g, members, full, e)
}

// insist delivers to one member, and to no other, whatever becomes of that, unless it leaves
// the group meanwhile.
func insist[T any](ctx context.Context, g *group, members []member[T], m *member[T], e *Event[T]) error {
	err := deliver(ctx, m.take, e)
	if err == errLeft {
		return deliverToGroup(ctx, g, members, e)
	}
	if _, full := err.(*later[T]); full {
		return &later[T]{func(ctx context.Context, e *Event[T]) error { return insist(ctx, g, members, m, e) }}
	}
	return err
}

// errLeft is the error of a queue that has ended while a publish waited for room in it: the
// event is for those who stay.
var errLeft = errors.New("bus: the member has left the group")

// passedOver tells of the errors of members in whose place s has taken an event.
func (b *Bus) passedOver(s *Subscription, failed []error) {
	for _, err := range failed {
		b.onError(s, fmt.Errorf("bus: another member of the group %s has failed before: %w", s.group.name, err))
	}
}

// rank is how much the policy prefers a member for an event; false if it does not
// want it.
func rank[T any](g *group, m *member[T], e *Event[T]) (uint64, bool) {
	if !m.wants(e) {
		return 0, false
	}
	switch g.policy {
	case LeastLoaded:
		return math.MaxUint64 - uint64(m.sub.load()), true
	case Sticky:
		return g.weight(m.sub, e.key), true
	}
	return 0, true
}

// choose is the member of the highest rank: of several the first one from where the
// policy begins. It is -1 if no member wants the event.
func choose[T any](g *group, members []member[T], e *Event[T]) int {
	n := len(members)
	start := 0
	if g.policy == Random {
		start = rand.IntN(n)
	} else if g.policy != Sticky {
		start = int((g.next.Add(1) - 1) % uint64(n))
	}
	best, highest := -1, uint64(0)
	for i := range n {
		at := (start + i) % n
		r, ok := rank(g, &members[at], e)
		if !ok || best >= 0 && r <= highest {
			continue
		}
		if best, highest = at, r; g.policy == RoundRobin || g.policy == Random {
			break
		}
	}
	return best
}

// weight is a member's rank for a key: rendezvous hashing (Thaler and Ravishankar,
// 1998), so that no key moves but those of a member that leaves.
func (g *group) weight(s *Subscription, key string) uint64 {
	var h maphash.Hash
	h.SetSeed(g.seed)
	_, _ = h.WriteString(key)
	maphash.WriteComparable(&h, s.number)
	return h.Sum64()
}

// load is the number of events that a member has not settled.
func (s *Subscription) load() int64 {
	if s.queue != nil {
		return int64(s.queue.q.Stats().Used)
	}
	return s.running.Load()
}

// grouped is a direct handler of a group, whose calls are counted.
func grouped[T any](s *Subscription, h func(context.Context, *Event[T]) error) func(context.Context, *Event[T]) error {
	return func(ctx context.Context, e *Event[T]) error {
		s.running.Add(1)
		defer s.running.Add(-1)
		return h(ctx, e)
	}
}

// passTo gives an event that a member cannot handle to the first of others that has
// room for it; false if none has. The caller settles it, and counts it as passed.
func (s *Subscription) passTo(others []*Subscription, i item) bool {
	for _, other := range others {
		if other.queue.accept(&i) {
			return true
		}
	}
	return false
}

// others are the queued members of s's group that want an event, those after s first; with
// Sticky it is the one that gets the events of its key now.
func (s *Subscription) others(i *item) []*Subscription {
	if s.group == nil {
		return nil
	}
	b := i.place.bus
	b.mu.Lock()
	n := b.nodes[string(i.place.template)]
	b.mu.Unlock()
	if n == nil {
		return nil
	}
	members := n.members(s.group, i)
	at := slices.Index(members, s)
	members = slices.DeleteFunc(slices.Concat(members[at+1:], members[:max(at, 0)]), func(m *Subscription) bool { return m == s || m.queue == nil || m.closed.Load() })
	if s.group.policy == Sticky && len(members) > 0 {
		return []*Subscription{slices.MaxFunc(members, func(x, y *Subscription) int {
			return cmp.Compare(s.group.weight(x, i.key), s.group.weight(y, i.key))
		})}
	}
	return members
}

// accept queues an event that another member could not handle, if there is room. Its
// time to live goes on.
func (c *consumers) accept(i *item) bool {
	again := *i
	lane, err := c.prepare(&again)
	if err != nil {
		return false
	}
	if before := i.extra; before != nil && before.expires != 0 && again.extra != before {
		again.extra.expires = before.expires
	}
	return c.q.TryPut(lane, &again, again.size()) == nil
}
