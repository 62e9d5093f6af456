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
			if t.Guard != nil || len(t.Targets) > 0 || len(t.On.Events) != 1 {
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

func (p *pass) raiseCycles(s *model.State, raises map[*model.Event]*model.Event, places map[*model.Event]*model.Action) {
	done := map[*model.Event]bool{}
	for _, t := range s.On {
		if len(t.On.Events) != 1 {
			continue
		}
		start := t.On.Events[0]
		path := []string{start.Name.Value}
		for e := raises[start]; e != nil && !done[start] && len(path) <= len(raises); e = raises[e] {
			path = append(path, e.Name.Value)
			done[e] = e != start || done[e]
			if e == start {
				p.Add(diag.RaiseCycle, places[start].Pos, "internal events without guards raise each other in a circle: %s", strings.Join(path, " -> ")).
					WithHint("give one of the transitions a guard")
				break
			}
		}
		done[start] = true
	}
}
