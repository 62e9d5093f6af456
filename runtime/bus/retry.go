package bus

import (
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// fail has the events of the batch handled again later, or gives them up.
func (w *worker) fail(err error) {
	if len(w.jobs) == 0 {
		w.jobs = jobsOf(w.batch)
	}
	for i := range w.jobs {
		w.failed(&w.jobs[i], err)
	}
	w.forget()
}

func (w *worker) failed(j *job, err error) {
	j.attempts++
	w.s.counts.failed.Add(1)
	again := !transport.IsPermanent(err) && j.attempts < w.attempts(j)
	w.s.bus.onError(w.s, &HandlerError{Topic: j.Topic(), Key: j.key, ID: j.ID(), Attempt: j.attempts, Retry: again, Err: err})
	if again {
		w.again(j)
		return
	}
	j.request().over(err)
	w.s.dead(w.ctx, j, err)
	w.s.counts.dead.Add(1)
	w.s.lose(&j.item, LostDead)
	w.settle(j)
	w.release(j)
}

// attempts is how often an event is handled at most: as the profile says, and in a
// group once by each member.
func (w *worker) attempts(j *job) int {
	n := w.s.options.profile.Retry.Attempts
	if w.passes() {
		n = max(n, 1+len(j.place.bus.others(w.s, j.place, j.key)))
	}
	return n
}

// passes reports whether failed events go to other members of a group.
func (w *worker) passes() bool {
	return w.s.group != nil && w.s.options.profile.Order != transport.OrderKey
}

// again has an event handled once more: by another member of the group if there are
// any that have not tried yet, else here, later.
func (w *worker) again(j *job) {
	if w.passes() && j.attempts <= len(j.place.bus.others(w.s, j.place, j.key)) && w.s.pass(j.moved()) {
		w.settle(j)
		return
	}
	w.s.counts.retried.Add(1)
	w.retry(j)
}

// retry puts an event where it waits for its next attempt: if keys are kept in order,
// behind one of the same key that waits already.
func (w *worker) retry(j *job) {
	p := &w.s.options.profile
	if p.Order == transport.OrderKey && !j.holds {
		if behind, ok := w.held[j.key]; ok {
			w.held[j.key] = append(behind, *j)
			return
		}
		if w.held == nil {
			w.held = map[string][]job{}
		}
		w.held[j.key] = nil
		j.holds = true
	}
	w.later.Add(time.Now().Add(p.Retry.Wait(j.attempts)), *j)
}

// release lets go on what waited behind an event.
func (w *worker) release(j *job) {
	if j.holds {
		w.ready = append(w.ready, w.held[j.key]...)
		delete(w.held, j.key)
	}
}
