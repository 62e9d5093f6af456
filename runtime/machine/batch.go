package machine

import (
	"context"
	"errors"
)

// Events are events for one machine, by their places: their numbers, and the
// events themselves. The number None stands for an event that is missing.
type Events func(place int) (number int32, event any)

// SendAll is Send for n events, in order, without giving the machine to anybody
// between them unless somebody has waited for long. It processes all of them,
// whatever fails, and returns the errors joined; if ctx ends it returns its error
// and the events that are left are not processed. For an event that is missing the
// error is ErrUnknownEvent.
func (c *Core) SendAll(ctx context.Context, n int, events Events) error {
	var errs []error
	for first := 0; first < n; {
		if err := ctx.Err(); err != nil {
			errs = append(errs, err)
			break
		}
		last := min(first+handover, n)
		w := c.word.Load()
		if w&(busy|queued|started|halted|treed) != started || !c.word.CompareAndSwap(w, w|busy) {
			last = first + 1
			errs = appendError(errs, c.sendWaiting(ctx, first, events))
		} else {
			c.sendOwned(c.stepCtx(ctx), first, last, events, &errs)
			c.giveBack(w)
		}
		first = last
	}
	return errors.Join(errs...)
}

// sendWaiting is sendOne for who has to wait for the machine.
func (c *Core) sendWaiting(ctx context.Context, place int, events Events) error {
	id, e := events(place)
	if id == None {
		return ErrUnknownEvent
	}
	_, err := c.slowSend(ctx, id, e, noReply)
	return err
}

func appendError(errs []error, err error) []error {
	if err == nil {
		return errs
	}
	return append(errs, err)
}

// sendOwned processes events for the owner of c.
func (c *Core) sendOwned(ctx context.Context, first, last int, events Events, errs *[]error) {
	for first < last {
		if c.plain {
			first = c.sendSwift(ctx, first, last, events, errs)
		}
		if first == last {
			return
		}
		*errs = appendError(*errs, c.sendOne(ctx, first, events))
		first++
		if len(c.kept) > 0 {
			c.retry()
		}
	}
}

// sendOne processes one event for the owner of c.
func (c *Core) sendOne(ctx context.Context, place int, events Events) error {
	id, e := events(place)
	if id == None {
		return ErrUnknownEvent
	}
	return c.external(ctx, id, e)
}

// sendSwift processes events for as long as their steps are swift, and returns the
// place of the first one that it has not. It guards against panics once for all of
// them; one ends it.
func (c *Core) sendSwift(ctx context.Context, first, last int, events Events, errs *[]error) (next int) {
	returned := false
	defer func() {
		if returned {
			return
		}
		// The step that did not return is the one that swiftLoop noted.
		id, _ := events(c.step.place)
		t := &c.chart.Transitions[c.chart.Index[c.row+id]-1]
		*errs = appendError(*errs, c.swiftEnd(ctx, t, id, false, c.caught(recover())))
		next = c.step.place + 1
	}()
	next = c.swiftLoop(ctx, first, last, events, errs)
	returned = true
	return next
}

// swiftLoop is sendSwift without a guard. Whatever a step keeps track of besides
// the event and the guard is written by swiftEnd, if it is needed.
func (c *Core) swiftLoop(ctx context.Context, first, last int, events Events, errs *[]error) int {
	s := &c.step
	s.reply, s.at, s.deferred = nil, None, false
	for s.place = first; s.place < last; s.place++ {
		id, event := events(s.place)
		if id == None {
			break
		}
		v := c.chart.Index[c.row+id]
		if v <= 0 {
			break
		}
		t := &c.chart.Transitions[v-1]
		if t.Flags&Swift == 0 {
			break
		}
		s.payload, s.acting = event, t.Flags&Unguarded != 0
		ok, err := true, error(nil)
		if t.Flags&NoCode == 0 {
			ok, err = c.prog.Take(ctx, v-1)
		}
		if !ok || err != nil || len(s.internal) > 0 || len(s.out) > 0 || c.bound {
			*errs = appendError(*errs, c.swiftEnd(ctx, t, id, ok, err))
			if s.reply = nil; !c.plain {
				s.place++
				break
			}
		} else if t.Domain != None {
			c.one[0], c.row = t.Leaf, t.Row
		}
	}
	s.payload = nil
	return s.place
}
