package machine

import (
	"context"
	"fmt"
)

// prepared is what an invocation runs that is restored from a snapshot.
type prepared struct {
	what  Invocation
	err   error     // it could not be made
	child *restorer // nil if it could not
}

// prepare claims the machine and those that it invokes, and reads their contexts.
// What can fail does so here, and leaves all as if nothing had happened.
func (r *restorer) prepare() error {
	if err := r.claim(); err != nil {
		return err
	}
	ready := false
	defer func() {
		if !ready {
			r.undo()
		}
	}()
	if err := r.save(); err != nil {
		return err
	}
	if err := r.codec.DecodeContext(r.s.Context); err != nil {
		return err
	}
	for n := range r.children {
		if err := r.prepareChild(n); err != nil {
			return err
		}
	}
	ready = true
	return nil
}

// save keeps the context that the machine has, if something can fail after the
// snapshot's is read: what it invokes is made of that.
func (r *restorer) save() (err error) {
	for n := range r.s.Invokes {
		if r.s.Invokes[n].Child != nil {
			r.children = make([]*prepared, len(r.s.Invokes))
			r.before, err = r.codec.EncodeContext()
			return err
		}
	}
	return nil
}

// prepareChild makes the machine that the n-th invocation runs, and prepares it. If
// it cannot be made, the invocation fails when it begins, like any other.
func (r *restorer) prepareChild(n int) error {
	v := &r.s.Invokes[n]
	if v.Child == nil {
		return nil
	}
	p := &prepared{}
	r.children[n] = p
	if p.what, p.err = r.makeInvocation(r.invokes[n]); p.err != nil {
		return nil
	}
	if p.what.Child == nil {
		return fmt.Errorf("%w: the invocation %s of %s runs no machine", ErrSnapshot, v.ID, orNone(v.State))
	}
	child, err := p.what.Child.restorer(v.Child)
	if err == nil {
		err = child.prepare()
	}
	if err == nil {
		p.child = child
	}
	return err
}

// undo gives the machine back as it was, and stops what it would have invoked.
func (r *restorer) undo() {
	for _, p := range r.children {
		if p == nil || p.what.Child == nil {
			continue
		}
		if p.child != nil {
			p.child.undo()
		} else if p.what.Child.Started() {
			continue // somebody else has it
		}
		stop := p.what.Stop
		if stop == nil {
			stop = p.what.Child.Stop
		}
		_ = stop(context.Background())
	}
	if r.before != nil {
		_ = r.codec.DecodeContext(r.before) // it was written by EncodeContext
	}
	r.unclaim()
}

// goOn makes the machine what the snapshot says, and ends its first turn.
func (r *restorer) goOn(ctx context.Context) {
	r.settleIn()
	r.invokeAll(r.stepCtx(ctx))
	if r.finished {
		r.outputAgain(r.stepCtx(ctx))
		r.tellParent(nil)
	}
	r.release()
}
