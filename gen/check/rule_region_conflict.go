package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// regionConflict: two regions of a parallel state that assign the same field in
// one step: by transitions that can be taken together, on one event or on none, by
// what is exited or entered with them, or where the state itself is entered or exited.
func regionConflict(p *pass) {
	r := &regions{pass: p, pairs: map[step]*pairing{}, reported: map[*spec.Entry]bool{}, below: map[*model.State][]assignment{}, entering: map[*model.State][]assignment{}}
	for _, s := range p.m.States {
		if s.Kind == model.Parallel {
			r.entered(s)
		}
	}
	if len(r.parallel) == 0 {
		return
	}
	r.exited()
	for _, t := range p.m.Transitions {
		r.transition(t)
	}
	for _, s := range p.m.States {
		if s.Initial != nil {
			r.targeted(s.Initial, s)
		}
	}
}

// step is what can happen in one step to a field in a parallel state: why is an
// event, or one of the words below.
type step struct {
	why      any
	parallel *model.State
	field    string
}

// Reasons for steps.
const (
	byNothing = "eventless transitions"
	byEntry   = "the parallel state is entered"
	byExit    = "the parallel state is exited"
)

// manner is how an assignment stands to the parallel state of its step.
type manner int

const (
	within    manner = iota // nothing outside of its region changes
	still                   // the same, since nothing is exited at all
	departing               // its transition exits the parallel state
)

// together are the manners of other regions' assignments beside which one can run:
// of transitions that exit a state, only one is taken.
var together = map[manner][]manner{within: {within, still}, still: {within, still, departing}, departing: {still}}

// pairing keeps, for each manner, the first assignment of a step and the first one
// in another region than that: enough to find one beside which a later one runs.
type pairing [3][2]struct {
	assignment
	region *model.State
}

// add compares an assignment in a region of a parallel state with those before, and
// notes it.
func (r *regions) add(s step, region *model.State, how manner, a assignment) {
	s.field = a.entry.Key.Value
	p := r.pairs[s]
	if p == nil {
		p = &pairing{}
		r.pairs[s] = p
	}
	for _, other := range together[how] {
		for _, first := range p[other] {
			if first.region != nil && first.region != region {
				r.conflict(first.assignment, a)
				break
			}
		}
	}
	switch kept := &p[how]; {
	case kept[0].region == nil:
		kept[0].assignment, kept[0].region = a, region
	case kept[1].region == nil && kept[0].region != region:
		kept[1].assignment, kept[1].region = a, region
	}
}

// conflict reports the one of two assignments that is later in document order, once.
func (r *regions) conflict(first, later assignment) {
	if later.entry.Key.Pos.Compare(first.entry.Key.Pos) < 0 {
		first, later = later, first
	}
	if first.entry == later.entry || r.reported[later.entry] {
		return
	}
	r.reported[later.entry] = true
	wins := "this one, the later in document order, wins"
	switch {
	case later.phase > first.phase:
		wins = "this one runs later, and wins"
	case later.phase < first.phase, later.phase == onExit:
		wins = "the other one runs later, and wins"
	}
	r.Add(diag.RegionConflict, later.entry.Key.Pos, "two regions assign %s in one step; %s", later.entry.Key.Value, wins).
		WithRelated(first.entry.Key.Pos, "the other one is here")
}
