package node

import (
	"context"
	"maps"
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
	known  atomic.Pointer[known]
}

// candidates are the routes that events of a template may take.
type candidates struct {
	template topic.Pattern
	routes   []*Route
	byKey    bool   // it depends on the key whether a pattern matches
	only     *Route // that they take, nil if it depends on more than the template
}

// known is what a router remembers. It does not change.
type known struct {
	first []*candidates // a few: to compare is faster than to look them up
	all   map[topic.Pattern]*candidates
}

// A router looks through few templates, and remembers at most as many as manyTemplates: a
// foreign program may invent topics.
const fewTemplates, manyTemplates = 8, 1024

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
	if c.only != nil {
		return c.only
	}
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

// handler is what takes the events of a template that the bus brings, since some route
// matches them.
func (r *router) handler(template topic.Pattern) bus.AnyHandler {
	if c := r.of(template); len(c.routes) == 1 {
		return c.routes[0].Take
	}
	return func(ctx context.Context, e *bus.AnyEvent) error {
		if t := r.find(e, ""); t != nil {
			return t.Take(ctx, e)
		}
		return nil // the condition held a moment ago
	}
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

// of are the candidates for the events of a template.
func (r *router) of(template topic.Pattern) *candidates {
	if k := r.known.Load(); k != nil {
		for _, c := range k.first {
			if c.template == template {
				return c
			}
		}
		if c, ok := k.all[template]; ok {
			return c
		}
	}
	return r.learn(template)
}

// learn finds out what of answers, and remembers it.
func (r *router) learn(template topic.Pattern) *candidates {
	c := &candidates{template: template}
	for _, t := range r.routes {
		switch all, some := covers(t.Pattern, template); {
		case all:
			c.routes = append(c.routes, t)
		case some:
			c.routes, c.byKey = append(c.routes, t), true
		}
	}
	if len(c.routes) > 0 && !c.byKey && c.routes[0].Where == nil && c.routes[0].Elsewhere[r.via] == nil {
		c.only = c.routes[0]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known.Store(r.known.Load().with(c))
	return c
}

// with is k and c, as far as there is room.
func (k *known) with(c *candidates) *known {
	if k == nil {
		k = &known{all: map[topic.Pattern]*candidates{}}
	}
	if len(k.all) == manyTemplates {
		return k
	}
	next := &known{k.first, maps.Clone(k.all)}
	if len(next.first) < fewTemplates {
		next.first = append(slices.Clip(next.first), c)
	}
	next.all[c.template] = c
	return next
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
