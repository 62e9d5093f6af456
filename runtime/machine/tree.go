package machine

import (
	"context"
	"slices"
	"strings"
	"time"
)

// A tree is an instance of a keyed host with the machines that it has invoked, at
// every depth. It takes one step at a time, whichever of its machines the step is
// of, in the turn of its root, the instance; and each step is stored with the whole
// tree. So all machines of a tree have the same life, and an invoked machine that has
// something to do asks the root for a turn, rather than become its own owner.
//
// What one of them sends to another is queued there before the step is stored, and
// stored there. Invoked machines start, and exit their states when they are not needed
// any more, within the step that leads to it.

// root is the instance of a host that the machine is part of, or else the machine
// itself. Anybody may call it.
func (c *Core) root() *Core {
	if c.word.Load()&treed != 0 {
		return c.life.core
	}
	return c
}

// join makes a machine that has been claimed part of the tree, if there is one.
func (c *Core) join(l *life) {
	if l != nil {
		c.life = l
		c.settlePlain()
		c.word.Or(treed)
	}
}

// joins reports what keeps a machine from being part of the tree: it must be
// possible to store it, and what it publishes.
func (c *Core) joins(l *life) error {
	if l == nil {
		return nil
	}
	_, codec := c.prog.(Codec)
	if _, publisher := c.prog.(Publisher); !codec || c.bound && !publisher {
		return ErrNoCodec
	}
	return nil
}

// askForTurn has the root give an invoked machine a turn, if something waits for
// one. A root that has stopped gives none, and stops the machine as well.
func (c *Core) askForTurn() {
	root := c.life.core
	c.mu.Lock()
	ask := !c.asked && c.inbox.len() > 0
	c.asked = c.asked || ask
	c.mu.Unlock()
	if !ask || root.enqueue(&entry{ctx: context.Background(), kind: childEntry, payload: c}, unlimited) == nil {
		root.runIfIdle()
	}
}

// giveTurn has an invoked machine process one thing. If that ends the goroutine the
// root stops as well, rather than stay locked.
func (c *Core) giveTurn(child *Core) {
	returned := false
	defer func() {
		if !returned {
			_ = c.caught(recover())
		}
	}()
	child.takeTurn()
	returned = true
}

func (c *Core) takeTurn() {
	c.mu.Lock()
	c.asked = false
	c.mu.Unlock()
	if c.condemned() || c.word.Or(busy)&busy != 0 {
		return // its parent is to end it, or it is being stopped: who does that answers who waits
	}
	if e := c.next(false); e != nil {
		c.process(e)
		if len(c.kept) > 0 {
			c.retry()
		}
		c.endTurn()
	}
	if c.lost() {
		c.tellParent(ErrStopped)
	}
}

// endTurn gives an invoked machine back. If more waits for it, it asks for another
// turn; if it has been stopped, it answers who waits.
func (c *Core) endTurn() {
	c.publishLeaves()
	c.mu.Lock()
	stopped := c.stopped
	if !stopped {
		if c.inbox.len() == 0 {
			c.rest()
			c.word.And(^queued)
		}
		c.word.And(^busy)
	}
	c.mu.Unlock()
	if stopped {
		c.drain()
		return
	}
	c.askForTurn()
}

// stopInTurn stops a machine of a tree, whose root may be looking at it: it takes
// effect in the machine's next turn. It returns nil, and does nothing, if the machine
// does not belong to its tree any more.
func (c *Core) stopInTurn() *waiter {
	c.mu.Lock()
	if c.loose {
		c.mu.Unlock()
		return nil
	}
	c.stopped = true
	c.word.Or(halted | queued)
	e := &entry{kind: nothing, wait: newWaiter()}
	c.inbox.push(e)
	c.mu.Unlock()
	c.askForTurn()
	return e.wait
}

// leaveTree makes the machine one that does not belong to its tree any more: whoever
// stops it does so at once.
func (c *Core) leaveTree() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loose = true
}

