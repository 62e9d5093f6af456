package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// unusedEvent: a declared event that nothing takes, or that nothing makes. A
// wildcard takes every event. Emitted, sent and internal events count as made if
// the machine has actions in Go, whose Turn can make them.
func unusedEvent(p *pass) {
	taken, made := map[*model.Event]bool{}, map[*model.Event]bool{}
	for _, t := range p.m.Transitions {
		if t.On != nil {
			for _, e := range t.On.Events {
				taken[e] = true
			}
		}
	}
	p.eachAction(func(a *model.Action) {
		if a.Event != nil {
			made[a.Event] = true
		}
	})
	unused := func(e *model.Event, how string) {
		p.Add(diag.UnusedEvent, e.Name.Pos, "the event %s is %s", e.Name.Value, how)
	}
	for _, e := range p.m.Events {
		if !taken[e] {
			unused(e, "taken by no transition")
		}
	}
	inGo := len(p.m.Actions) > 0
	for _, e := range p.m.Internal {
		switch {
		case !taken[e]:
			unused(e, "taken by no transition")
		case !made[e] && !inGo:
			unused(e, "never raised")
		}
	}
	produced := p.m.Emits
	for _, r := range p.m.Sends {
		produced = append(produced[:len(produced):len(produced)], r.Events...)
	}
	for _, e := range produced {
		if !made[e] && !inGo {
			unused(e, map[model.Section]string{model.Emitted: "never emitted", model.Sent: "never sent"}[e.Section])
		}
	}
}
