// Package check holds the rules over a whole machine, and those over a whole
// topology: one file per rule, each named after it. A rule reads the model and adds findings; it changes nothing,
// and does not depend on the other rules.
package check

import (
	"slices"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/expr"
	"github.com/xsgen/xsgen/gen/model"
)

// rule is a rule, and the errors beside which it would find what is not there: it
// looks for what nothing does, and the misspelled name may be what does it.
type rule struct {
	run    func(*pass)
	silent []*diag.Rule
	whole  bool // every part of the file must have been read
}

// rules are run in this order; diagnostics are sorted by place afterwards.
var rules = []rule{
	{run: unreachableState, whole: true, silent: []*diag.Rule{diag.UnknownTarget, diag.MissingInitial, diag.BadInitial, diag.StateShape}},
	{run: transitionNeverTaken},
	{run: finalWithTransitions},
	{run: unusedEvent, whole: true, silent: []*diag.Rule{diag.UnknownEvent, diag.UnknownRole}},
	{run: unusedType, whole: true, silent: []*diag.Rule{diag.UnknownType}},
	{run: unusedService, whole: true, silent: []*diag.Rule{diag.UnknownService}},
	{run: alwaysCycle},
	{run: raiseCycle},
	{run: regionConflict},
	{run: deferredNeverTaken, whole: true, silent: []*diag.Rule{diag.UnknownEvent}},
	{run: patternMatchesNothing, whole: true},
	{run: reenterWithoutEffect},
	{run: unusedContext, whole: true, silent: []*diag.Rule{
		diag.UnknownEvent, diag.UnknownRole, diag.UnknownService, diag.UnknownField, diag.Expression, diag.PointlessExpression}},
}

// Run checks a machine. Of one that has errors, which are in l, it checks what
// they leave standing, so that one run finds all that is wrong.
func Run(m *model.Machine, table *expr.Table, l *diag.List) {
	p := &pass{List: l, m: m, table: table}
	errors := l.Found(m.File)
	for _, r := range rules {
		if !r.silencedBy(errors) {
			r.run(p)
		}
	}
}

func (r rule) silencedBy(errors []*diag.Rule) bool {
	return slices.ContainsFunc(errors, func(e *diag.Rule) bool {
		return r.whole && slices.Contains(unread, e) || slices.Contains(r.silent, e)
	})
}

// unread are the errors with which a part of the file has not been read.
var unread = []*diag.Rule{diag.UnknownKey, diag.DuplicateKey, diag.WrongShape, diag.BadValue, diag.KeyConflict}

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
