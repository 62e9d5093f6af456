package machine

import (
	"context"
	"errors"
)

// Numbered is what events have that belong to a machine.
type Numbered interface{ EventNumber() int32 }

// SendAll is Send for several events, in order, without giving the machine to
// anybody between them unless somebody has waited for long. It processes all of
// them, whatever fails, and returns the errors joined; if ctx ends it returns
// its error and the events that are left are not processed.
func SendAll[E Numbered](ctx context.Context, c *Core, events []E) error {
	var errs []error
	for len(events) > 0 && ctx.Err() == nil {
		n := min(len(events), handover)
		w := c.word.Load()
		if w&(busy|queued|started|halted) != started || !c.word.CompareAndSwap(w, w|busy) {
			n = 1
			_, err := c.slowSend(ctx, events[0].EventNumber(), events[0], false)
			errs = appendError(errs, err)
		} else {
			sendOwned(c.stepCtx(ctx), c, events[:n], &errs)
			c.giveBack(w)
		}
		events = events[n:]
	}
	if len(events) > 0 {
		errs = appendError(errs, ctx.Err())
	}
	return errors.Join(errs...)
}

func appendError(errs []error, err error) []error {
	if err == nil {
		return errs
	}
	return append(errs, err)
}

// sendOwned processes events for the owner of c.
func sendOwned[E Numbered](ctx context.Context, c *Core, events []E, errs *[]error) {
	for len(events) > 0 {
		events = events[sendSwift(ctx, c, events, errs):]
		if len(events) > 0 {
			*errs = appendError(*errs, c.external(ctx, events[0].EventNumber(), events[0]))
			events = events[1:]
			if len(c.kept) > 0 {
				c.retry()
			}
		}
	}
}

// sendSwift processes events for as long as their steps are swift, and returns
// how many it has. It guards against panics once for all of them; one ends it.
func sendSwift[E Numbered](ctx context.Context, c *Core, events []E, errs *[]error) (n int) {
	returned := false
	defer func() {
		if returned {
			return
		}
		// The step that did not return is the one that swiftLoop noted.
		n = c.step.place
		id := events[n].EventNumber()
		t := &c.chart.Transitions[c.chart.Index[c.row+id]-1]
		*errs = appendError(*errs, c.swiftEnd(ctx, t, id, false, c.caught(recover())))
		n++
	}()
	n = swiftLoop(ctx, c, events, errs)
	returned = true
	return n
}

// swiftLoop is sendSwift without a guard. Whatever a step keeps track of besides
// the event and the guard is written by swiftEnd, if it is needed.
func swiftLoop[E Numbered](ctx context.Context, c *Core, events []E, errs *[]error) int {
	s := &c.step
	index, transitions, prog := c.chart.Index, c.chart.Transitions, c.prog
	s.reply, s.at, s.deferred = nil, None, false
	n := 0
	for ; n < len(events) && c.plain; n++ {
		id := events[n].EventNumber()
		v := index[c.row+id]
		if v <= 0 {
			break
		}
		t := &transitions[v-1]
		if t.Flags&Swift == 0 {
			break
		}
		s.place, s.payload, s.acting = n, events[n], t.Flags&Unguarded != 0
		ok, err := true, error(nil)
		if t.Flags&NoCode == 0 {
			ok, err = prog.Take(ctx, v-1)
		}
		if !ok || err != nil || len(s.internal) > 0 || c.bound {
			*errs = appendError(*errs, c.swiftEnd(ctx, t, id, ok, err))
			s.reply = nil
		} else if t.Domain != None {
			c.one[0], c.row = t.Leaf, t.Row
		}
	}
	s.payload = nil
	return n
}
