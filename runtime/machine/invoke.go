package machine

import "context"

// Invocation is what a program makes for an invocation that begins: either a
// service to call, or a machine.
type Invocation struct {
	Service func(ctx context.Context) (output any, err error)
	// Child is a machine that has not been started. Stop ends it for good, with all
	// that it is bound to; without one, Child's own Stop does. Output makes what the
	// parent's transitions get of what the child returns, nil where it returns nothing.
	Child  *Core
	Stop   func(ctx context.Context) error
	Output func(output any) any
}

// invocation is a service or a machine that runs while a state is active.
type invocation struct {
	core     *Core
	index    int32
	cancel   context.CancelFunc // of a service
	child    *Core              // of a machine that has been started
	stop     func(context.Context) error
	output   func(any) any
	prepared *prepared // what it runs if it is restored rather than started
	cuts     []*cut    // snapshots of the parent that wait for that of the child; guarded by the parent's cutMu
	waiting  bool      // it begins at the end of the macrostep
	opening  bool      // the first step runs of a machine of a tree
	failed   bool      // that step has failed
	unsent   []message // what it has made, as long as it may fail
}

// intend notes that invocation n begins at the end of the macrostep, if its state
// is still active then.
func (c *Core) intend(n int32) {
	if c.running == nil {
		c.running = make([]*invocation, len(c.chart.Invokes))
	}
	c.running[n] = &invocation{core: c, index: n, waiting: true}
	c.starting = true
}

// revoke ends invocation n because its state is exited: what it returns is not
// heard any more.
func (c *Core) revoke(ctx context.Context, n int32) {
	if c.running == nil || c.running[n] == nil {
		return
	}
	call := c.running[n]
	c.running[n] = nil
	call.end(ctx)
}

// end ends an invocation that the machine has forgotten.
func (call *invocation) end(ctx context.Context) {
	if call.cancel != nil {
		call.cancel()
	}
	if call.child != nil {
		call.dismiss(ctx)
	}
}

// invokeAll begins what the macrostep has left to begin, in document order.
func (c *Core) invokeAll(ctx context.Context) {
	if !c.starting {
		return
	}
	c.starting = false
	for _, call := range c.running {
		if call != nil && call.waiting {
			call.waiting = false
			c.invoke(ctx, call)
		}
	}
}

func (c *Core) invoke(ctx context.Context, call *invocation) {
	what, err := call.make()
	switch {
	case err != nil:
		call.over(nil, err)
	case what.Child != nil:
		if err := call.startChild(ctx, what); err != nil {
			call.over(nil, err)
		}
	default:
		callCtx, cancel := context.WithCancel(detach(ctx))
		call.cancel = cancel
		begin := func() {
			c.serving.Add(1)
			c.calls.Go(func() {
				defer c.serving.Add(-1)
				call.serve(serviceContext{callCtx, c}, what.Service)
			})
		}
		if c.life == nil {
			begin()
			return
		}
		x := c.life.extra()
		x.services = append(x.services, func() {
			if c.running != nil && c.running[call.index] == call {
				begin()
			}
		})
	}
}

// make makes what the invocation runs, unless that was done when the machine was
// restored.
func (call *invocation) make() (Invocation, error) {
	if p := call.prepared; p != nil {
		return p.what, p.err
	}
	return call.core.makeInvocation(call.index)
}

func (c *Core) makeInvocation(n int32) (what Invocation, err error) {
	returned := false
	defer func() {
		if !returned {
			err = c.caught(recover())
		}
	}()
	what, err = c.prog.Invoke(n)
	returned = true
	return what, err
}

// serve calls a service. A panic is an error, and so is the end of its goroutine.
func (call *invocation) serve(ctx context.Context, service func(context.Context) (any, error)) {
	var output any
	err := error(errServiceEnded)
	defer func() {
		if r := recover(); r != nil {
			err = panicError(r)
		}
		call.cancel()
		call.over(output, err)
	}()
	output, err = service(ctx)
}

// over tells the machine how an invocation has ended.
func (call *invocation) over(output any, err error) {
	e := &entry{ctx: context.Background(), kind: invokeEntry, call: call, payload: output}
	if err != nil {
		e.payload = err
	}
	if call.core.enqueue(e, unlimited) == nil {
		call.core.runIfIdle()
	}
}

// invocationEnded processes the end of an invocation, unless its state has been
// exited meanwhile. A failure that nothing takes is reported like an action's.
func (c *Core) invocationEnded(ctx context.Context, e *entry) error {
	n := e.call.index
	if c.finished || c.running == nil || c.running[n] != e.call {
		return nil
	}
	c.running[n] = nil
	c.changed()
	e.call.end(ctx)
	row := &c.chart.Invokes[n]
	err, failed := e.payload.(error)
	if !failed {
		c.begin(row.Done)
		c.take(ctx, row.Done, e.payload)
		return c.finish(ctx)
	}
	err = &InvokeError{c.self.Machine, c.self.Key, row.ID, err}
	if c.observer != nil {
		c.observer.Failed(c.self, err)
	}
	c.begin(row.Error)
	if !c.take(ctx, row.Error, err) {
		c.step.errs = append(c.step.errs, err)
		c.failure(ctx, FailedAction, err)
	}
	return c.finish(ctx)
}

// awaitCalls waits until the services have returned and the invoked machines have
// stopped, unless it is called by one of them.
func (c *Core) awaitCalls(ctx context.Context) error {
	if len(c.chart.Invokes) == 0 || ctx.Value(kinKey{c}) != nil {
		return nil
	}
	done := make(chan struct{})
	go func() {
		c.calls.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// haltCalls stops all invocations of a machine that has stopped. The machine is
// locked.
func (c *Core) haltCalls() {
	for _, call := range c.running {
		switch {
		case call == nil:
		case call.child != nil:
			call.halt()
		case call.cancel != nil:
			call.cancel()
		}
	}
	c.running = nil
}
