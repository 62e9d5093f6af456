package machine

import (
	"context"
	"reflect"
)

// coreKey is the key under which a ctx that derives from a step of core holds
// it. The steps of several machines may be nested in one another. A nil core asks
// for a step of any machine.
type coreKey struct{ core *Core }

// PublishTimeoutKey is the key under which a step's ctx holds PublishTimeout: a
// bus that it is passed to waits for room no longer than that. It is spelled out,
// since neither package can import the other.
const PublishTimeoutKey = "github.com/xsgen/xsgen/runtime: publish timeout"

// within reports whether ctx derives from a step of c, or of its tree, that is
// running.
func (c *Core) within(ctx context.Context) bool {
	c = c.root()
	return c.word.Load()&busy != 0 && ctx.Value(coreKey{c}) != nil
}

// inAnyStep reports whether ctx derives from a step of any machine.
func inAnyStep(ctx context.Context) bool { return ctx.Value(coreKey{}) != nil }

// stepContext is the ctx of a step: the sender's, and whose step it is. One is
// kept for as long as senders come with the same ctx, so that most steps
// allocate none.
type stepContext struct {
	context.Context
	core *Core
}

// Value implements context.Context.
func (s *stepContext) Value(key any) any {
	if v := s.core.stepValue(key); v != nil {
		return v
	}
	return s.Context.Value(key)
}

// stepValue is what the ctx of a step of the machine says by itself, nil if nothing.
func (c *Core) stepValue(key any) any {
	switch k := key.(type) {
	case coreKey:
		if k.core == c || k.core == nil || k.core == c.root() {
			return c
		}
	case kinKey:
		if c.descends(k.core) {
			return c
		}
	case string:
		if k == PublishTimeoutKey {
			return PublishTimeout
		}
	}
	return nil
}

// detached is the ctx of what outlives the step that began it: it has the values
// of the step's ctx, but is not within the step and does not end with it.
type detached struct{ context.Context }

// Value implements context.Context.
func (d detached) Value(key any) any {
	switch k := key.(type) {
	case coreKey:
		return nil
	case kinKey:
		return d.Context.Value(serviceKey(k))
	case string:
		if k == PublishTimeoutKey {
			return nil
		}
	}
	return d.Context.Value(key)
}

func detach(ctx context.Context) context.Context { return detached{context.WithoutCancel(ctx)} }

// queuedContext is the ctx of what a step queues at a machine: the values of the ctx
// that the step was sent with, and all the steps that led to it and still run, each
// machine once. So it does not grow while machines send each other for ever. It
// belongs to no event with an id.
type queuedContext struct {
	context.Context
	steps []*Core
}

// Value implements context.Context.
func (q *queuedContext) Value(key any) any {
	if key == (eventKey{}) {
		return ""
	}
	for _, c := range q.steps {
		if v := c.stepValue(key); v != nil {
			return v
		}
	}
	return q.Context.Value(key)
}

// queuedCtx is the ctx of what is queued with ctx, which may be a step's.
func queuedCtx(ctx context.Context) context.Context {
	s, ok := ctx.(*stepContext)
	if !ok {
		return context.WithoutCancel(ctx)
	}
	before, ok := s.Context.(*queuedContext)
	if !ok {
		return &queuedContext{context.WithoutCancel(s.Context), []*Core{s.core}}
	}
	steps := []*Core{s.core}
	for _, c := range before.steps {
		if c != s.core && c.word.Load()&busy != 0 {
			steps = append(steps, c)
		}
	}
	return &queuedContext{before.Context, steps}
}

// stepCtx is the ctx for a step that was sent with ctx.
func (c *Core) stepCtx(ctx context.Context) context.Context {
	if c.cache != nil && c.cache.Context == ctx {
		return c.cache
	}
	return c.newStepCtx(ctx)
}

func (c *Core) newStepCtx(ctx context.Context) context.Context {
	if s, ok := ctx.(*stepContext); ok && s.core == c {
		return s // it is one already
	}
	s := &stepContext{Context: ctx, core: c}
	if comparable(ctx) {
		c.cache = s
	}
	return s
}

// comparable reports whether ctx can be compared without a panic, and cheaply.
func comparable(ctx context.Context) bool {
	if ctx == context.Background() || ctx == context.TODO() {
		return true
	}
	return reflect.TypeOf(ctx).Kind() == reflect.Pointer
}

// RoleContext is the ctx of a call to who plays a role: a step waits for it no
// longer than PublishTimeout, if it heeds its ctx.
func RoleContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, PublishTimeout)
}
