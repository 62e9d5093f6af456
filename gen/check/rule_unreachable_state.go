package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// unreachableState: a state that no way from the initial state leads into.
func unreachableState(p *pass) {
	reached := map[*model.State]bool{}
	var enter func(s *model.State)
	enter = func(s *model.State) {
		for up := s; up != nil && !reached[up]; up = up.Parent {
			reached[up] = true
			if up.Kind == model.Parallel {
				for _, c := range up.Children {
					enter(c)
				}
			}
			for _, t := range leaving(up) {
				for _, target := range t.Targets {
					enter(target)
				}
			}
		}
		if s.Initial != nil {
			for _, target := range s.Initial.Targets {
				if !reached[target] {
					enter(target)
				}
			}
		}
	}
	enter(p.m.Root)
	for _, s := range p.m.States {
		if !reached[s] && (s.Parent == nil || reached[s.Parent]) {
			p.Add(diag.Unreachable, s.Name.Pos, "no transition and no initial leads into %s", s.Path)
		}
	}
}

// leaving are all transitions whose source is s.
func leaving(s *model.State) []*model.Transition {
	out := append(append(append([]*model.Transition(nil), s.On...), s.Always...), s.OnDone...)
	for _, d := range s.After {
		out = append(out, d.Transitions...)
	}
	for _, i := range s.Invokes {
		out = append(append(out, i.OnDone...), i.OnError...)
	}
	return out
}