// condemned reports whether the machine, or one around it, could not be started:
// nothing of it goes on.
func (c *Core) condemned() bool {
	for up := c.as; up != nil; up = up.core.as {
		if up.failed {
			return true
		}
	}
	return false
}

// depart has an invoked machine exit its states, within the step that ends it.
func (call *invocation) depart(ctx context.Context) {
	c := call.child
	c.parent.CompareAndSwap(call, nil)
	c.leaveTree()
	defer call.core.calls.Go(func() { _ = call.stop(context.Background()) }) // even if the goroutine ends
	if c.word.Or(busy)&busy != 0 {
		return // it is being stopped
	}
	returned := false
	defer func() {
		if !returned {
			_ = call.core.caught(recover())
		}
	}()
	call.keepMade()
	c.nested = true
	c.process(&entry{ctx: context.WithoutCancel(ctx), kind: leaveEntry})
	c.mu.Lock()
	c.stopped = true
	c.word.Or(halted)
	c.mu.Unlock()
	c.drain()
	returned = true
}

// keepMade takes what the machine's first step has made for what its parent has.
func (call *invocation) keepMade() {
	to := call.core.made()
	*to = append(*to, call.unsent...)
	call.unsent = nil
}

// made is where what the machine makes waits until it is stored: with the machine,
// as long as it is not known whether it can be started.
func (c *Core) made() *[]message {
	for up := c.as; up != nil; up = up.core.as {
		if up.opening {
			return &up.unsent
		}
	}
	return &c.life.fresh
}

// collect takes what the step has made for who listens into what is to be stored.
func (c *Core) collect() {
	l := c.life
	if c.bound && l.core.bound {
		for _, o := range c.step.out {
			c.add(c.chart.outputName(o), o.event)
		}
		c.eachChange(func(change Change) {
			c.add("state."+c.chart.path(change.State), c.prog.(Publisher).ChangeValue(change))
		})
	}
	clear(c.step.out)
	c.step.out = c.step.out[:0]
}

func (c *Core) add(name string, value any) {
	data, err := c.prog.(Codec).EncodeEvent(value)
	if err != nil {
		c.life.extra().fault = err
	}
	to := c.made()
	*to = append(*to, message{Message: Message{Name: c.prefix() + name, Payload: data}, from: c.prog.(Publisher), value: value})
}

// captureTree is the snapshot of the machine and of all that it invokes, made in the
// tree's turn.
func (c *Core) captureTree() (*Snapshot, error) {
	own, err := c.capture()
	if err != nil {
		return nil, err
	}
	n := 0
	for _, call := range c.running {
		if call == nil {
			continue
		}
		if call.begun() {
			if own.Invokes[n].Child, err = call.child.captureTree(); err != nil {
				return nil, err
			}
		}
		n++
	}
	return own.Snapshot, nil
}

// begun reports whether the invocation is a machine that has been started. One that
// could not be, starts again if the process ends before its parent learns of it.
func (call *invocation) begun() bool { return call.child != nil && !call.failed }

// eachChild calls f for the machines that the machine invokes, and they in turn.
func (c *Core) eachChild(f func(*Core)) {
	for _, call := range c.running {
		if call != nil && call.begun() {
			f(call.child)
			call.child.eachChild(f)
		}
	}
}

// dueTree is when the machine, or one that it invokes, has something to do by
// itself, if that is before due.
func (c *Core) dueTree(due time.Time) time.Time {
	due = sooner(due, c.nextDue())
	c.eachChild(func(child *Core) { due = sooner(due, child.nextDue()) })
	return due
}

// sooner is the earlier of two times, of which none may be.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// busyTree reports whether a service of the tree runs, or somebody waits for an
// event that one of its machines has deferred, or one is about to begin or to end.
func (c *Core) busyTree() bool {
	if c.serving.Load() > 0 || c.awaited() {
		return true
	}
	return slices.ContainsFunc(c.running, func(call *invocation) bool {
		return call != nil && (!call.begun() || call.child.finished || call.child.lost() || call.child.busyTree())
	})
}

