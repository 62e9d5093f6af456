package wiring

import (
	"slices"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/runtime/topic"
)

// Kind is what travels on a topic.
type Kind int

// The kinds of topics.
const (
	Pattern   Kind = iota // what a pattern matches: anything
	Event                 // an event for a machine
	Emitted               // an event that a machine emits
	Changed               // the changes of a machine's states
	Failed                // the failures of a machine
	Grouped               // an event for a group
	Broadcast             // a broadcast
)

// Topic is a topic, or a family or a pattern of topics.
type Topic struct {
	Kind      Kind
	Pattern   topic.Pattern
	Machine   *model.Participant // whose it is, or of a group's event the one that takes it
	Event     *model.Event       // what travels on it
	Group     *model.Group
	Broadcast *model.Broadcast
	All       bool // all events of Machine
}

func event(m *model.Participant, e *model.Event) Topic {
	return Topic{Kind: Event, Pattern: m.Topic(model.TopicEvent, e.Name.Value), Machine: m, Event: e}
}

func everyEvent(m *model.Participant) Topic {
	return Topic{Kind: Event, Pattern: m.Topic(model.TopicEvent, "*"), Machine: m, All: true}
}

func emitted(m *model.Participant, e *model.Event) Topic {
	return Topic{Kind: Emitted, Pattern: m.Topic(model.TopicEmit, e.Name.Value), Machine: m, Event: e}
}

func grouped(g *model.Group, e *model.Event) Topic {
	return Topic{Kind: Grouped, Pattern: g.Topic(e), Machine: g.Machine, Event: e, Group: g}
}

func broadcast(x *model.Broadcast) Topic {
	return Topic{Kind: Broadcast, Pattern: topic.Pattern(x.Topic()), Event: x.Event, Broadcast: x}
}

func changed(m *model.Participant, s *model.State) Topic {
	return Topic{Kind: Changed, Pattern: m.Topic(model.TopicState, s.Path), Machine: m}
}

// all are the topics on which nodes publish, and which nodes do.
func (w *wirer) all(visit func(Topic, func(*model.Node) bool)) {
	for _, m := range w.t.Machines {
		here := func(n *model.Node) bool { return slices.Contains(m.Nodes, n) }
		for _, s := range m.Machine.Leaves() {
			visit(changed(m, s), here)
		}
		for _, e := range m.Machine.Emits {
			visit(emitted(m, e), here)
		}
		for _, k := range model.FailureKinds {
			visit(Topic{Kind: Failed, Pattern: m.Topic(model.TopicError, k), Machine: m}, here)
		}
		for _, e := range m.Machine.Events {
			visit(event(m, e), func(n *model.Node) bool {
				return here(n) || w.sends(n, func(l *model.Link) bool { return l.ToMachine == m && l.ToGroup == nil && l.Brings(e) })
			})
		}
	}
	for _, g := range w.t.Groups {
		for _, e := range g.Events((*model.Link).ByTopic) {
			visit(grouped(g, e), func(n *model.Node) bool {
				return w.sends(n, func(l *model.Link) bool { return l.ToGroup == g && l.Brings(e) })
			})
		}
	}
	for _, x := range w.t.Broadcasts {
		visit(broadcast(x), func(*model.Node) bool { return true })
	}
}

// sends reports whether one of some links begins at a node.
func (w *wirer) sends(n *model.Node, among func(*model.Link) bool) bool {
	return slices.ContainsFunc(w.t.Links, func(l *model.Link) bool {
		return among(l) && slices.Contains(l.Sources(), n)
	})
}

// heard are the topics that patterns match and that some nodes publish on.
func (w *wirer) heard(patterns []topic.Pattern, by func(*model.Node) bool) []Topic {
	var out []Topic
	w.all(func(t Topic, publishes func(*model.Node) bool) {
		if slices.ContainsFunc(patterns, t.Pattern.Overlaps) && slices.ContainsFunc(w.t.Nodes, func(n *model.Node) bool { return by(n) && publishes(n) }) {
			out = append(out, t)
		}
	})
	return out
}

// topics are those whose events may leave a process. The state changes of a machine are
// one, and so are all failures, which come last: whatever matches an error topic is one.
func (w *wirer) topics(nodes []*Node) []Topic {
	var out, failed []Topic
	seen := map[topic.Pattern]bool{}
	add := func(t Topic) {
		to := &out
		switch t.Kind {
		case Pattern, Changed:
			if t.Machine == nil {
				return // somebody hears it, and what it matches is added for that
			}
			t.Kind, t.Pattern = Changed, t.Machine.Topic(model.TopicState, "*")
		case Failed:
			t, to = Topic{Kind: Failed, Pattern: "error.#"}, &failed
		}
		if !seen[t.Pattern] {
			seen[t.Pattern] = true
			*to = append(*to, t)
		}
	}
	for _, n := range nodes {
		for _, o := range n.Outgoing {
			add(o.Topic)
		}
		for _, d := range n.Doors {
			for _, r := range d.Requests {
				if r.Via != nil {
					add(r.Topic)
				}
			}
		}
		for _, m := range n.Machines {
			m.sent(add)
		}
	}
	for _, s := range w.t.Subscriptions {
		for _, t := range w.heard(s.Patterns, func(n *model.Node) bool {
			return slices.ContainsFunc(s.Pairs, func(p *model.Pair) bool { return p.From == n && leaves(p) })
		}) {
			add(t)
		}
	}
	return append(out, failed...)
}

// sent calls add for all events of the machine, if it is reached from other processes by
// the topics of all of them.
func (m *Machine) sent(add func(Topic)) {
	for _, i := range m.Inboxes {
		for _, r := range i.Routes {
			if !r.Topic.All || len(r.Via) == 0 {
				continue
			}
			for _, e := range m.Machine.Events {
				add(event(m.Participant, e))
			}
		}
	}
}
