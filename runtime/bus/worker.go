package bus

import (
	"container/heap"
	"errors"
	"slices"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/queue"
	"github.com/xsgen/xsgen/runtime/transport"
)

// worker is one goroutine of a queued subscription. Everything in it belongs to that
// goroutine. An event that it has taken is in one of its lists until it is settled.
type worker struct {
	*consumers
	from *queue.Consumer[item]
	call call

	buf    []item            // taken from the queue at once
	at, n  int               // what of it is next, and how many there are
	batch  []item            // what the handler has
	later  retries           // failed, and not due yet
	held   map[string][]item // by key, what comes after such an event, if keys are kept in order
	ready  []item            // was held, and is no more
	ending bool              // the queue has ended and is empty
}

// errGoexit is the error of a handler that has ended its goroutine, as t.FailNow
// does; the worker goes on in another.
var errGoexit = errors.New("bus: the handler has ended its goroutine")

func (w *worker) run() {
	returned := false
	defer func() {
		if !returned {
			w.finish(errGoexit)
			w.group.Go(w.run)
		}
	}()
	for w.ctx.Err() == nil && w.gather() && w.ctx.Err() == nil {
		w.finish(w.call(w.ctx, w.batch))
	}
	returned = true
	if w.ctx.Err() != nil {
		w.leave()
	}
}

// leave gives what is left to other members of the group.
func (w *worker) leave() {
	left := slices.Concat(w.batch, w.ready, w.buf[w.at:w.n])
	for _, r := range w.later {
		left = append(left, r.item)
	}
	for _, behind := range w.held {
		left = append(left, behind...)
	}
	for i := range left {
		if w.s.pass(&left[i]) {
			w.from.Settle(1, left[i].size)
		} else {
			left[i].request.over(nil)
		}
	}
}

// gather fills the batch, waiting for its first event; false when there will be none.
func (w *worker) gather() bool {
	p := &w.s.options.profile
	var full time.Time // when the batch is not waited for any more
	size := max(p.BatchSize, 1)
	w.batch = w.batch[:0]
	for {
		w.fill(size)
		if len(w.batch) == size || w.ending && len(w.later) == 0 {
			return len(w.batch) > 0
		}
		if len(w.batch) > 0 && full.IsZero() {
			full = time.Now().Add(p.BatchTimeout)
		}
		if !w.wait(full) {
			return len(w.batch) > 0
		}
	}
}

// fill moves what is there into the batch.
func (w *worker) fill(size int) {
	for len(w.batch) < size {
		switch {
		case len(w.ready) > 0:
			i := w.ready[0]
			w.ready[0] = item{}
			w.ready = w.ready[1:]
			w.consider(&i)
		case len(w.later) > 0 && w.later[0].due <= w.s.bus.now():
			i := heap.Pop(&w.later).(retry).item
			w.batch = append(w.batch, i)
		case w.at < w.n:
			w.at++
			w.consider(&w.buf[w.at-1])
			w.buf[w.at-1] = item{}
		default:
			return
		}
	}
}

// wait waits for events, until the batch is to go if it is not empty, or the next
// attempt is due; false if there is nothing to wait for.
func (w *worker) wait(full time.Time) bool {
	until := full
	if len(w.later) > 0 {
		if due := w.s.bus.start.Add(time.Duration(w.later[0].due)); until.IsZero() || due.Before(until) {
			until = due
		}
	}
	if w.ending {
		return w.sleep(until) && (full.IsZero() || time.Now().Before(full))
	}
	n, more := w.from.Take(w.buf, until)
	w.at, w.n, w.ending = 0, n, !more
	return n > 0 || full.IsZero() || time.Now().Before(full)
}

// sleep waits for the next attempt after the queue has ended; false if the time of
// draining is over.
func (w *worker) sleep(until time.Time) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.ctx.Done():
		return false
	}
}

