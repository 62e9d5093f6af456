package machine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Shape tells versions of a spec apart: one fingerprint for each part of it that
// a snapshot depends on.
type Shape struct {
	States, Context, Events, Behaviour string
}

// differences names the parts in which two shapes differ.
func (s Shape) differences(t Shape) []string {
	var out []string
	for _, part := range []struct{ name, a, b string }{
		{"the states", s.States, t.States}, {"the context", s.Context, t.Context},
		{"the events", s.Events, t.Events}, {"the behaviour", s.Behaviour, t.Behaviour},
	} {
		if part.a != part.b {
			out = append(out, part.name)
		}
	}
	return out
}

// VersionError is a snapshot of another version of the spec.
type VersionError struct {
	Machine, Key string
	Differ       []string // parts of the spec that are not what they were
	Missing      []string // what the snapshot has and the spec does not
}

func (e *VersionError) Error() string {
	text := fmt.Sprintf("machine %s: the snapshot is of another version of the spec: %s differ", instance(e.Machine, e.Key), strings.Join(e.Differ, ", "))
	if len(e.Missing) > 0 {
		text += "; there is no " + strings.Join(e.Missing, ", no ")
	}
	if slices.Contains(e.Differ, namesDiffer) {
		return text // the shape is right, or a migration has run: another one is no help
	}
	return text + "; restore it with machine.WithMigration"
}

// namesDiffer stands for what differs where a snapshot names what is not there in spite
// of its shape, or after a migration.
const namesDiffer = "names"

// WithMigration lets a machine restore snapshots of other versions of its spec:
// migrate changes the snapshot into one of this version. It is told the shape that
// this version has by want; what it leaves that this version does not know is
// still a *VersionError.
func WithMigration(migrate func(s *Snapshot, want Shape) error) Option {
	return func(c *Core) { c.migrate = migrate }
}

// OnlyBehaviour is a migration that takes snapshots as they are if states, context
// and events have not changed since: only transitions, guards and actions have.
func OnlyBehaviour(s *Snapshot, want Shape) error {
	had := s.Shape
	had.Behaviour = want.Behaviour
	if differ := had.differences(want); len(differ) > 0 {
		return &VersionError{Machine: s.Machine, Key: s.Key, Differ: differ}
	}
	return nil
}

// Restore makes a machine that has not been started what it was when the snapshot
// was taken. No entry actions run and no state change is published; delays that
// have become due meanwhile pass at once, and services begin again. A snapshot of
// another version of the spec is a *VersionError, unless there is a migration; one
// of another machine, or of what no machine can be, is ErrSnapshot. That goes for
// the snapshots of invoked machines in it as well. A machine that could not be
// restored is as it was, and may be started.
func (c *Core) Restore(ctx context.Context, s *Snapshot) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r, err := c.restorer(s)
	if err != nil {
		return err
	}
	if err := r.prepare(); err != nil {
		return err
	}
	r.goOn(ctx)
	return nil
}

// restorer resolves what a snapshot of the machine says.
func (c *Core) restorer(s *Snapshot) (*restorer, error) {
	if s.Machine != c.self.Machine || s.Key != c.self.Key {
		return nil, fmt.Errorf("%w: of %s, for %s", ErrSnapshot, instance(s.Machine, s.Key), instance(c.self.Machine, c.self.Key))
	}
	r := &restorer{Core: c, s: s}
	return r, r.resolve()
}

// unclaim gives back a machine that could not be restored; what was sent to it
// meanwhile is refused.
func (c *Core) unclaim() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.inbox.len() > 0 {
		if w := c.inbox.pop().wait; w != nil && !w.gone {
			w.err, w.started = ErrNotStarted, true
			close(w.done)
		}
	}
	c.word.And(^(started | busy | queued))
}

// restorer resolves a snapshot's names before anything of the machine changes.
type restorer struct {
	*Core
	s        *Snapshot
	codec    Codec
	missing  []string
	leaves   []int32
	history  [][]int32
	delays   []int32
	sends    []*delayed
	deferred []*entry
	next     int // the first of them that comes before anything else
	invokes  []int32
	children []*prepared // by the numbers of the snapshot's Invokes; nil if none of them has a snapshot
	before   []byte      // the context as it was, where there are children
}

// resolve migrates the snapshot if it must, and finds what its names stand for.
func (r *restorer) resolve() error {
	differ := r.s.Shape.differences(r.chart.Shape)
	if len(differ) > 0 && r.migrate != nil {
		if err := r.migrate(r.s, r.chart.Shape); err != nil {
			return err
		}
		differ = nil
	}
	var ok bool
	if r.codec, ok = r.prog.(Codec); !ok {
		return ErrNoCodec
	}
	r.states()
	r.waiting()
	if err := r.events(); err != nil && len(differ) == 0 {
		return err
	}
	if len(differ) == 0 && len(r.missing) > 0 {
		differ = []string{namesDiffer}
	}
	if len(differ) > 0 {
		return &VersionError{r.self.Machine, r.self.Key, differ, r.missing}
	}
	return r.sound()
}

// lack notes that there is no such thing; it returns None.
func (r *restorer) lack(what, name string) int32 {
	r.missing = append(r.missing, what+" "+name)
	return None
}

