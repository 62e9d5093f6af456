package machine

import (
	"context"
	"reflect"
)

// coreKey is the key under which a ctx that derives from a step of core holds
// it. The steps of several machines may be nested in one another.
type coreKey struct{ core *Core }

// within reports whether ctx derives from a step of c.
func (c *Core) within(ctx context.Context) bool { return ctx.Value(coreKey{c}) != nil }

// stepContext is the ctx of a step: the sender's, and whose step it is. One is
// kept for as long as senders come with the same ctx, so that most steps
// allocate none.
type stepContext struct {
	context.Context
	core *Core
}

// Value implements context.Context.
func (s *stepContext) Value(key any) any {
	if k, ok := key.(coreKey); ok && k.core == s.core {
		return s.core
	}
	return s.Context.Value(key)
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