// awaited reports whether somebody waits for an event that has been deferred.
func (c *Core) awaited() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.kept, func(e *entry) bool { return e.wait != nil && !e.wait.gone })
}

// The name of a message of an invoked machine is preceded by those of the
// invocations that lead to it: each is the path of the state that invokes, and the
// invocation's id.

// prefix is what precedes the names of the machine's messages.
func (c *Core) prefix() string {
	call := c.as
	if call == nil {
		return ""
	}
	chart := call.core.chart
	return call.core.prefix() + chart.path(chart.invokeOwner(call.index)) + "/" + chart.Invokes[call.index].ID + "/"
}

// ownName is the name of a message as the machine that it is from knows it.
func ownName(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// foreign reports whether a message is of an invoked machine.
func (m *Message) foreign() bool { return strings.Contains(m.Name, "/") }

// resolve finds the machine that a stored message is from. If it does not run any
// more another one is made, which only publishes.
func (l *life) resolve(m *message) error {
	at := l.core
	for path := m.Name; strings.Contains(path, "/"); {
		state, rest, _ := strings.Cut(path, "/")
		id, rest, _ := strings.Cut(rest, "/")
		n := at.chart.invocation(state, id)
		if n == None {
			return l.unknown(m)
		}
		var err error
		if at, err = l.invoked(at, n); err != nil {
			return err
		}
		path = rest
	}
	from, ok := at.prog.(Publisher)
	if !ok || !at.bound {
		return l.unknown(m)
	}
	m.from = from
	m.value, m.unread = from.DecodeMessage(ownName(m.Name), m.Payload)
	return m.unread
}

// unknown notes that no machine is known that the message could be from.
func (l *life) unknown(m *message) error {
	m.unread = ErrUnknownEvent
	return m.unread
}

// invocation is the number of a state's invocation.
func (c *Chart) invocation(state, id string) int32 {
	for n := range c.Invokes {
		if c.Invokes[n].ID == id && c.path(c.invokeOwner(int32(n))) == state {
			return int32(n)
		}
	}
	return None
}

// invoked is the machine that an invocation runs, or would run.
func (l *life) invoked(by *Core, n int32) (*Core, error) {
	if child := by.Child(n); child != nil {
		return child, nil
	}
	x := l.extra()
	for _, s := range x.spares {
		if s.by == by && s.n == n {
			return s.child, nil
		}
	}
	what, err := by.makeInvocation(n)
	if err != nil {
		return nil, err
	}
	if what.Child == nil {
		return nil, ErrUnknownEvent
	}
	stop := what.Stop
	if stop == nil {
		stop = what.Child.Stop
	}
	x.spares = append(x.spares, standIn{by, n, what.Child, stop})
	return what.Child, nil
}

// stopSpares ends the machines that were made to publish.
func (l *life) stopSpares() {
	if l.rare == nil {
		return
	}
	for _, s := range l.rare.spares {
		l.core.calls.Go(func() { _ = s.stop(context.Background()) })
	}
	l.rare.spares = nil
}

// rare is what few lives need.
type rare struct {
	fault    error     // something that the step has made cannot be stored
	services []func()  // that begin once the step is stored
	spares   []standIn // machines that were made to publish
}

// standIn is a machine that was made to publish what one has left that ran as an
// invocation.
type standIn struct {
	by    *Core
	n     int32 // of the invocation
	child *Core
	stop  func(context.Context) error
}

func (l *life) extra() *rare {
	if l.rare == nil {
		l.rare = &rare{}
	}
	return l.rare
}

// serve begins the services of the steps that have been stored.
func (l *life) serve() {
	if l.rare == nil {
		return
	}
	for _, begin := range l.rare.services {
		begin()
	}
	l.rare.services = nil
}
