package node

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/internal/callers"
	"github.com/xsgen/xsgen/runtime/transport"
)

// life is the beginning and the end of a node, or of several: each happens once.
type life struct {
	mu        sync.Mutex
	begun     context.CancelFunc // ends a Start that is running; nil before
	startedUp chan struct{}      // closed when Start has ended
	ended     chan struct{}      // closed when the shutdown has ended; nil before it has begun
	giveUp    context.CancelFunc // has it wait for nothing any more
	err       error              // of the shutdown
}

var errStarted = errors.New("node: it has been started already")

// start calls f, once.
func (l *life) start(ctx context.Context, f func(context.Context) error) error {
	l.mu.Lock()
	if l.ended != nil || l.begun != nil {
		defer l.mu.Unlock()
		if l.ended != nil {
			return transport.ErrClosed
		}
		return errStarted
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.begun, l.startedUp = cancel, make(chan struct{})
	l.mu.Unlock()
	defer close(l.startedUp)
	return f(ctx)
}

// shutdown has f called, once, in a goroutine that ends with it, and waits for that. The
// ctx that f gets ends when that of somebody who waits does. From within what it would wait
// for, such as a handler of the bus, it does not wait.
func (l *life) shutdown(ctx context.Context, b *bus.Bus, f func(context.Context) error) error {
	wait := !within(ctx, b)
	l.mu.Lock()
	if l.ended == nil {
		l.begin(ctx, wait, f)
	}
	l.mu.Unlock()
	if !wait {
		return nil
	}
	return l.await(ctx)
}

// await waits for a shutdown that has begun, which waits for nothing any more once ctx ends.
func (l *life) await(ctx context.Context) error {
	l.mu.Lock()
	ended, giveUp := l.ended, l.giveUp
	l.mu.Unlock()
	defer context.AfterFunc(ctx, giveUp)()
	<-ended
	return l.err
}

// join makes l end within the shutdown of another life, unless its own has begun: then it
// returns nil. The caller calls what it returns when it has ended.
func (l *life) join(other *life) (done func(error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended != nil {
		return nil
	}
	ended := make(chan struct{})
	l.ended, l.giveUp = ended, other.giveUp
	return func(err error) {
		l.err = err
		close(ended)
	}
}

// begin begins the shutdown; l.mu is held.
func (l *life) begin(ctx context.Context, waits bool, f func(context.Context) error) {
	var own context.Context
	if until, ok := ctx.Deadline(); ok && !waits {
		own, l.giveUp = context.WithDeadline(context.Background(), until)
	} else {
		own, l.giveUp = context.WithCancel(context.Background())
	}
	l.ended = make(chan struct{})
	go func() {
		defer close(l.ended)
		defer l.giveUp()
		if l.begun != nil {
			l.begun()
			<-l.startedUp
		}
		l.err = f(own)
	}()
}

// within reports whether something that a shutdown waits for is among the callers.
func within(ctx context.Context, b *bus.Bus) bool {
	return bus.StepTimeout(ctx) > 0 || transport.InReceiver(ctx) || b.InHandler() || called()
}

// awaited are parts of the names of functions that a shutdown waits for: those that call
// handlers for transports, senders, machines that are opened or closed, and OnError. The name of a closure
// has that of the function which makes it, and of whichever that was inlined into.
var awaited = []string{"(*ear).", "(*Node).Send", "(*Node).connect", "(*Node).open", "(*Node).closeMachines", "withDefaults"}

const thisPackage = "github.com/xsgen/xsgen/runtime/node."

func called() bool {
	return callers.Any(func(name string) bool {
		own, ok := strings.CutPrefix(name, thisPackage)
		return ok && slices.ContainsFunc(awaited, func(part string) bool { return strings.Contains(own, part) })
	})
}
