package bus

import (
	"sync/atomic"
	"time"
)

// Stats counts what has become of a subscription's events. For a queued one, all that
// was accepted is somewhere:
//
//	Accepted = Handled + Dead + Dropped + Expired + Duplicate + Passed + Waiting + InFlight + Left
type Stats struct {
	Filtered  uint64 // not wanted by the filter
	Accepted  uint64 // for which Publish returned nil; those that the policy dropped included
	Handled   uint64 // the handler returned nil; one too many for an instant, while another event is being given up
	Failed    uint64 // calls of the handler that returned an error, or panicked
	Retried   uint64 // of those, after which the event was to be handled again
	Dead      uint64 // given up, after the last attempt or a permanent error
	Dropped   uint64 // by the overflow policy
	Expired   uint64 // had waited for longer than the profile's TTL
	Duplicate uint64 // had an id that was known
	Passed    uint64 // given to another member of the group
	Left      uint64 // not handled when Close stopped waiting

	Waiting  int   // in the queue
	InFlight int   // with the handler, or waiting to be retried
	Bytes    int64 // of those that wait or are in flight, if the profile limits them

	// Oldest is how long ago the event was published that has waited longest in the queue.
	// When events are published is noted if the profile has a TTL, or the bus an observer:
	// the time costs more than a delivery.
	Oldest time.Duration
}

// counts are the parts of Stats that are counted where it happens.
type counts struct {
	filtered, failed, retried, dead, expired, duplicate, passed atomic.Uint64
}

// Stats returns the counters at this moment. Of a direct subscription nothing but
// Filtered is counted.
func (s *Subscription) Stats() Stats {
	c := &s.counts
	st := Stats{
		Filtered: c.filtered.Load(), Failed: c.failed.Load(), Retried: c.retried.Load(),
		Dead: c.dead.Load(), Expired: c.expired.Load(), Duplicate: c.duplicate.Load(), Passed: c.passed.Load(),
	}
	if s.queue == nil {
		return st
	}
	q := s.queue.q.Stats()
	st.Accepted, st.Dropped = q.Accepted, q.Dropped
	st.Handled = q.Settled - st.Dead - st.Expired - st.Duplicate - st.Passed
	if s.queue.abandoned.Load() {
		st.Left = s.queue.left(q)
	} else {
		st.Waiting, st.InFlight, st.Bytes = q.Waiting, q.Used-q.Waiting, q.Bytes
		st.Oldest = s.queue.oldest()
	}
	return st
}

// oldest is the age of the event that has waited longest, 0 if it is not known.
func (c *consumers) oldest() time.Duration {
	since := int64(0)
	c.q.Front(func(i *item) {
		if x := i.extra; x != nil && x.since != 0 && (since == 0 || x.since < since) {
			since = x.since
		}
	})
	if since == 0 {
		return 0
	}
	return time.Duration(c.s.bus.now() - since)
}
