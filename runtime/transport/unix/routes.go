//go:build linux || darwin

package unix

import (
	"sync"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport/internal/local"
)

// target is where messages go: a line of this process, a queue of another one, or a group
// of either.
type target struct {
	line   *local.Line
	remote *remote
	group  *group
}

func (x *target) patterns() []topic.Pattern {
	switch {
	case x.line != nil:
		return x.line.Request().Patterns
	case x.remote != nil:
		return x.remote.patterns
	}
	return x.group.patterns
}

// observes reports whether the target does not count as a receiver.
func (x *target) observes() bool {
	return x.line != nil && x.line.Request().Observer || x.remote != nil && x.remote.is(offerObserves)
}

// routes find the targets of a topic.
type routes struct {
	index topic.Index[*target]

	mu     sync.Mutex
	known  map[any]*target // by line or remote
	groups map[string]*group
}

func (x *routes) init() { x.known, x.groups = map[any]*target{}, map[string]*group{} }

// add adds a target that is no group itself, under the key by which it is found again.
func (x *routes) add(key any, to *target, o *offer) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.known[key] != nil {
		return
	}
	x.known[key] = to
	if o.group == "" {
		x.insert(to)
		return
	}
	g := x.groups[o.group]
	if g == nil {
		g = &group{name: o.group}
		g.target = &target{group: g}
		x.groups[o.group] = g
	}
	if !g.attended() { // what stood in for it may have known less
		x.withdraw(g.target)
		g.want(o)
		x.insert(g.target)
	}
	g.add(to)
}

func (x *routes) insert(to *target) {
	for _, p := range to.patterns() {
		x.index.Add(p, to)
	}
}

// remove removes a target by its key.
func (x *routes) remove(key any, name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	to := x.known[key]
	if to == nil {
		return
	}
	delete(x.known, key)
	if g := x.groups[name]; name != "" && g != nil {
		if g.remove(to) > 0 {
			return
		}
		delete(x.groups, name)
		to = g.target
	}
	x.withdraw(to)
}

func (x *routes) withdraw(to *target) {
	for _, p := range to.patterns() {
		x.index.Remove(p, to)
	}
}

// agrees reports whether a group has no members that are there, or wants what an offer wants.
func (x *routes) agrees(o *offer) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	g := x.groups[o.group]
	return o.group == "" || g == nil || !g.attended() || g.digest == o.digest
}

// target finds a target by its key.
func (x *routes) target(key any) *target {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.known[key]
}

// group finds a group, nil if it has no member.
func (x *routes) group(name string) *group {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.groups[name]
}

// added is told of a new line; what is published from now on goes there.
func (t *Transport) added(l *local.Line) {
	t.mu.Lock()
	a := t.number(l)
	t.mu.Unlock()
	o := a.offer()
	t.routes.add(l, &target{line: l}, &o)
}

// number gives a line a number; t.mu is held.
func (t *Transport) number(l *local.Line) *announcement {
	t.numbers++
	a := &announcement{id: t.numbers, line: l}
	t.lines[l] = a
	return a
}

// removed is told of a line that gets nothing more.
func (t *Transport) removed(l *local.Line) {
	t.routes.remove(l, l.Request().Group)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.lines, l)
}

// unroute has nothing more go to a queue.
func (t *Transport) unroute(r *remote) { t.routes.remove(r, r.group) }
