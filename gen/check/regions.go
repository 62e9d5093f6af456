package check

import (
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// phase is the part of a step in which an assignment runs.
type phase int

const (
	onExit phase = iota
	onTransition
	onEntry
)

// assignment is a field that an action assigns.
type assignment struct {
	entry *spec.Entry
	phase phase
}

// regions carries what regionConflict knows of the parallel states.
type regions struct {
	*pass
	parallel []*model.State
	pairs    map[step]*pairing
	reported map[*spec.Entry]bool
	below    map[*model.State][]assignment // see exitsWithin
	entering map[*model.State][]assignment // see entries
}

func assigned(list []*model.Action, when phase) []assignment {
	var out []assignment
	for _, a := range list {
		if a.Kind == spec.ActionAssign && a.With != nil {
			for _, e := range a.With.Entries {
				out = append(out, assignment{e, when})
			}
		}
	}
	return out
}

// each keeps one assignment of each field: another one of the same region would be
// no other finding.
func each(list []assignment) []assignment {
	seen := map[string]bool{}
	var out []assignment
	for _, a := range list {
		if name := a.entry.Key.Value; !seen[name] {
			seen[name] = true
			out = append(out, a)
		}
	}
	return out
}

// exitsWithin is what may run where s and all within it is exited.
func (r *regions) exitsWithin(s *model.State) []assignment {
	if list, done := r.below[s]; done {
		return list
	}
	list := assigned(s.Exit, onExit)
	for _, c := range s.Children {
		list = append(list, r.exitsWithin(c)...)
	}
	r.below[s] = each(list)
	return r.below[s]
}

// entries is what runs where s is entered, and within it what it begins with.
func (r *regions) entries(s *model.State) []assignment {
	if list, done := r.entering[s]; done {
		return list
	}
	r.entering[s] = nil // an initial may be wrong, and lead back
	list := assigned(s.Entry, onEntry)
	if s.Initial != nil {
		list = append(list, assigned(s.Initial.Actions, onEntry)...)
	}
	if s.Kind == model.Parallel {
		for _, c := range s.Children {
			if c.Kind != model.History {
				list = append(list, r.entries(c)...)
			}
		}
	}
	for _, t := range s.Defaults() {
		list = append(list, r.entries(t)...)
		for up := t.Parent; up != nil && up != s; up = up.Parent {
			list = append(list, assigned(up.Entry, onEntry)...)
		}
	}
	r.entering[s] = each(list)
	return r.entering[s]
}

// entered notes what runs where a parallel state is entered as a whole.
func (r *regions) entered(s *model.State) {
	r.parallel = append(r.parallel, s)
	for _, c := range s.Children {
		if c.Kind == model.History {
			continue
		}
		for _, a := range r.entries(c) {
			r.add(step{why: byEntry, parallel: s}, c, within, a)
		}
	}
}

// exited notes what runs where a parallel state is exited, if some transition does
// that.
func (r *regions) exited() {
	self, all := map[*model.State]bool{}, map[*model.State]bool{} // what is exited, and with all that is within
	for _, t := range r.m.Transitions {
		d := t.Domain()
		if d == nil {
			continue
		}
		all[t.Source] = true
		for s := t.Source; s != nil && s != d; s = s.Parent {
			self[s] = true
			all[s] = all[s] || s.Kind == model.Parallel
		}
		all[d] = all[d] || d.Kind == model.Parallel
	}
	for _, p := range r.parallel {
		gone := self[p]
		for up := p.Parent; up != nil; up = up.Parent {
			gone = gone || all[up]
		}
		for _, c := range p.Children {
			if !gone {
				break
			}
			for _, a := range r.exitsWithin(c) {
				r.add(step{why: byExit, parallel: p}, c, within, a)
			}
		}
	}
}

// transition notes what runs where t is taken, beside other transitions.
func (r *regions) transition(t *model.Transition) {
	list := assigned(t.Actions, onTransition)
	d := t.Domain()
	if d != nil {
		list = append(append(r.left(t.Source, d), list...), r.targeted(t, d)...)
	}
	list = each(list)
	for _, why := range reasons(t) {
		for _, a := range list {
			r.beside(why, t.Source, d, a)
		}
	}
}

// left is what may run where source, all within it, and what is around it up to
// domain is exited.
func (r *regions) left(source, domain *model.State) (list []assignment) {
	if source == domain {
		for _, c := range domain.Children {
			list = append(list, r.exitsWithin(c)...)
		}
		return list
	}
	list = append(list, r.exitsWithin(source)...)
	for s := source.Parent; s != nil && s != domain; s = s.Parent {
		if s.Kind == model.Parallel {
			list = append(list, r.exitsWithin(s)...)
		} else {
			list = append(list, assigned(s.Exit, onExit)...)
		}
	}
	return list
}

// reasons are the events that t is taken on.
func reasons(t *model.Transition) []any {
	var out []any
	if t.Cause == model.OnAlways {
		out = append(out, byNothing)
	}
	if t.On != nil {
		for _, e := range t.On.Events {
			out = append(out, e)
		}
	}
	return out
}

// beside notes an assignment of a transition for each region that its source is in.
func (r *regions) beside(why any, source, domain *model.State, a assignment) {
	how := departing
	if domain == nil {
		how = still
	}
	for s := source; s.Parent != nil; s = s.Parent {
		if s == domain {
			how = within
		}
		if s.Parent.Kind == model.Parallel {
			r.add(step{why: why, parallel: s.Parent}, s, how, a)
		}
	}
}

// targeted returns what t's targets have run when they are entered from domain, and
// compares it with what the other regions on the way begin with.
func (r *regions) targeted(t *model.Transition, domain *model.State) []assignment {
	var all []assignment
	for _, target := range t.Targets {
		list := r.entries(target)
		for s := target; s != domain && s.Parent != nil; s = s.Parent {
			if s != target {
				list = append(list[:len(list):len(list)], assigned(s.Entry, onEntry)...)
			}
			if s.Parent.Kind != model.Parallel || t.Source.Within(s.Parent) && s.Parent != domain {
				continue
			}
			for _, a := range list {
				r.add(step{why: t, parallel: s.Parent}, s, within, a)
				r.defaults(t, s, a)
			}
		}
		all = append(all, list...)
	}
	return all
}

// defaults compares an assignment of a region that is entered by name with those of
// the regions that t does not name.
func (r *regions) defaults(t *model.Transition, region *model.State, a assignment) {
	p := r.pairs[step{byEntry, region.Parent, a.entry.Key.Value}]
	if p == nil {
		return
	}
	for _, other := range p[within] {
		if other.region == nil || other.region == region {
			continue
		}
		named := false
		for _, x := range t.Targets {
			named = named || x.Within(other.region)
		}
		if !named {
			r.conflict(other.assignment, a)
		}
	}
}
