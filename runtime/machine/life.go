package machine

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// life is an instance in memory, and what its record says beside the snapshot. Its
// steps change it, in their turn. An instance that is given up keeps its life, so
// that a step of it that still runs does not touch the next one's.
type life struct {
	slot      *slot
	core      *Core
	publisher Publisher

	revision uint64
	outbox   []message // what has not been published
	stored   int       // messages that the stored record has
	handled  []string  // ids of the latest events
	due      time.Time // when the stored instance has something to do
	finished time.Time
	fresh    []message // what the step that runs has made, without ids yet
	rare     *rare
	failures int  // of publishing, one after the other
	promised bool // publishing is tried again
	changed  bool // something that the record says is not so any more

	forget    atomic.Int64 // when it need not be remembered any more, in Unix nanoseconds; 0: unknown
	waiting   atomic.Int64 // messages in the outbox, for who is not in the turn
	abandoned atomic.Bool  // its last step could not be stored
}

// message is a Message and the event itself.
type message struct {
	Message
	from   Publisher // the machine that it is of; nil where that is yet to be found
	value  any
	unread error // the stored message could not be read
	tried  uint64
}

// take makes the life that of a record. A message that this version of the machine
// cannot read is dead: publish sees to it.
func (l *life) take(r *Record) {
	l.revision, l.stored, l.handled, l.due = r.Revision, len(r.Outbox), slices.Clone(r.Handled), r.Due
	l.finish(r.Finished)
	for _, m := range r.Outbox {
		stored := message{Message: m}
		if !m.foreign() {
			stored.from = l.publisher
			stored.value, stored.unread = l.publisher.DecodeMessage(m.Name, m.Payload)
		}
		l.outbox = append(l.outbox, stored)
	}
	l.waiting.Store(int64(len(l.outbox)))
}

// finish notes when the instance finished, unless it has not.
func (l *life) finish(at time.Time) {
	l.finished = at
	if !at.IsZero() {
		l.forget.Store(at.Add(l.slot.host.retain).UnixNano())
	}
}

// expired reports whether the instance finished so long ago that it may be
// forgotten.
func (l *life) expired() bool {
	at := l.forget.Load()
	return at != 0 && l.slot.host.clock.Now().UnixNano() >= at
}

// usable reports whether an event may be sent to the instance. Who asks from within
// a step of it does not wait for another one.
func (l *life) usable(ctx context.Context) bool {
	return l.core.within(ctx) || !l.core.lost() && !l.expired()
}

// quiet reports whether the instance may be put away: nothing waits for it, and
// nothing of it runs. It is called in the instance's turn.
func (l *life) quiet() bool {
	return (!l.core.bound || len(l.outbox) == 0) && !l.core.busyTree()
}

// wakeTime is when an instance that is put away has to be looked at again.
func (l *life) wakeTime() time.Time {
	if !l.finished.IsZero() {
		return l.finished.Add(l.slot.host.retain)
	}
	return l.due
}

// seen reports whether an event has been processed before.
func (l *life) seen(id string) bool { return id != "" && slices.Contains(l.handled, id) }

// remember notes that an event has been processed. Of those for the instance and of
// those for what it invokes so many are remembered each: neither makes the other
// forgotten.
func (l *life) remember(id string) {
	if id == "" || slices.Contains(l.handled, id) {
		return
	}
	l.handled = append(l.handled, id)
	alike := func(other string) bool { return (other[0] == forInvoked) == (id[0] == forInvoked) }
	n := 0
	for _, other := range l.handled {
		if alike(other) {
			n++
		}
	}
	for ; n > l.slot.host.handled; n-- {
		oldest := slices.IndexFunc(l.handled, alike)
		l.handled = slices.Delete(l.handled, oldest, oldest+1)
	}
}

// forInvoked begins the ids of events for invoked machines among those that are
// remembered, and ends the name of the machine in them.
const forInvoked = '\x1f'

// handledAs is what an event of the machine's is remembered as, empty if it cannot
// come again.
func (c *Core) handledAs(e *entry) string {
	switch {
	case e == nil || e.id == "":
		return ""
	case c.as == nil:
		return e.id
	}
	return string(forInvoked) + c.prefix() + string(forInvoked) + e.id
}

// messageID is derived from the machine, the key, the revision and the index, so
// that a step that is stored once gives its messages the same ids for ever.
func (l *life) messageID(revision uint64, index int) string {
	return l.core.self.Machine + "/" + l.core.self.Key + "/" + strconv.FormatUint(revision, 10) + "/" + strconv.Itoa(index)
}

// nextRevision is the revision after the present one. The first one is the time,
// so that an instance that follows on one that is forgotten does not use its
// revisions, and ids, again.
func (l *life) nextRevision() uint64 {
	if l.revision == 0 {
		return uint64(max(l.core.clock.Now().UnixMicro(), 1))
	}
	return l.revision + 1
}

// trim stores the instance again without the messages that have been published.
func (l *life) trim(ctx context.Context) error {
	if l.stored == len(l.outbox) || l.core.dropped.Load() {
		return nil
	}
	store, key := l.slot.host.store, l.core.self.Key
	r, err := store.Load(ctx, key)
	if errors.Is(err, ErrNotFound) || err == nil && r.Revision != l.revision {
		return nil // somebody else has the instance now
	}
	if err != nil {
		return err
	}
	r.Revision++
	r.Outbox = messages(l.outbox)
	if err := store.Save(ctx, key, l.revision, r); err != nil && !errors.Is(err, ErrConflict) {
		return err
	}
	return nil
}

// messages are the outbox as it is stored.
func messages(outbox []message) []Message {
	if len(outbox) == 0 {
		return nil
	}
	out := make([]Message, len(outbox))
	for i := range outbox {
		out[i] = outbox[i].Message
	}
	return out
}

// eventKey is the key under which the ctx of a step holds the id of its event.
type eventKey struct{}

type eventContext struct {
	context.Context
	id string
}

// Value implements context.Context.
func (e *eventContext) Value(key any) any {
	if key == (eventKey{}) {
		return e.id
	}
	return e.Context.Value(key)
}

// withEvent is ctx for what belongs to the event with the given id, or to none.
func withEvent(ctx context.Context, id string) context.Context {
	if EventID(ctx) == id {
		return ctx
	}
	return &eventContext{ctx, id}
}

// EventID is the id of the event that ctx belongs to: within a step of a keyed
// host's instance the event that is processed, in what a role is given the one
// that is sent. It is empty if there is none.
func EventID(ctx context.Context) string {
	id, _ := ctx.Value(eventKey{}).(string)
	return id
}
