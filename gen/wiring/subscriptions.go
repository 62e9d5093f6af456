package wiring

import (
	"slices"

	"github.com/xsgen/xsgen/gen/model"
)

// subscription is what code of a node hears. Of a shared one of several processes the
// members are a group, whose events all come by transports: what is heard on the bus
// would be the own process's.
func (w *wirer) subscription(n *model.Node, s *model.Subscription) *Subscription {
	out := &Subscription{Subscription: s}
	for _, p := range s.Patterns {
		r := &Route{Topic: Topic{Kind: Pattern, Pattern: p}}
		w.fill(r, n, s.Pairs)
		if s.Shared && n.Replicas > 1 {
			r.Local = false
		}
		out.Routes = append(out.Routes, r)
	}
	publishing := func(x *model.Node) bool {
		return slices.ContainsFunc(s.Pairs, func(p *model.Pair) bool { return p.From == x })
	}
	for _, t := range w.heard(s.Patterns, publishing) {
		if !slices.ContainsFunc(out.Heard, func(x Topic) bool { return x.payload() == t.payload() }) {
			out.Heard = append(out.Heard, t)
		}
	}
	return out
}

// payload is equal for topics on which events of one type travel.
func (t Topic) payload() any {
	switch t.Kind {
	case Changed:
		return t.Machine
	case Failed:
		return Failed
	}
	return t.Event
}
