package golang

import (
	"fmt"
	"slices"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
)

// none is machine.None.
const none = -1

// chart is the machine as tables, as package machine's Chart has them.
type chart struct {
	m           *model.Machine
	events      []eventRow
	states      []stateRow
	transitions []transitionRow
	start       transitionRow
	delays      []*model.Delay
	blocks      []block
	index       []int
	candidates  []int
	steps       []stepRow
	numbers     map[*model.Event]int
	execution   int
	comm        int
}

type eventRow struct {
	name  string
	event *model.Event // of a declared event
	ident string       // the constant
	delay *model.Delay // of an event that is the passing of a delay
}

type stateRow struct {
	state       *model.State
	entry, exit int
	done        int
	row         int
	first, last int // delays
}

type transitionRow struct {
	domain, leaf, first, last, actions int
	flags                              []string
	fused                              bool // Take runs the actions with the guard
}

type stepRow struct {
	state, initial int
	inside         bool
}

// block is a list of actions with a number of its own.
type block struct {
	comment string
	actions []*model.Action
	arrival model.Arrival
	pos     source.Pos
}

func newChart(m *model.Machine) *chart {
	c := &chart{m: m, numbers: map[*model.Event]int{}}
	c.numberEvents()
	c.stateRows()
	for _, t := range m.Transitions {
		c.transitions = append(c.transitions, c.transition(t))
	}
	c.start = transitionRow{domain: none, actions: none, first: len(c.steps)}
	c.start.leaf = c.enter(nil, m.Root)
	c.start.last = len(c.steps)
	c.rows()
	return c
}

func (c *chart) addEvent(name, ident string, e *model.Event) int {
	c.events = append(c.events, eventRow{name: name, event: e, ident: ident})
	return len(c.events) - 1
}

func (c *chart) numberEvents() {
	c.addEvent("", "", nil)
	for _, e := range append(append([]*model.Event(nil), c.m.Events...), c.m.Internal...) {
		c.numbers[e] = c.addEvent(e.Name.Value, "event"+goname.Exported(e.Name.Value), e)
	}
	c.execution = c.addEvent("error.execution", "errorExecution", nil)
	c.comm = c.addEvent("error.communication", "errorCommunication", nil)
}

func (c *chart) stateRows() {
	for _, s := range c.m.States {
		r := stateRow{state: s, done: none, first: len(c.delays)}
		r.entry = c.block(s.Entry, "entry of "+stateName(s), model.Arrival{})
		r.exit = c.block(s.Exit, "exit of "+stateName(s), model.Arrival{})
		for _, d := range s.After {
			c.delays = append(c.delays, d)
			c.events[c.addEvent("after("+d.Text.Value+")", "", nil)].delay = d
		}
		r.last = len(c.delays)
		if s.Parent != nil && c.awaited(s) {
			r.done = c.addEvent("done.state."+s.Path, "", nil)
		}
		c.states = append(c.states, r)
	}
}

// awaited reports whether anything waits for s to be done.
func (c *chart) awaited(s *model.State) bool {
	if len(s.OnDone) > 0 {
		return true
	}
	for _, e := range c.m.Implicit {
		if e.Section == model.DoneState && e.State == s {
			return true
		}
	}
	return false
}

func (c *chart) block(actions []*model.Action, comment string, a model.Arrival) int {
	if len(actions) == 0 {
		return none
	}
	c.blocks = append(c.blocks, block{comment, actions, a, actions[0].Pos})
	return len(c.m.Transitions) + len(c.blocks) - 1
}