// consider adds an event to the batch, unless its key is held, it has expired, or it
// came before.
func (w *worker) consider(i *item) {
	if i.expires != 0 && i.attempts == 0 && i.expires <= w.s.bus.now() {
		w.s.counts.expired.Add(1)
		i.request.over(nil)
		w.from.Settle(1, i.size)
		return
	}
	if w.seen != nil && i.id != "" && !i.known {
		i.known = true
		if !w.seen.add(i.id) {
			w.s.counts.duplicate.Add(1)
			i.request.over(nil)
			w.from.Settle(1, i.size)
			return
		}
	}
	if behind, ok := w.held[i.key]; ok {
		w.held[i.key] = append(behind, *i)
		return
	}
	w.batch = append(w.batch, *i)
}

// finish settles the batch, or sees to its next attempt.
func (w *worker) finish(err error) {
	if err != nil {
		if w.ctx.Err() == nil {
			w.fail(err)
		}
		return // after the time of draining the batch is among what is left
	}
	bytes := int64(0)
	for i := range w.batch {
		bytes += w.batch[i].size
		w.release(&w.batch[i])
		w.batch[i].request.over(nil)
		w.batch[i] = item{}
	}
	w.from.Settle(len(w.batch), bytes)
	w.batch = w.batch[:0]
}

// fail has the events of the batch handled again later, or gives them up.
func (w *worker) fail(err error) {
	for _, i := range w.batch {
		i.attempts++
		w.s.counts.failed.Add(1)
		again := !transport.IsPermanent(err) && int(i.attempts) < w.attempts(&i)
		w.s.bus.onError(w.s, &HandlerError{Topic: i.Topic(), Key: i.key, ID: i.ID(), Attempt: int(i.attempts), Retry: again, Err: err})
		if again {
			w.again(i)
			continue
		}
		i.request.over(err)
		w.s.dead(w.ctx, &i, err)
		w.s.counts.dead.Add(1)
		w.from.Settle(1, i.size)
		w.release(&i)
	}
	clear(w.batch)
	w.batch = w.batch[:0]
}

// attempts is how often an event is handled at most: as the profile says, and in a
// group once by each member.
func (w *worker) attempts(i *item) int {
	n := w.s.options.profile.Retry.Attempts
	if w.passes() {
		n = max(n, 1+len(i.place.bus.others(w.s, i.place, i.key)))
	}
	return n
}

// passes reports whether failed events go to other members of a group.
func (w *worker) passes() bool {
	return w.s.group != nil && w.s.options.profile.Order != transport.OrderKey
}

// again has an event handled once more: by another member of the group if there are
// any that have not tried yet, else here, later.
func (w *worker) again(i item) {
	if w.passes() && int(i.attempts) <= len(i.place.bus.others(w.s, i.place, i.key)) && w.s.pass(&i) {
		w.from.Settle(1, i.size)
		return
	}
	w.s.counts.retried.Add(1)
	w.retry(i)
}

// retry puts an event where it waits for its next attempt: if keys are kept in order,
// behind one of the same key that waits already.
func (w *worker) retry(i item) {
	p := &w.s.options.profile
	if p.Order == transport.OrderKey && !i.holds {
		if behind, ok := w.held[i.key]; ok {
			w.held[i.key] = append(behind, i)
			return
		}
		if w.held == nil {
			w.held = map[string][]item{}
		}
		w.held[i.key] = nil
		i.holds = true
	}
	heap.Push(&w.later, retry{w.s.bus.now() + int64(p.Retry.Wait(int(i.attempts))), i})
}

// release lets go on what waited behind an event.
func (w *worker) release(i *item) {
	if i.holds {
		w.ready = append(w.ready, w.held[i.key]...)
		delete(w.held, i.key)
	}
}

// retry is an event that is to be handled again.
type retry struct {
	due  int64 // on the bus's clock
	item item
}

// retries are a heap of them, for package heap: the first to be due is the first.
type retries []retry

func (r retries) Len() int           { return len(r) }
func (r retries) Less(i, j int) bool { return r[i].due < r[j].due }
func (r retries) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *retries) Push(x any)        { *r = append(*r, x.(retry)) }
func (r *retries) Pop() any {
	last := len(*r) - 1
	x := (*r)[last]
	(*r)[last] = retry{}
	*r = (*r)[:last]
	return x
}
