package transport

import (
	"context"
	"runtime/debug"
	"sync"
	"time"
)

// ServeBatch makes a Receiver of a handler of batches, whose error settles all of a
// batch. It honours the profile's BatchSize and BatchTimeout: a batch is handed over when
// it is full, or when its first message has waited for as long; without a timeout it has
// what is there while the handler is at the one before. One batch is handled at a time,
// in a goroutine that ends when nothing is left. The subscription must have the same
// profile, so that as many messages may be unsettled. ctx is the one with which the first
// message of the batch came.
func ServeBatch(p Profile, h func(ctx context.Context, batch []*Delivery) error) Receiver {
	b := &batches{size: max(p.BatchSize, 1), timeout: p.BatchTimeout, handle: h, full: make(chan struct{}, 1)}
	if p.Prefetch > 0 {
		b.size = min(b.size, p.Prefetch) // more never come
	}
	return b.receive
}

// batches collects deliveries.
type batches struct {
	size    int
	timeout time.Duration
	handle  func(context.Context, []*Delivery) error
	full    chan struct{} // told when a batch is

	mu      sync.Mutex
	waiting []*Delivery
	ctxs    []context.Context // with which they came
	running bool
}

func (b *batches) receive(ctx context.Context, d *Delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting, b.ctxs = append(b.waiting, d), append(b.ctxs, ctx)
	if len(b.waiting) >= b.size {
		select {
		case b.full <- struct{}{}:
		default: // it has been told
		}
	}
	if !b.running {
		b.running = true
		go b.run(ctx)
	}
}

// run handles batches until nothing is left.
func (b *batches) run(ctx context.Context) {
	for {
		b.fill(ctx)
		b.mu.Lock()
		batch, ctxs := b.waiting[:min(b.size, len(b.waiting))], b.ctxs
		b.waiting, b.ctxs = b.waiting[len(batch):], ctxs[len(batch):]
		if b.running = len(batch) > 0; !b.running {
			b.waiting, b.ctxs = nil, nil
		}
		b.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		b.settle(ctxs[0], batch)
	}
}

// fill waits until a batch is full, or its time is over, or the subscription has ended.
func (b *batches) fill(ctx context.Context) {
	if b.timeout <= 0 {
		return
	}
	timer := time.NewTimer(b.timeout)
	defer timer.Stop()
	for {
		b.mu.Lock()
		n := len(b.waiting)
		b.mu.Unlock()
		if n == 0 || n >= b.size {
			return
		}
		select {
		case <-b.full:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// settle calls the handler and settles the batch with its error. A handler that panics
// has failed, and so has one that ends the goroutine: another one goes on.
func (b *batches) settle(ctx context.Context, batch []*Delivery) {
	err, returned := errGoexit, false
	defer func() {
		p := recover()
		if p != nil {
			err = &PanicError{p, debug.Stack()}
		}
		for _, d := range batch {
			_ = d.Settle(err) // ErrStale: it is settled, or was taken back
		}
		if !returned && p == nil {
			go b.run(ctx)
		}
	}()
	err = b.handle(ReceiverContext(ctx), batch)
	returned = true
}
