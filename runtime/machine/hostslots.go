package machine

import "time"

// use calls f with key's slot, which stays in memory meanwhile.
func (h *Host) use(key string, f func(*slot) error) error {
	s, err := h.acquire(key)
	if err != nil {
		return err
	}
	defer h.release(s)
	return f(s)
}

func (h *Host) acquire(key string) (*slot, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, ErrStopped
	}
	s := h.slots[key]
	if s == nil {
		s = &slot{host: h, key: key}
		h.slots[key] = s
	} else if s.users == 0 {
		h.unlink(s)
	}
	s.users++
	return s, nil
}

// release gives a slot back. Those that nobody uses wait in line to be put away; an
// empty one need not.
func (h *Host) release(s *slot) {
	h.mu.Lock()
	s.users--
	switch {
	case s.users > 0:
	case s.life.Load() == nil:
		delete(h.slots, s.key)
	default:
		h.link(s, h.clock.Now())
		h.schedule()
	}
	over := h.over()
	h.mu.Unlock()
	if over {
		h.tidy(h.clock.Now())
	}
}

// over reports whether an instance should be put away for others; h.mu is held.
func (h *Host) over() bool { return h.max > 0 && len(h.slots) > h.max && h.oldest != nil && !h.closed }

func (h *Host) link(s *slot, since time.Time) {
	s.since = since.UnixNano()
	s.older, s.newer = h.newest, nil
	if h.newest != nil {
		h.newest.newer = s
	} else {
		h.oldest = s
	}
	h.newest = s
	h.unused++
}

func (h *Host) unlink(s *slot) {
	if s.older != nil {
		s.older.newer = s.newer
	} else {
		h.oldest = s.newer
	}
	if s.newer != nil {
		s.newer.older = s.older
	} else {
		h.newest = s.older
	}
	s.older, s.newer = nil, nil
	h.unused--
}

// tidy puts away instances that nobody has used for long, or that are too many.
// It looks at each once: some are at work.
func (h *Host) tidy(now time.Time) {
	h.mu.Lock()
	tries := h.unused
	if h.over() {
		tries = min(tries, maxTries) // a sender waits for this
	}
	h.mu.Unlock()
	for range tries {
		s := h.takeIdle(now)
		if s == nil {
			return
		}
		s.drop()
		h.mu.Lock()
		s.users--
		switch {
		case s.users > 0:
		case s.life.Load() == nil: // and nobody has brought it back
			delete(h.slots, s.key)
		default: // it has its turn again, but not at once
			h.link(s, now.Add(max(0, retryLoad-h.idle)))
		}
		h.mu.Unlock()
	}
}

// maxTries bounds how many instances are looked at to find one that can be put
// away for another.
const maxTries = 16

// takeIdle takes the slot that has been unused for the longest out of the line, if
// it is to be put away.
func (h *Host) takeIdle(now time.Time) *slot {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.oldest
	if s == nil || h.closed || !h.over() && now.UnixNano()-s.since < int64(h.idle) {
		return nil
	}
	h.unlink(s)
	s.users++ // nobody else puts it away
	return s
}
