package check

import (
	"strings"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// raiseCycle: unguarded targetless transitions on events that raise each other
// in a circle, in one state: nothing could ever end it.
func raiseCycle(p *pass) {
	for _, s := range p.m.States {
		raises := map[*model.Event]*model.Event{}
		places := map[*model.Event]*model.Action{}
		for _, t := range s.On {
			if t.Guard != nil || len(t.Targets) > 0 || t.Lost || len(t.On.Events) != 1 {
				continue
			}
			for _, a := range t.Actions {
				if a.Kind == spec.ActionRaise && a.Event != nil && raises[t.On.Events[0]] == nil {
					raises[t.On.Events[0]], places[t.On.Events[0]] = a.Event, a
				}
			}
		}
		p.raiseCycles(s, raises, places)
	}
}

// raiseCycles reports every circle once, where its first event in document order
// is raised.
func (p *pass) raiseCycles(s *model.State, raises map[*model.Event]*model.Event, places map[*model.Event]*model.Action) {
	reported := map[*model.Event]bool{}
	for _, t := range s.On {
		if len(t.On.Events) != 1 || reported[t.On.Events[0]] {
			continue
		}
		start := t.On.Events[0]
		circle := []*model.Event{start}
		for e := raises[start]; e != nil && e != start && len(circle) <= len(raises); e = raises[e] {
			circle = append(circle, e)
		}
		if raises[circle[len(circle)-1]] != start {
			continue
		}
		var names []string
		for _, e := range circle {
			reported[e] = true
			names = append(names, e.Name.Value)
		}
		p.Add(diag.RaiseCycle, places[start].Pos, "internal events without guards raise each other in a circle: %s -> %s", strings.Join(names, " -> "), names[0]).
			WithHint("give one of the transitions a guard")
	}
}
