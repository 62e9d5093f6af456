package machine

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// scans is how a host looks for instances whose host has gone.
type scans struct {
	timer  Timer
	cancel context.CancelFunc // of the scan that runs
	seen   map[string]looked  // those that had something to do
}

// looked is what a scan has found.
type looked struct {
	revision uint64
	since    time.Time // when it was found first
}

// stop ends it; the host's mu is held.
func (s *scans) stop() {
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.cancel != nil {
		s.cancel()
	}
}

// scanLater has the store looked through after about the time that is set, or after
// longer, if it took long before. Hosts that were opened together do not stay
// together.
func (h *Host) scanLater(took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.rescan <= 0 || took == 0 && h.scans.timer != nil {
		return
	}
	wait := max(h.rescan, 19*took)
	wait += rand.N(wait/5+1) - wait/10
	if h.scans.timer == nil {
		h.scans.timer = h.clock.AfterFunc(wait, h.scan)
		return
	}
	h.scans.timer.Reset(wait)
}

// scan looks through the store, one record after the other; Close ends it and waits.
func (h *Host) scan() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.work.Add(1)
	h.scans.cancel = cancel
	h.mu.Unlock()
	defer h.work.Done()
	began := h.clock.Now()
	seen := map[string]looked{}
	for key, err := range h.store.All(ctx) {
		if err == nil {
			err = h.takeOver(ctx, key, seen)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil && !errors.Is(err, ErrStopped) {
			h.log().Error("an instance that may have something to do could not be looked at", "machine", h.maker.Chart.Machine, "key", key, "error", err)
		}
	}
	h.scans.seen = seen // only scans have it, one after the other
	h.scanLater(max(h.clock.Now().Sub(began), 1))
}

// takeOver loads an instance that has had something to do for a whole scan, and that
// nobody has taken further.
func (h *Host) takeOver(ctx context.Context, key string, seen map[string]looked) error {
	if h.has(key) {
		return nil
	}
	r, err := h.store.Load(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil || !h.waits(r) {
		return err
	}
	before := h.scans.seen[key]
	if before.revision == r.Revision && h.clock.Now().Sub(before.since) >= h.patience(r) {
		return h.touch(ctx, key)
	}
	if before.revision != r.Revision {
		before = looked{r.Revision, h.clock.Now()}
	}
	seen[key] = before
	return nil
}

// patience is how long nobody has to have taken an instance further. What has been
// published stays in the record until the instance is put away.
func (h *Host) patience(r *Record) time.Duration {
	if r.Due.IsZero() || r.Due.After(h.clock.Now()) {
		return h.idle + h.rescan
	}
	return 0
}

// has reports whether the instance is in memory.
func (h *Host) has(key string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.slots[key]
	return s != nil && s.life.Load() != nil
}

// waits reports whether a stored instance has something to do now.
func (h *Host) waits(r *Record) bool {
	if !r.Finished.IsZero() || len(r.Outbox) > 0 {
		return len(r.Outbox) > 0 || h.forgotten(r)
	}
	return !r.Due.IsZero() && !r.Due.After(h.clock.Now())
}
