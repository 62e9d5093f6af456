package transport

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/xsgen/xsgen/runtime/internal/callers"
)

// PanicError is the error of a receiver, a handler or a filter that panicked.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("xsgen: a handler panicked: %v", e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// errGoexit is the error of a receiver that has ended its goroutine, as t.FailNow
// does.
var errGoexit = errors.New("xsgen: the receiver has ended its goroutine")

// HandOver calls a receiver, for transports. A receiver that panics, or ends the
// goroutine, has its delivery settled with an error, if nobody has settled it yet.
func HandOver(ctx context.Context, r Receiver, d *Delivery) {
	err := errGoexit
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{p, debug.Stack()}
		}
		if err != nil {
			_ = d.Settle(err) // ErrStale: it is settled
		}
	}()
	r(ReceiverContext(ctx), d)
	err = nil
}

// Serve makes a Receiver of a handler, whose error settles the delivery. With a
// concurrency of 1 or less the handler is called by the subscription's goroutine;
// with more, as many handlers run at once, in goroutines that end with them.
func Serve(concurrency int, h func(ctx context.Context, d *Delivery) error) Receiver {
	call := func(ctx context.Context, d *Delivery) { _ = d.Settle(h(ctx, d)) }
	if concurrency <= 1 {
		return call
	}
	places := make(chan struct{}, concurrency)
	return func(ctx context.Context, d *Delivery) {
		places <- struct{}{}
		go func() {
			defer func() { <-places }()
			HandOver(ctx, call, d)
		}()
	}
}

// insideKey is in the ctx of receivers.
type insideKey struct{}

// ReceiverContext marks a ctx as a receiver's, for InReceiver. HandOver does it for a
// ctx that is not marked yet.
func ReceiverContext(ctx context.Context) context.Context {
	if ctx.Value(insideKey{}) != nil {
		return ctx
	}
	return context.WithValue(ctx, insideKey{}, true)
}

// InReceiver reports whether ctx derives from a receiver's, or a receiver is among the
// callers. Close then does not wait, for it would wait for itself: what is left is
// finished after the receiver has returned.
func InReceiver(ctx context.Context) bool { return ctx.Value(insideKey{}) != nil || receiverCalls() }

// How HandOver, and what calls a handler of batches, appear among the callers.
const (
	handOver      = "github.com/xsgen/xsgen/runtime/transport.HandOver"
	handOverBatch = "github.com/xsgen/xsgen/runtime/transport.(*batches).settle"
)

func receiverCalls() bool {
	return callers.Any(func(name string) bool {
		return strings.HasPrefix(name, handOver) || strings.HasPrefix(name, handOverBatch)
	})
}
