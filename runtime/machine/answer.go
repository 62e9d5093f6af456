package machine

import "context"

// Requested is a request of a bus, of which the first answer counts. Later is called for one
// that is not answered when whatever has brought it returns, and returns what answers it.
type Requested interface {
	Respond(reply any) bool
	Later() (answer func(reply any, err error))
}

// deferredError says that a request has been deferred, and where its outcome will be.
type deferredError struct {
	core *Core
	wait *waiter
}

func (e *deferredError) Error() string { return "machine: the request has been deferred" }

// Answer is Request for a request that of has brought, and which it answers. Where the
// request is deferred, Answer returns nil, so that the events behind it get their turn; it is
// answered by a goroutine, which ends when it has been processed, when the machine is
// stopped, or when ctx ends and the request is withdrawn.
func (c *Core) Answer(ctx context.Context, of Requested, id int32, event any) error {
	reply, err := c.slowSend(ctx, id, event, replyLater)
	d, ok := err.(*deferredError)
	if !ok {
		return answered(of, reply, err)
	}
	answer := of.Later()
	go func() { answer(d.outcome(ctx)) }()
	return nil
}

func answered(of Requested, reply any, err error) error {
	if err == nil {
		of.Respond(reply)
	}
	return err
}

// outcome waits for what becomes of the request.
func (e *deferredError) outcome(ctx context.Context) (any, error) {
	select {
	case <-e.wait.done:
		return e.wait.reply, e.wait.err
	case <-ctx.Done():
	}
	if e.core.withdraw(e.wait) {
		return nil, ctx.Err()
	}
	<-e.wait.done // its step has begun
	return e.wait.reply, e.wait.err
}

// Answer is Core.Answer for the instance of key, which stays in memory until a request that
// it has deferred is answered.
func (h *Host) Answer(ctx context.Context, of Requested, key string, number int32, event any) error {
	if key == "" {
		return ErrNoKey
	}
	s, err := h.acquire(key)
	if err != nil {
		return err
	}
	reply, err := h.send(ctx, key, "", number, event, replyLater)
	d, ok := err.(*deferredError)
	if !ok {
		h.release(s)
		return answered(of, reply, err)
	}
	answer := of.Later()
	go func() {
		defer h.release(s)
		reply, err := d.outcome(ctx)
		if err == ErrStopped && !h.isClosed() || conflicting(err) { // the instance was lost, and not the request
			reply, err = h.Request(ctx, key, number, event)
		}
		answer(reply, err)
	}()
	return nil
}
