//go:build linux || darwin

package unix

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// group is a group whose members are in several processes. The publisher chooses the
// process that gets a message, by the group's policy and by how many members each has; that
// one chooses the member.
type group struct {
	name     string
	patterns []topic.Pattern
	digest   uint64
	policy   transport.GroupPolicy
	keyed    bool
	target   *target

	mu      sync.Mutex
	members []*target
	turn    int
}

// want takes over what a member wants.
func (g *group) want(o *offer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.patterns, g.digest, g.policy, g.keyed = o.patterns, o.digest, o.policy, o.is(offerKeyed)
}

func (g *group) add(to *target) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members = append(g.members, to)
}

// remove removes a member, and returns how many are left.
func (g *group) remove(to *target) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members = slices.DeleteFunc(g.members, func(x *target) bool { return x == to })
	return len(g.members)
}

// choice is a process that may get a message.
type choice struct {
	to     *target
	weight int // members
	load   float64
	room   bool
	absent bool
}

// choices are the processes of a group without one, in the order in which they came.
func (g *group) choices(size uint64, without *target) []choice {
	out := make([]choice, 0, len(g.members))
	for _, to := range g.members {
		if to == without {
			continue
		}
		c := choice{to: to, weight: 1}
		if to.line != nil {
			n, room := to.line.Load()
			c.weight, c.load, c.room = max(to.line.Members(), 1), float64(n), room
		} else {
			c.weigh(to.remote, size)
		}
		c.load /= float64(c.weight)
		out = append(out, c)
	}
	return out
}

func (c *choice) weigh(r *remote, size uint64) {
	r.peer.mu.Lock()
	defer r.peer.mu.Unlock()
	c.weight, c.absent = int(r.members), r.conn() == nil
	if r.is(offerKeeps) {
		c.load, c.room = float64(r.kept.waiting), uint64(r.kept.waiting) < r.capacity && !c.absent
		return
	}
	c.load = float64(r.sent - r.settled)
	c.room = !c.absent && !r.full(r.sent-r.settled, r.bytesIn-r.freed+size)
}

// pick is the process that gets a message, nil if there is none, and whether it has room.
func (g *group) pick(m *transport.Message, size uint64, without *target, here string) (*target, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.members) == 1 && without == nil {
		return g.members[0], true // whoever puts it there finds out
	}
	list := g.choices(size, without)
	if present := slices.DeleteFunc(slices.Clone(list), func(c choice) bool { return c.absent }); len(present) > 0 {
		list = present // those that are away get something only if nobody else is there
	}
	if len(list) == 0 {
		return nil, false
	}
	if g.keyed || g.policy == transport.Sticky {
		return sticky(list, m.Key, here)
	}
	if free := slices.DeleteFunc(slices.Clone(list), func(c choice) bool { return !c.room }); len(free) > 0 {
		return g.choose(free), true
	}
	return g.choose(list), false
}

// choose is the one whose turn it is by the policy; g.mu is held.
func (g *group) choose(list []choice) *target {
	total := 0
	for _, c := range list {
		total += c.weight
	}
	at := g.turn % total
	switch g.policy {
	case transport.Random:
		at = rand.IntN(total)
	case transport.LeastLoaded:
		return slices.MinFunc(list, func(a, b choice) int {
			switch {
			case a.load < b.load:
				return -1
			case a.load > b.load:
				return 1
			}
			return 0
		}).to
	default:
		g.turn++
	}
	for _, c := range list {
		if at < c.weight {
			return c.to
		}
		at -= c.weight
	}
	return list[0].to
}

// sticky is the process that a key belongs to, the same one for every publisher (rendezvous
// hashing).
func sticky(list []choice, key, here string) (*target, bool) {
	best, most := 0, uint64(0)
	for i, c := range list {
		name := here
		if c.to.remote != nil {
			name = c.to.remote.peer.name
		}
		h := fnv.New64a()
		_, _ = h.Write([]byte(name + "\x00" + key))
		if x := mix(h.Sum64()); i == 0 || x > most {
			best, most = i, x
		}
	}
	return list[best].to, list[best].room
}

// mix is a number that depends on all bits of x (SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
