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
	l.begun, l.startedUp = cancel, make(chan struct{})
	l.mu.Unlock()
	defer close(l.startedUp)
	return f(ctx)
}

// shutdown has f called, once, in a goroutine that ends with it, and waits for that. The
// ctx that f gets ends when that of somebody who waits does. From within what it would wait
// for it does not wait.
func (l *life) shutdown(ctx context.Context, f func(context.Context) error) error {
	wait := !within(ctx)
	l.mu.Lock()
	if l.ended == nil {
		l.begin(ctx, wait, f)
	}
	ended := l.ended
	l.mu.Unlock()
	if !wait {
		return nil
	}
	defer context.AfterFunc(ctx, l.giveUp)()
	<-ended
	return l.err
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

// within reports whether a step of a machine, a handler or a send of the node is among the
// callers.
func within(ctx context.Context) bool {
	return bus.StepTimeout(ctx) > 0 || transport.InReceiver(ctx) || called()
}

// awaited are the beginnings of names of functions that a shutdown waits for.
var awaited = []string{
	"github.com/xsgen/xsgen/runtime/node.(*router).take",
	"github.com/xsgen/xsgen/runtime/node.(*Node).Send",
}

func called() bool {
	return callers.Any(func(name string) bool {
		return slices.ContainsFunc(awaited, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	})
}
