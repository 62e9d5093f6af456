package node

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
)

// router finds the route of an event among those of one inbox that come by one way. What
// matches a template is found once: after that nothing is matched for an event, and no
// topic is made.
type router struct {
	via    string // the transport; empty is the bus
	routes []*Route
	mu     sync.Mutex // held to learn
	known  atomic.Pointer[map[topic.Pattern]candidates]
}

// candidates are the routes that events of a template may take.
type candidates struct {
	routes []*Route
	byKey  bool // it depends on the key whether a pattern matches
}

// manyTemplates bounds what a router remembers: a foreign program may invent topics.
const manyTemplates = 1024

// patterns are those of all routes, each once.
func (r *router) patterns() []topic.Pattern {
	seen := map[topic.Pattern]bool{}
	var out []topic.Pattern
	for _, t := range r.routes {
		if !seen[t.Pattern] {
			seen[t.Pattern] = true
			out = append(out, t.Pattern)
		}
	}
	return out
}

// find is the first route that matches an event of a node; nil if none does.
func (r *router) find(e *bus.AnyEvent, from string) *Route {
	c := r.of(e.Template())
	for _, t := range c.routes {
		if c.byKey && !t.Pattern.Match(e.Topic()) {
			continue
		}
		if slices.Contains(t.Elsewhere[r.via], from) {
			continue // it comes another way, too
		}
		if t.Where == nil || t.Where(e) {
			return t
		}
	}
	return nil
}

// chosen is find for an event that the bus has brought, since some route matches it.
func (r *router) chosen(e *bus.AnyEvent) *Route {
	if len(r.routes) == 1 {
		return r.routes[0]
	}
	return r.find(e, "")
}

// take has an event of the bus taken by its route.
func (r *router) take(ctx context.Context, e *bus.AnyEvent) error {
	t := r.chosen(e)
	if t == nil {
		return nil // the condition held a moment ago
	}
	return t.Take(ctx, e)
}

// hears reports whether a pattern matches, whatever the conditions say.
func (r *router) hears(template topic.Pattern, name topic.Name) bool {
	c := r.of(template)
	for _, t := range c.routes {
		if !c.byKey || t.Pattern.Match(name) {
			return true
		}
	}
	return false
}

func (r *router) of(template topic.Pattern) candidates {
	if known := r.known.Load(); known != nil {
		if c, ok := (*known)[template]; ok {
			return c
		}
	}
	return r.learn(template)
}

func (r *router) learn(template topic.Pattern) candidates {
	var c candidates
	for _, t := range r.routes {
		switch all, some := covers(t.Pattern, template); {
		case all:
			c.routes = append(c.routes, t)
		case some:
			c.routes, c.byKey = append(c.routes, t), true
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	next := map[topic.Pattern]candidates{template: c}
	if known := r.known.Load(); known != nil {
		for k, v := range *known {
			next[k] = v
		}
	}
	if len(next) <= manyTemplates {
		r.known.Store(&next)
	}
	return c
}

// covers reports whether a pattern matches all topics of a template, and whether it
// matches some of them.
func covers(pattern, template topic.Pattern) (all, some bool) {
	key := "x"
	for strings.Contains(string(pattern), key) {
		key += "x" // so that no segment of the pattern is it
	}
	if pattern.Match(topic.Name(strings.Replace(string(template), "+", key, 1))) {
		return true, true
	}
	return false, pattern.Overlaps(template)
}

// wants reports whether there is a route whose condition holds.
func (r *router) wants(e *bus.AnyEvent) bool { return r.find(e, "") != nil }

// conditional reports whether a route has a condition.
func (r *router) conditional() bool {
	for _, t := range r.routes {
		if t.Where != nil {
			return true
		}
	}
	return false
}
