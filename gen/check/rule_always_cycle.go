package check

import (
	"strings"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// alwaysCycle: unguarded eventless transitions that lead in a circle.
func alwaysCycle(p *pass) {
	next := map[*model.State]*model.Transition{}
	for _, s := range p.m.States {
		for _, t := range s.Always {
			if t.Guard == nil {
				next[s] = t
				break
			}
		}
	}
	walked := map[*model.State]bool{} // by an earlier walk: it has found where they lead
	for _, s := range p.m.States {
		p.walk(s, next, walked)
	}
}

// walk follows forced transitions from s until they end, come back, or come to
// where a walk has been.
func (p *pass) walk(at *model.State, next map[*model.State]*model.Transition, walked map[*model.State]bool) {
	var path []*model.Transition
	seen := map[*model.State]int{}
	for {
		source, t := forced(at, next)
		if t == nil || t.Lost || len(t.Targets) > 1 {
			return
		}
		if i, again := seen[source]; again {
			p.cycle(path[i:])
			return
		}
		if walked[source] {
			return
		}
		walked[source], seen[source] = true, len(path)
		path = append(path, t)
		if len(t.Targets) == 1 {
			at = t.Targets[0]
		}
	}
}

// forced is the unguarded eventless transition that is certainly taken where s
// is entered: of the leaf that s's initials lead to, or of its ancestors.
func forced(s *model.State, next map[*model.State]*model.Transition) (*model.State, *model.Transition) {
	for s.Initial != nil && s.Kind == model.Compound && len(s.Initial.Targets) == 1 {
		s = s.Initial.Targets[0]
	}
	for ; s != nil; s = s.Parent {
		if t := next[s]; t != nil {
			return s, t
		}
		if len(s.Always) > 0 {
			return nil, nil // a guarded one may come first
		}
	}
	return nil, nil
}

func (p *pass) cycle(path []*model.Transition) {
	var names []string
	for _, t := range path {
		names = append(names, t.Source.Path)
	}
	p.Add(diag.AlwaysCycle, path[0].Pos, "eventless transitions without guards lead in a circle: %s -> %s", strings.Join(names, " -> "), names[0]).
		WithHint("give one of them a guard, or make it wait for an event")
}
