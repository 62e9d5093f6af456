package bus

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/again"
	"github.com/xsgen/xsgen/runtime/internal/queue"
)

// worker is one goroutine of a queued subscription. Everything in it belongs to that
// goroutine. An event that it has taken is in one of its lists until it is settled.
type worker struct {
	*consumers
	from  *queue.Consumer[item]
	call  call
	size  int  // of a batch
	looks bool // the profile has each event be looked at

	buf    []item           // taken from the queue at once
	at, n  int              // what of it is next, and how many there are
	batch  []item           // what the handler has: a part of buf, or of events
	jobs   []job            // what is known of those, if they are not fresh
	events []item           // those of jobs
	next   job              // that may become one of jobs; here, because what it is passed to would have it allocated
	later  again.Later[job] // failed, and not due yet
	held   map[string][]job // by key, what comes after such an event, if keys are kept in order
	ready  []job            // was held, and is no more
	ending bool             // the queue has ended and is empty
}

// job is an event with what a worker knows about it.
type job struct {
	item
	attempts int  // calls of the handler
	known    bool // its id has been looked at
	holds    bool // others of its key wait behind it
	passes   bool // another member of the group is to have it next
}

// newJob is an event that a queue has given.
func newJob(i item) job {
	j := job{item: i}
	if i.extra != nil {
		j.attempts, j.known = i.extra.tried, i.extra.known
	}
	return j
}

// moved is the event for the queue of another member.
func (j *job) moved() item {
	i := j.item
	if j.attempts > 0 || j.known {
		more := i.ownExtra()
		more.tried, more.known = j.attempts, j.known
	}
	return i
}

func (c *consumers) worker(lane int, h call) *worker {
	p := &c.s.options.profile
	return &worker{
		consumers: c, from: c.q.Consumer(lane), call: h, buf: make([]item, c.chunk()),
		size: max(p.BatchSize, 1), looks: p.TTL > 0 || p.DedupWindow > 0,
	}
}

// errGoexit is the error of a handler that has ended its goroutine, as t.FailNow
// does; the worker goes on in another.
var errGoexit = errors.New("bus: the handler has ended its goroutine")

func (w *worker) run() {
	returned, leave := false, workers.enter(w)
	defer func() {
		leave()
		if !returned {
			w.finish(errGoexit)
			go w.run()
		}
	}()
	for w.ctx.Err() == nil && w.gather() && w.ctx.Err() == nil {
		w.finish(w.handle())
	}
	returned = true
	if w.ctx.Err() != nil {
		w.leave()
	}
	if w.running.Add(-1) == 0 {
		close(w.finished)
	}
}

// leave gives what is left to other members of the group.
func (w *worker) leave() {
	left := slices.Concat(w.inHand(), w.ready, jobsOf(w.buf[w.at:w.n]))
	left = append(left, w.later.Clear()...)
	for _, behind := range w.held {
		left = append(left, behind...)
	}
	for i := range left {
		if w.s.passTo(w.s.others(&left[i].item), left[i].moved()) {
			w.settle(&left[i])
			w.s.counts.passed.Add(1)
		} else {
			w.s.lose(&left[i].item, LostLeft)
			left[i].request().over(nil)
		}
	}
}

// inHand is the batch, with the numbers that its events got in the handler.
func (w *worker) inHand() []job {
	if len(w.jobs) == 0 {
		return jobsOf(w.batch)
	}
	for i := range w.batch {
		w.jobs[i].seq = w.batch[i].seq
	}
	return w.jobs
}

func jobsOf(items []item) []job {
	jobs := make([]job, 0, len(items))
	for _, i := range items {
		jobs = append(jobs, newJob(i))
	}
	return jobs
}

// gather fills the batch, waiting for its first event; false when there will be none.
func (w *worker) gather() bool {
	w.batch, w.jobs, w.events = nil, w.jobs[:0], w.events[:0]
	var full time.Time // when the batch is not waited for any more
	for {
		if len(w.jobs) == 0 && w.whole() {
			return true
		}
		w.fill()
		if len(w.jobs) == w.size || w.ending && w.later.Len() == 0 {
			break
		}
		if len(w.jobs) > 0 && full.IsZero() {
			full = time.Now().Add(w.s.options.profile.BatchTimeout)
		}
		if !w.wait(full) {
			break
		}
	}
	for i := range w.jobs {
		w.events = append(w.events, w.jobs[i].item)
	}
	w.batch = w.events
	return len(w.batch) > 0
}

// whole makes a full batch of what is next in buf, where it lies, if none of it needs
// to be looked at.
func (w *worker) whole() bool {
	if w.n-w.at < w.size || w.looks || len(w.ready) > 0 || w.later.Len() > 0 || len(w.held) > 0 {
		return false
	}
	w.batch = w.buf[w.at : w.at+w.size]
	w.at += w.size
	return true
}

// fill moves what is there into the batch.
func (w *worker) fill() {
	for len(w.jobs) < w.size {
		switch {
		case len(w.ready) > 0:
			w.next = w.ready[0]
			w.ready[0] = job{}
			w.ready = w.ready[1:]
			w.consider(&w.next)
		case w.retried():
		case w.at < w.n:
			w.at++
			w.next = newJob(w.buf[w.at-1])
			w.consider(&w.next)
			w.buf[w.at-1] = item{}
		default:
			return
		}
	}
}

// retried moves an event whose next attempt is due into the batch, or to another
// member of the group, if there is one.
func (w *worker) retried() bool {
	if w.later.Len() == 0 {
		return false
	}
	j, due := w.later.Take()
	if due && !w.pass(&j) {
		w.jobs = append(w.jobs, j)
	}
	return due
}

// wait waits for events, until the batch is to go if it is not empty, or the next
// attempt is due; false if there is nothing to wait for.
func (w *worker) wait(full time.Time) bool {
	until := full
	if w.later.Len() > 0 {
		if due := w.later.Next(); until.IsZero() || due.Before(until) {
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
func (w *worker) consider(j *job) {
	if j.attempts == 0 && j.expired() {
		w.drop(j, LostExpired, &w.s.counts.expired)
		return
	}
	if id := j.given(); w.seen != nil && id != "" && !j.known {
		j.known = true
		if !w.seen.Add(id) {
			w.drop(j, LostDuplicate, &w.s.counts.duplicate)
			return
		}
	}
	if behind, ok := w.held[j.key]; ok {
		w.held[j.key] = append(behind, *j)
		return
	}
	w.jobs = append(w.jobs, *j)
}

// drop settles an event that the handler is not to have.
func (w *worker) drop(j *job, why Loss, count *atomic.Uint64) {
	w.s.lose(&j.item, why)
	w.settle(j)
	count.Add(1)
	j.request().over(nil)
}

// settle says that nothing more becomes of an event. What it has become is counted after
// that, or Stats would take it from those that were handled.
func (w *worker) settle(j *job) { w.from.Settle(1, j.size()) }

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
		if x := w.batch[i].extra; x != nil {
			bytes += x.size
			x.request.over(nil)
		}
	}
	for i := range w.jobs {
		w.release(&w.jobs[i])
	}
	w.from.Settle(len(w.batch), bytes)
	w.forget()
}

// forget empties the batch.
func (w *worker) forget() {
	if len(w.batch) == 1 {
		w.batch[0] = item{} // much faster than to clear a slice
	} else {
		clear(w.batch)
	}
	clear(w.jobs)
	w.batch, w.jobs = nil, w.jobs[:0]
}
