package check

import (
	"slices"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
	"github.com/xsgen/xsgen/runtime/topic"
)

// topicMatchesNothing: a pattern of a link over states, or of a subscription over
// topics, that matches nothing of what there is.
func topicMatchesNothing(p *topologyPass) {
	for _, l := range p.t.Links {
		if l.Kind == spec.States && l.FromMachine != nil {
			for _, s := range l.Spec.Names {
				p.statePattern(l, s)
			}
		}
	}
	for _, s := range p.t.Subscriptions {
		for i, x := range s.Patterns {
			if !slices.ContainsFunc(p.t.Published, func(t *model.Published) bool { return p.overlaps.Any(x, t.Pattern) }) {
				p.Add(diag.TopicNotPublished, s.Topics[i].Pos, "nothing that is published matches %s", x).
					WithHint("topics are state.<machine>.<state>, event.<machine>.<event>, emit.<machine>.<event>, group.<group>.<event>, broadcast.<event> and error.<machine>.<kind>; a keyed machine's key is one more segment after the machine")
			}
		}
	}
}

func (p *topologyPass) statePattern(l *model.Link, s spec.Scalar) {
	pattern := topic.Pattern(s.Value)
	m := l.FromMachine.Machine
	if slices.ContainsFunc(m.Leaves(), func(x *model.State) bool { return pattern.Match(topic.Name(x.Path)) }) {
		return
	}
	d := p.Add(diag.TopicNotPublished, s.Pos, "no state of %s that can be entered last matches %s", l.FromMachine.ID.Value, pattern)
	if slices.ContainsFunc(m.States, func(x *model.State) bool {
		return x.Path == s.Value && (x.Kind == model.Compound || x.Kind == model.Parallel)
	}) {
		d.WithHint("changes are published of states without children: write `%s.*`", s.Value)
		return
	}
	d.WithHint("%s", p.Suggest(s.Value, func(yield func(string) bool) {
		for _, x := range m.Leaves() {
			if !yield(x.Path) {
				return
			}
		}
	}))
}
