package model

import (
	"slices"

	"github.com/xsgen/xsgen/runtime/topic"
)

// The kinds of topics, which are their first segments. What follows is the name of a
// machine or a group, the key if it has keys, and what Topic calls rest.
const (
	TopicEvent     = "event" // an event for a machine
	TopicEmit      = "emit"  // an event that a machine emits
	TopicState     = "state" // a change to a state of a machine
	TopicError     = "error" // a failure of a machine
	topicGroup     = "group"
	topicBroadcast = "broadcast"
)

// FailureKinds are the kinds of failures that are published of a machine of a topology.
var FailureKinds = []string{"action", "unhandled", "dead", "decode", "loop"}

// composed is a topic of somebody, or of one who has keys the pattern of a family. No
// other code puts topics together.
func composed(kind, name string, keyed bool, rest string) topic.Pattern {
	if keyed {
		name += ".+"
	}
	return topic.Pattern(kind + "." + name + "." + rest)
}

// Topic is a topic of the machine, or of a keyed one the pattern of a family of topics.
// rest is an event, a state's path or a kind of failures, or a pattern over those.
func (m *Machine) Topic(kind, rest string) topic.Pattern {
	return composed(kind, m.ID.Value, m.Keyed, rest)
}

// Topic is Machine.Topic, also of a machine whose spec cannot be used.
func (p *Participant) Topic(kind, rest string) topic.Pattern {
	return composed(kind, p.ID.Value, p.Keyed(), rest)
}

// Topic is the topic of an event of the group, or the pattern of a family of topics.
func (g *Group) Topic(e *Event) topic.Pattern {
	return composed(topicGroup, g.Name.Value, g.Keyed(), e.Name.Value)
}

// Topic is where the broadcast is published.
func (x *Broadcast) Topic() topic.Name { return topic.Name(topicBroadcast + "." + x.Event.Name.Value) }

// Events are those that some of the group's links bring, each once. Nil is all links.
func (g *Group) Events(among func(*Link) bool) []*Event {
	var out []*Event
	for _, l := range g.Links {
		if among != nil && !among(l) {
			continue
		}
		for _, r := range l.Routes {
			if !slices.Contains(out, r.Target) {
				out = append(out, r.Target)
			}
		}
	}
	return out
}

// Leaves are the states whose changes are published: those without children, but for
// the machine itself.
func (m *Machine) Leaves() []*State {
	return slices.DeleteFunc(slices.Clone(m.States), func(s *State) bool { return !s.Leaf() || s.Parent == nil })
}

// maxOverlaps bounds the comparisons of patterns of one topology.
const maxOverlaps = 2_000_000

// Overlaps compares patterns over topics, as often as is reasonable: then everything is
// taken to be heard. The zero value is ready.
type Overlaps struct{ n int }

// Any reports whether a topic that p matches is also one of q's.
func (o *Overlaps) Any(p, q topic.Pattern) bool {
	o.n++
	return o.n > maxOverlaps || p.Overlaps(q)
}