func (r *restorer) state(path string) int32 {
	if i := r.chart.StateNumber(path); i != None {
		return i
	}
	return r.lack("state", path)
}

func (r *restorer) stateList(paths []string) []int32 {
	var out []int32
	for _, p := range paths {
		if i := r.state(p); i != None {
			out = append(out, i)
		}
	}
	slices.Sort(out)
	return out
}

func (r *restorer) states() {
	r.leaves = r.stateList(r.s.Active)
	for _, h := range r.s.History {
		at := slices.Index(r.chart.Histories, r.state(h.State))
		if at < 0 {
			r.lack("history state", h.State)
			continue
		}
		if r.history == nil {
			r.history = make([][]int32, len(r.chart.Histories))
		}
		r.history[at] = r.stateList(h.Active)
	}
}

// waiting resolves delays and invocations.
func (r *restorer) waiting() {
	for _, d := range r.s.Delays {
		r.delays = append(r.delays, r.find("delay", d.State, d.Delay, len(r.chart.Delays), func(i int32) bool {
			return r.chart.Events[r.chart.Delays[i].Event] == d.Delay && r.chart.path(r.chart.delayOwner(i)) == d.State
		}))
	}
	for _, v := range r.s.Invokes {
		r.invokes = append(r.invokes, r.find("invocation", v.State, v.ID, len(r.chart.Invokes), func(i int32) bool {
			return r.chart.Invokes[i].ID == v.ID && r.chart.path(r.chart.invokeOwner(i)) == v.State
		}))
	}
}

func (r *restorer) find(what, state, name string, n int, is func(int32) bool) int32 {
	for i := range int32(n) {
		if is(i) {
			return i
		}
	}
	return r.lack(what, name+" of "+state)
}

// events resolves and decodes what waits.
func (r *restorer) events() error {
	for _, d := range r.s.Deferred {
		if !d.Next {
			r.next = len(r.deferred) + 1
		}
		id := int32(slices.Index(r.chart.Events, d.Event))
		if id <= 0 {
			r.lack("event", d.Event)
			continue
		}
		event, err := r.codec.DecodeEvent(id, d.Payload)
		if err != nil {
			return err
		}
		r.deferred = append(r.deferred, &entry{ctx: context.Background(), kind: externalEntry, event: id, payload: event, kept: true})
	}
	for _, d := range r.s.Sends {
		p := &delayed{core: r.Core, id: d.ID, self: d.Self, due: d.Due}
		var err error
		known := false
		if d.Self {
			if p.event = int32(slices.Index(r.chart.Events, d.Event)); p.event > 0 {
				known = true
				p.what, err = r.codec.DecodeEvent(p.event, d.Payload)
			}
		} else if p.event, known = r.chart.sendNamed(d.Event); known {
			p.what, err = r.codec.DecodeOutput(p.event, d.Payload)
		}
		if err != nil {
			return err
		}
		if !known {
			r.lack("event", d.Event)
			continue
		}
		r.sends = append(r.sends, p)
	}
	return nil
}

// settleIn changes the machine, which the caller owns, and which has its context.
func (r *restorer) settleIn() {
	c := r.Core
	c.leaves = append(c.leaves[:0], r.leaves...)
	if c.chart.Width <= 1 {
		c.row = c.chart.States[c.leaves[0]].Row
	}
	c.history, c.seq, c.finished, c.kept = r.history, r.s.Seq, r.s.Finished, r.deferred
	c.settlePlain()
	r.arm()
	for n, i := range r.invokes {
		c.intend(i)
		if r.children != nil {
			c.running[i].prepared = r.children[n]
		}
	}
}

// arm sets the timers of what is not due yet, in the order in which it began. What
// is, passes before anything that is sent to the machine from now on: timePassed has it
// in the order in which it became due.
func (r *restorer) arm() {
	c, now := r.Core, r.clock.Now()
	late := 0
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.next < len(c.kept) {
		c.keptAt, c.asking = r.next, true
		c.inbox.push(&entry{ctx: context.Background(), kind: turnEntry, payload: func(context.Context) { c.retryFrom(r.next) }})
		c.word.Or(queued)
	}
	next := 0
	for n, p := range r.sends {
		for ; next < min(r.s.Sends[n].Behind, len(r.delays)); next++ {
			late += r.armDelay(next, now)
		}
		if p.due.After(now) {
			c.waitFor(p)
			continue
		}
		p.began = c.began
		c.pending = append(c.pending, p)
		late++
	}
	for ; next < len(r.delays); next++ {
		late += r.armDelay(next, now)
	}
	for range late {
		c.inbox.push(&entry{ctx: context.Background(), kind: timeEntry})
		c.word.Or(queued)
	}
}

// armDelay begins the snapshot's delay n again, unless it is late. It returns how many
// are.
func (r *restorer) armDelay(n int, now time.Time) (late int) {
	c, i, due := r.Core, r.delays[n], r.s.Delays[n].Due
	if due.After(now) {
		c.armFor(i, due, due.Sub(now))
		return 0
	}
	c.began++
	slot := &c.delays[i]
	slot.armed, slot.deadline, slot.began = true, due, c.began
	return 1
}