// transition computes a transition's row. Its domain is SCXML's, except that a
// transition to its own source or below leaves the source active unless it says
// reenter.
func (c *chart) transition(t *model.Transition) transitionRow {
	r := transitionRow{domain: none, leaf: 0, actions: none, first: len(c.steps)}
	quiet := true
	if len(t.Targets) > 0 {
		target := t.Targets[0]
		if domain := domainOf(t, target); domain != nil {
			r.domain = domain.Index
			r.leaf = c.enter(domain, target)
			quiet = c.quietExit(t.Source, domain) && c.quietEntry(c.steps[r.first:])
		}
	}
	r.last = len(c.steps)
	r.fused = r.domain == none || !c.exitActions(t.Source, c.m.States[r.domain])
	if !r.fused {
		r.actions = c.block(t.Actions, "actions of "+transitionName(t), arrivalOf(t))
		quiet = quiet && r.actions == none
	}
	if t.Guard == nil {
		r.flags = append(r.flags, "Unguarded")
		if r.actions == none && len(t.Actions) == 0 {
			r.flags = append(r.flags, "NoCode")
		}
	}
	if quiet {
		r.flags = append(r.flags, "Quiet")
		if r.actions == none && c.rests(t, r) {
			r.flags = append(r.flags, "Swift")
		}
	}
	return r
}

// rests reports whether no eventless transition can follow.
func (c *chart) rests(t *model.Transition, r transitionRow) bool {
	within := t.Source // without a target, anything within the source may be active
	if r.domain != none {
		within = c.m.States[r.leaf]
	}
	for s := within; s != nil; s = s.Parent {
		if len(s.Always) > 0 {
			return false
		}
	}
	for _, s := range c.m.States {
		if s.Within(within) && len(s.Always) > 0 {
			return false
		}
	}
	return true
}

// domainOf is nil where nothing is exited or entered.
func domainOf(t *model.Transition, target *model.State) *model.State {
	if !t.Reenter && target.Within(t.Source) {
		if target == t.Source && target.Kind == model.Atomic {
			return nil
		}
		return t.Source
	}
	for s := t.Source.Parent; s != nil; s = s.Parent {
		if s.Kind == model.Compound && target != s && target.Within(s) || s.Parent == nil {
			return s
		}
	}
	return t.Source // the machine itself is never left
}

// enter adds the steps from domain, which stays active, to target and on to a
// leaf, which it returns. Without a domain the machine itself is entered.
func (c *chart) enter(domain, target *model.State) int {
	if target == domain {
		return c.descend(target, true)
	}
	var path []*model.State
	for s := target; s != domain; s = s.Parent {
		path = append(path, s)
	}
	for i := len(path) - 1; i > 0; i-- {
		c.steps = append(c.steps, stepRow{state: path[i].Index, initial: none})
	}
	return c.descend(target, false)
}

// descend adds the step for s and follows the initials below it.
func (c *chart) descend(s *model.State, inside bool) int {
	if s.Initial == nil || len(s.Initial.Targets) == 0 {
		c.steps = append(c.steps, stepRow{s.Index, none, inside})
		return s.Index
	}
	initial := c.block(s.Initial.Actions, "initial of "+stateName(s), model.Arrival{})
	c.steps = append(c.steps, stepRow{s.Index, initial, inside})
	return c.enter(s, s.Initial.Targets[0])
}

// exited calls f for every state that may be exited from source up to domain:
// whatever is below source may be active.
func (c *chart) exited(source, domain *model.State, f func(*model.State)) {
	for _, s := range c.m.States {
		if s != domain && s.Within(domain) && (s.Within(source) || source.Within(s)) {
			f(s)
		}
	}
}

func (c *chart) exitActions(source, domain *model.State) bool {
	found := false
	c.exited(source, domain, func(s *model.State) { found = found || len(s.Exit) > 0 })
	return found
}

func (c *chart) quietExit(source, domain *model.State) bool {
	quiet := true
	c.exited(source, domain, func(s *model.State) { quiet = quiet && len(s.Exit) == 0 && len(s.After) == 0 })
	return quiet
}

func (c *chart) quietEntry(steps []stepRow) bool {
	for _, st := range steps {
		s := c.m.States[st.state]
		if st.initial != none || s.Kind == model.Final || !st.inside && (len(s.Entry) > 0 || len(s.After) > 0) {
			return false
		}
	}
	return true
}

