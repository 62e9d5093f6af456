package local

import (
	"cmp"
	"hash/maphash"
	"math/rand/v2"
	"slices"

	"github.com/xsgen/xsgen/runtime/transport"
)

// join makes m a member.
func (l *Line) join(m *Member) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.members = append(l.members, m)
	l.all = append(l.all, m)
	l.free += m.free
	l.pump()
}

// place hands a message to a member; l.mu is held, and some member has room.
func (l *Line) place(i *item) {
	m := l.pick(i)
	if m.free == 0 {
		m.parked.Push(*i)
		return
	}
	m.give(i)
}

// pick is the member that gets a message.
func (l *Line) pick(i *item) *Member {
	n := len(l.members)
	switch {
	case n == 1:
		return l.members[0]
	case l.request.Policy == transport.Sticky:
		return l.sticky(i.p.Key)
	case l.request.Policy == transport.Random:
		l.turn = rand.IntN(n)
	}
	best, at := -1, 0
	for k := range n {
		m := l.members[(l.turn+k)%n]
		if m.free == 0 {
			continue
		}
		if score := l.score(m, i); best < 0 || score < best {
			best, at = score, (l.turn+k)%n
		}
	}
	l.turn = (at + 1) % n
	return l.members[at]
}

// score is lower for a member that is the better one; one where the message has
// failed is the worst.
func (l *Line) score(m *Member, i *item) int {
	score := 0
	if l.request.Policy == transport.LeastLoaded {
		score = m.unsettled.n
	}
	if slices.Contains(i.failed, m) {
		score += 1 << 30
	}
	return score
}

// ripe reports whether a message can be handed over. One that has failed is for a member
// where it has not, as long as there is one, even if that has no room yet.
func (l *Line) ripe(i *item) bool {
	if len(i.failed) == 0 || l.request.Policy == transport.Sticky {
		return true
	}
	others := false
	for _, m := range l.members {
		if slices.Contains(i.failed, m) {
			continue
		}
		if m.free > 0 {
			return true
		}
		others = true
	}
	return !others
}

// chosen is ripe for a message that waits in choosy otherwise.
func (l *Line) chosen(i item) bool {
	if l.ripe(&i) {
		return true
	}
	l.choosy = append(l.choosy, i)
	return false
}

// sticky is the member that a key belongs to: only those of a member that leaves or
// joins move (rendezvous hashing).
func (l *Line) sticky(key string) *Member {
	h := maphash.String(l.seed, key)
	return slices.MaxFunc(l.members, func(a, b *Member) int {
		return cmp.Compare(mix(h, a.number), mix(h, b.number))
	})
}

// mix is a number that depends on all bits of both (SplitMix64).
func mix(h, n uint64) uint64 {
	x := h + n*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// tries is how many members may try a message that m has, m included: with Sticky it
// stays where it is.
func (l *Line) tries(m *Member) int {
	if l.request.Policy == transport.Sticky {
		return 1
	}
	others := len(l.members)
	if slices.Contains(l.members, m) {
		others--
	}
	return 1 + others + l.others()
}

// dismiss lets m leave, if it is not the last member: what its receiver has not seen
// goes to others. l.mu is held.
func (l *Line) dismiss(m *Member) {
	l.members = slices.DeleteFunc(l.members, func(x *Member) bool { return x == m })
	l.free -= m.free
	m.leaving, m.free = true, 0
	l.takeBack(m, func(d *delivery) bool { return !d.handed })
	m.inbox.Drain()
	l.pump()
}

// takeBack has deliveries of m go to others, in their order, and what is parked there.
func (l *Line) takeBack(m *Member, which func(*delivery) bool) int {
	var items []item
	for d, next := m.unsettled.first, (*delivery)(nil); d != nil; d = next {
		if next = d.after; !which(d) {
			continue
		}
		m.unsettled.remove(d)
		items = append(items, d.item)
		if d.handed {
			d.revoked = true
			d.item.p.Retain() // the receiver may still read it
		}
	}
	l.ready.Unshift(slices.Concat(items, m.parked.Drain()))
	return len(items)
}
