package bus

import (
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// fail has the events of the batch handled again later, or gives them up.
func (w *worker) fail(err error) {
	w.jobs = w.inHand()
	for i := range w.jobs {
		w.failed(&w.jobs[i], err)
	}
	w.forget()
}

// failed has an event handled once more, after the profile's wait: by another member
// of the group, as long as there is one that has not tried. So in a group there are as
// many attempts as members, even if the profile has no retries.
func (w *worker) failed(j *job, err error) {
	j.attempts++
	w.s.counts.failed.Add(1)
	others := w.others(j)
	again := !transport.IsPermanent(err) && j.attempts < max(w.s.options.profile.Retry.Attempts, 1+len(others))
	w.s.bus.onError(w.s, &HandlerError{Topic: j.Topic(), Key: j.key, ID: j.ID(), Attempt: j.attempts, Retry: again, Err: err})
	switch {
	case again && j.attempts <= len(others):
		j.passes = true
		w.retry(j)
	case again:
		w.s.counts.retried.Add(1)
		w.retry(j)
	default:
		w.giveUp(j, err)
	}
}

func (w *worker) giveUp(j *job, err error) {
	j.request().over(err)
	w.s.dead(w.ctx, j, err)
	w.s.lose(&j.item, LostDead)
	w.settle(j)
	w.s.counts.dead.Add(1)
	w.release(j)
}

// pass gives an event that has waited to another member, if it is to go there and one
// has room.
func (w *worker) pass(j *job) bool {
	if !j.passes {
		return false
	}
	j.passes = false
	if w.s.passTo(w.others(j), j.moved()) {
		w.settle(j)
		w.s.counts.passed.Add(1)
		return true
	}
	w.s.counts.retried.Add(1)
	return false
}

// others are the members of the group that a failed event may go to: none if its key
// stays where it is.
func (w *worker) others(j *job) []*Subscription {
	if g := w.s.group; g != nil && g.policy == Sticky || w.s.options.profile.Order == transport.OrderKey {
		return nil
	}
	return w.s.others(&j.item)
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
