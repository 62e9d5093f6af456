package zeromq

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"

	"github.com/xsgen/xsgen/runtime/transport"
)

// turns count whose turn it is in each group. The zero value is ready.
type turns struct {
	mu sync.Mutex
	n  map[string]uint64
}

func (t *turns) next(group string) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == nil {
		t.n = map[string]uint64{}
	}
	t.n[group]++
	return t.n[group] - 1
}

// choose is the process whose members get a message, by the group's policy; there is at
// least one. Among the members of one process its line chooses.
func (t *Transport) choose(group, key string, list []*target) *target {
	if able := slices.DeleteFunc(slices.Clone(list), (*target).busy); len(able) > 0 && list[0].policy != transport.Sticky {
		list = able
	} else if there := slices.DeleteFunc(slices.Clone(list), (*target).absent); len(there) > 0 {
		list = there
	}
	if len(list) == 1 {
		return list[0]
	}
	switch list[0].policy {
	case transport.LeastLoaded:
		return leastLoaded(list, t.turns.next(group))
	case transport.Random:
		return nth(list, rand.Uint64())
	case transport.Sticky:
		return sticky(list, key)
	}
	return nth(list, t.turns.next(group))
}

// nth counts members, and not processes.
func nth(list []*target, n uint64) *target {
	all := uint64(0)
	for _, tg := range list {
		all += uint64(tg.members.Load())
	}
	n %= max(all, 1)
	for _, tg := range list {
		m := uint64(tg.members.Load())
		if n < m {
			return tg
		}
		n -= m
	}
	return list[0]
}

func leastLoaded(list []*target, turn uint64) *target {
	best, least := list[0], -1.0
	for i := range list {
		tg := list[(uint64(i)+turn)%uint64(len(list))]
		load := float64(tg.load()) / float64(max(tg.members.Load(), 1))
		if least < 0 || load < least {
			best, least = tg, load
		}
	}
	return best
}

// sticky is the process that a key belongs to, the same for all publishers: only the keys of
// one that leaves or joins move (rendezvous hashing).
func sticky(list []*target, key string) *target {
	best, most := list[0], uint64(0)
	for _, tg := range list {
		for i := range tg.members.Load() {
			h := fnv.New64a()
			_, _ = h.Write([]byte(tg.node + "\x00" + strconv.FormatInt(i, 10) + "\x00" + key))
			if s := mix(h.Sum64()); s >= most {
				best, most = tg, s
			}
		}
	}
	return best
}

// mix spreads a hash over all bits (SplitMix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// absent reports whether a member's process is not there.
func (tg *target) absent() bool {
	switch {
	case tg.q != nil:
		tg.q.r.mu.Lock()
		defer tg.q.r.mu.Unlock()
		return tg.q.gone || !tg.q.alive || tg.q.r.out == nil
	case tg.pull != nil:
		return tg.pull.none()
	}
	return false
}

// busy reports whether a member has no room, or is not there.
func (tg *target) busy() bool {
	switch {
	case tg.q != nil:
		tg.q.r.mu.Lock()
		defer tg.q.r.mu.Unlock()
		return tg.q.gone || !tg.q.alive || tg.q.r.out == nil || tg.q.full(0)
	case tg.pull != nil:
		return tg.pull.full()
	}
	_, room := tg.line.Load()
	return !room
}

// load is how many messages a member has that are not done.
func (tg *target) load() int {
	switch {
	case tg.q != nil:
		tg.q.r.mu.Lock()
		defer tg.q.r.mu.Unlock()
		return max(tg.q.out, tg.q.taken.len()+tg.q.flying)
	case tg.pull != nil:
		return tg.pull.load()
	}
	n, _ := tg.line.Load()
	return n
}

// pass gives what somebody could not handle to other members of its group. What has none
// waits, if there is a queue where it can, and is lost otherwise, which is told.
func (t *Transport) pass(list []*entry) {
	lost := map[*rqueue]int{}
	for _, e := range list {
		if !t.passOne(e) {
			lost[e.of]++
		}
		e.p.release()
	}
	for q, n := range lost {
		t.onError(fmt.Errorf("zeromq: %d messages for %s%s are lost: nobody is there to handle them", n, q.group, q.name))
	}
}

func (t *Transport) passOne(e *entry) bool {
	if e.of.group == "" {
		return false
	}
	members := slices.DeleteFunc(slices.Clone(t.routes.members(e.of.group)), func(tg *target) bool { return tg.q == e.of || tg.observer })
	for len(members) > 0 {
		tg := t.choose(e.of.group, e.p.key, members)
		if tg.force(t, e) {
			return true
		}
		members = slices.DeleteFunc(members, func(x *target) bool { return x == tg })
	}
	return false
}
