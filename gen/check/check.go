// Package check holds the rules over a whole machine: one file per rule, each
// named after it. A rule reads the model and adds findings; it changes nothing,
// and does not depend on the other rules.
package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/expr"
	"github.com/xsgen/xsgen/gen/model"
)

// rules are run in this order; diagnostics are sorted by place afterwards.
var rules = []func(*pass){
	unreachableState, transitionNeverTaken, finalWithTransitions, unusedEvent, unusedType, unusedService,
	alwaysCycle, raiseCycle, regionConflict, deferredNeverTaken, patternMatchesNothing, unusedContext,
}

// Run checks a machine that has resolved without errors.
func Run(m *model.Machine, table *expr.Table, l *diag.List) {
	p := &pass{List: l, m: m, table: table}
	for _, r := range rules {
		r(p)
	}
}

// pass is what a rule works with.
type pass struct {
	*diag.List
	m     *model.Machine
	table *expr.Table
}

// eachTransition visits all transitions and initials.
func (p *pass) eachTransition(visit func(*model.Transition)) {
	for _, t := range p.m.Transitions {
		visit(t)
	}
	for _, s := range p.m.States {
		if s.Initial != nil {
			visit(s.Initial)
		}
	}
}

// eachAction visits all actions.
func (p *pass) eachAction(visit func(*model.Action)) {
	list := func(actions []*model.Action) {
		for _, a := range actions {
			visit(a)
		}
	}
	for _, s := range p.m.States {
		list(s.Entry)
		list(s.Exit)
	}
	p.eachTransition(func(t *model.Transition) { list(t.Actions) })
}