// rows fills in, for every leaf and event, the transitions to try. Lists and rows
// that are equal are stored once.
func (c *chart) rows() {
	lists := map[string]int{}
	rows := map[string]int{}
	for i := range c.states {
		s := c.states[i].state
		if !s.Leaf() {
			continue
		}
		var row []int
		for ev := range c.events {
			row = append(row, c.list(c.tried(s, ev), lists))
		}
		key := fmt.Sprint(row)
		at, ok := rows[key]
		if !ok {
			at = len(c.index)
			rows[key] = at
			c.index = append(c.index, row...)
		}
		c.states[i].row = at
	}
}

// list is what Index has for a list of candidates; longer ones are stored.
func (c *chart) list(list []int, known map[string]int) int {
	switch len(list) {
	case 0:
		return 0
	case 1:
		return list[0] + 1
	}
	key := fmt.Sprint(list)
	at, ok := known[key]
	if !ok {
		at = -len(c.candidates) - 1
		known[key] = at
		c.candidates = append(append(c.candidates, list...), none)
	}
	return at
}

// tried are the transitions on event ev when leaf is active: the leaf's own, then
// its ancestors', each in document order.
func (c *chart) tried(leaf *model.State, ev int) []int {
	var out []int
	for s := leaf; s != nil; s = s.Parent {
		for _, t := range s.On {
			if c.matches(t.On, ev) {
				out = append(out, t.Index)
			}
		}
		row := c.states[s.Index]
		switch {
		case ev == 0:
			out = appendAll(out, s.Always)
		case c.events[ev].delay != nil && c.events[ev].delay.State == s:
			out = appendAll(out, c.events[ev].delay.Transitions)
		case ev == row.done:
			out = appendAll(out, s.OnDone)
		}
	}
	return out
}

func appendAll(out []int, list []*model.Transition) []int {
	for _, t := range list {
		out = append(out, t.Index)
	}
	return out
}

// delayEvent is the number of the event that is the passing of d.
func (c *chart) delayEvent(d *model.Delay) int {
	return slices.IndexFunc(c.events, func(e eventRow) bool { return e.delay == d })
}

func (c *chart) matches(d *model.Descriptor, ev int) bool {
	for _, e := range d.Events {
		switch {
		case e.Section == model.DoneState:
			if c.states[e.State.Index].done == ev {
				return true
			}
		case e.Section == model.Failed:
			if c.events[ev].name == e.Name.Value {
				return true
			}
		case c.numbers[e] == ev && ev != 0:
			return true
		}
	}
	return false
}

func stateName(s *model.State) string {
	if s.Path == "" {
		return "the machine"
	}
	return s.Path
}

// transitionName is what a transition is called in comments.
func transitionName(t *model.Transition) string {
	name := stateName(t.Source) + ": "
	switch t.Cause {
	case model.OnEvent:
		name += t.On.Text.Value
	case model.OnAlways:
		name += "always"
	case model.OnDelay:
		name += "after " + t.Delay.Text.Value
	case model.OnStateDone:
		name += "done"
	}
	for _, target := range t.Targets {
		name += " -> " + stateName(target)
	}
	return oneLine(name)
}

// arrivalOf is what a transition's guard and actions can be given.
func arrivalOf(t *model.Transition) model.Arrival {
	if t.Cause != model.OnEvent || len(t.On.Events) == 0 {
		return model.Arrival{}
	}
	if len(t.On.Events) > 1 || t.On.Any {
		return model.Arrival{Payload: model.AnyOfThem}
	}
	switch e := t.On.Events[0]; e.Section {
	case model.Failed:
		return model.Arrival{Payload: model.AnError}
	case model.External, model.Internal:
		return model.Arrival{Payload: model.OneEvent, Event: e}
	}
	return model.Arrival{}
}
