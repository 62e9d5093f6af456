package bus

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/xsgen/xsgen/runtime/internal/callers"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// Close ends the subscription: what was queued is handled, publishes that are
// under way are waited for, and once Close has returned the handler is not
// called any more. If ctx ends before, what is left is dropped and counted in a
// *transport.DrainError; with a direct handler that still runs it is ErrDrainTimeout. A call
// of the handler that is under way, or just about to begin, is not stopped then.
// Close may be called again, and from any goroutine.
//
// A handler, or OnError, that closes its own subscription does not wait for itself:
// Close returns at once, and what is left is handled after it has returned. A handler
// that closes others waits for what is queued for them, unless their handlers are within
// a Close as well, and a direct one waits for no publishes: they might be waiting for it.
func (s *Subscription) Close(ctx context.Context) error {
	c := newCloser()
	s.bus.mu.Lock()
	c.begin(s)
	s.bus.mu.Unlock()
	return c.wait(ctx, s)
}

// Close refuses what is published from now on, and closes every subscription, as
// their own Close does: those to error topics last, so that they hear of what cannot be
// handled any more. Those that another Close is still waiting for are waited for as well, so
// that all of them return when the bus has ended; what one has given up is its to tell. The
// error is that of all of them: what was left is added up.
func (b *Bus) Close(ctx context.Context) error {
	c := newCloser()
	b.mu.Lock()
	b.closed.Store(true)
	b.mu.Unlock()
	return transport.JoinDrained(append(c.closeAll(ctx, b, false), c.closeAll(ctx, b, true)...))
}

// closeAll closes the subscriptions to error topics, or all others.
func (c closer) closeAll(ctx context.Context, b *Bus, errorTopics bool) (errs []error) {
	b.mu.Lock()
	all := maps.Clone(b.subs)
	maps.Copy(all, b.ending)
	subs := slices.DeleteFunc(inOrder(all), func(s *Subscription) bool {
		return s.hearsErrors() != errorTopics
	})
	for _, s := range subs {
		s.closed.Store(true) // all of them, before the first is taken off a list
	}
	for _, s := range subs {
		c.begin(s)
	}
	b.mu.Unlock()
	for _, s := range subs {
		errs = append(errs, c.wait(ctx, s))
	}
	return errs
}

// hearsErrors reports whether one of the patterns is of error topics alone.
func (s *Subscription) hearsErrors() bool {
	return slices.ContainsFunc(s.patterns, func(p topic.Pattern) bool { return strings.HasPrefix(string(p), "error.") })
}

// closer is a call of Close.
type closer struct {
	publishing bool    // it is within a publish: a direct handler calls
	within     *worker // whose handler calls, nil if none does
}

func newCloser() closer { return closer{publishing(), workers.current()} }

// InHandler reports whether a handler of the bus is among the callers: who waits for its
// handlers must not do so then. Direct ones are not told from those of other buses.
func (b *Bus) InHandler() bool {
	w := workers.current()
	return w != nil && w.s.bus == b || publishing()
}

// begin takes s off the lists and has it end in its own time; b.mu is held.
func (c closer) begin(s *Subscription) {
	s.closed.Store(true)
	if s.closing {
		return
	}
	s.closing = true
	s.bus.ending[s] = struct{}{}
	nodes := s.bus.disconnect(s)
	go s.end(nodes)
}

// end waits for publishes that are under way, then for the queue.
func (s *Subscription) end(nodes []anyNode) {
	defer close(s.ended)
	defer s.over()
	for _, n := range nodes {
		n.settle()
	}
	if s.queue != nil {
		s.queue.end()
	}
}

// over says that there is nothing more of s to be waited for.
func (s *Subscription) over() {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	delete(s.bus.ending, s)
}

// wait waits for the end of s, as far as that cannot wait for the caller.
func (c closer) wait(ctx context.Context, s *Subscription) error {
	ended := s.ended
	var stuck <-chan struct{} // nil: for ever
	switch {
	case c.within != nil && c.within.s == s, c.publishing && s.queue == nil:
		return nil
	case c.publishing:
		s.queue.q.End()
		ended = s.queue.finished
	}
	if c.within != nil {
		c.within.waiting.Do(func() { close(c.within.waits) })
	}
	if s.queue != nil && (c.within != nil || c.publishing) {
		stuck = s.queue.waits
	}
	select {
	case <-ended:
		return nil
	case <-stuck:
		return nil
	case <-ctx.Done():
	}
	s.over()
	if s.queue != nil {
		return &transport.DrainError{Left: s.queue.abandon()}
	}
	return ErrDrainTimeout
}

// isClosed is asked by publishers that have no subscriber.
func (b *Bus) isClosed() bool { return b.closed.Load() }

// skipped is the error of a publish that has come to a subscription which is closed:
// a bus that is closed as a whole refuses the event.
func (s *Subscription) skipped(err error) error {
	if s.bus.closed.Load() && !errors.Is(err, ErrClosed) {
		return join(err, ErrClosed)
	}
	return err
}

// publishing reports whether the calling goroutine is within a publish. Nothing is noted
// on the way of an event: Close looks at the stack instead.
func publishing() bool {
	return callers.Any(func(f string) bool {
		name, ok := strings.CutPrefix(f, nodePrefix)
		return ok && publishers[name]
	})
}

// nodePrefix and publishers are the names of the functions that a publish is.
const nodePrefix = "github.com/xsgen/xsgen/runtime/bus.(*node[...])."

var publishers = map[string]bool{"publish": true, "publishBatch": true, "request": true}

// workers are the workers of all buses, by their goroutines, so that a handler that
// closes its own subscription is known.
var workers = &registry{by: map[string]*worker{}}

type registry struct {
	mu sync.Mutex
	by map[string]*worker
}

// enter notes that a worker runs in the calling goroutine until leave is called.
func (r *registry) enter(w *worker) (leave func()) {
	id := goroutine()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.by[id] = w
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.by, id)
	}
}

// current is the worker that runs in the calling goroutine, nil if none does.
func (r *registry) current() *worker {
	id := goroutine()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.by[id]
}

// goroutine identifies the calling goroutine, by what its stack trace begins with:
// "goroutine 7 [". It takes a microsecond, and only beginnings and ends pay for it.
func goroutine() string {
	var buf [64]byte
	text := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	id, _, _ := bytes.Cut(text, []byte(" "))
	return string(id)
}
