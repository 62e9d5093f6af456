package bus

import (
	"context"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/queue"
)

// An event is offered to everybody who hears it before its publish waits for anybody: who has
// room does not wait for who has none.

// patience is how long a publish waits for room at once, if so many hear it.
func patience(timeout time.Duration, hearers int) time.Duration {
	if hearers > 1 {
		return queue.NoWait
	}
	return timeout
}

// later is what who has no room for an event returns in place of an error, if the event does not
// wait: take delivers it when it does.
type later[T any] struct {
	take func(context.Context, *Event[T]) error
}

// Error is never seen.
func (*later[T]) Error() string { return queue.ErrWouldWait.Error() }

// unless is l for the error of a queue that would wait, and others as they are.
func (l *later[T]) unless(err error) error {
	if err == queue.ErrWouldWait {
		return l
	}
	return err
}

// waits are those who have had no room for the event of a publish.
type waits[T any] struct {
	timeout time.Duration // of the publish
	full    []*later[T]
	done    chan error // gets the outcome, once start has been called
}

// or adds who has had no room, and joins other errors to err.
func (w *waits[T]) or(err, next error) error {
	if l, full := next.(*later[T]); full {
		w.full = append(w.full, l)
		return err
	}
	return join(err, next)
}

// start waits in a goroutine, for the caller to turn to who is served last meanwhile. That may
// take as long, and neither is to wait for the other.
func (w *waits[T]) start(ctx context.Context, e *Event[T]) {
	if len(w.full) == 0 || w.done != nil {
		return
	}
	e.number()
	own := &Event[T]{origin: e.origin, value: e.value, timeout: w.timeout}
	full, done := w.full, make(chan error, 1)
	w.done = done
	go func() {
		var err error
		defer func() { done <- err }() // also if a handler ends the goroutine
		defer own.release()
		err = takeAll(ctx, full, own)
	}()
}

// end waits, if start has not begun to, and returns what has come of it.
func (w *waits[T]) end(ctx context.Context, e *Event[T]) error {
	switch {
	case w.done != nil:
		return <-w.done
	case len(w.full) == 0:
		return nil
	}
	e.timeout = w.timeout
	return takeAll(ctx, w.full, e)
}

func takeAll[T any](ctx context.Context, full []*later[T], e *Event[T]) (err error) {
	for _, l := range full {
		err = join(err, deliver(ctx, l.take, e))
	}
	return err
}
