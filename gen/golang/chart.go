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
	width       int
	events      []eventRow
	states      []stateRow
	transitions []transitionRow
	start       transitionRow
	finish      []int
	delays      []*model.Delay
	invokes     []invokeRow
	blocks      []block
	index       []int
	candidates  []int
	idle        int
	steps       []stepRow
	targets     []int
	histories   []int
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
	state                     *model.State
	entry, exit, output       int
	done                      int
	row                       int
	initial                   int // the block of the initial, or of a history's default
	firstTarget, lastTarget   int
	firstDelay, lastDelay     int
	firstInvoke, lastInvoke   int
	firstHistory, lastHistory int
}

type invokeRow struct {
	invoke      *model.Invoke
	done, fails int // events
}

type transitionRow struct {
	domain, leaf, first, last, actions int
	firstTarget, lastTarget            int
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
	output  *model.State // the block makes the machine's output there
}

func newChart(m *model.Machine) *chart {
	c := &chart{m: m, width: widthOf(m.Root), numbers: map[*model.Event]int{}}
	c.numberEvents()
	for _, s := range m.States {
		c.states = append(c.states, c.stateRow(s))
	}
	for _, t := range m.Transitions {
		c.transitions = append(c.transitions, c.transition(t))
	}
	c.startRow()
	for _, t := range m.Root.OnDone {
		c.finish = append(c.finish, t.Index)
	}
	c.rows()
	return c
}

// widthOf is the number of leaves that can be active within s at once.
func widthOf(s *model.State) int {
	width := 0
	for _, child := range s.Children {
		switch {
		case child.Kind == model.History:
		case s.Kind == model.Parallel:
			width += widthOf(child)
		default:
			width = max(width, widthOf(child))
		}
	}
	return max(width, 1)
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

func (c *chart) stateRow(s *model.State) stateRow {
	r := stateRow{state: s, done: none, initial: none, output: none, firstDelay: len(c.delays), firstInvoke: len(c.invokes),
		firstTarget: len(c.targets), firstHistory: len(c.histories)}
	r.entry = c.block(s.Entry, "entry of "+stateName(s), model.Arrival{})
	r.exit = c.block(s.Exit, "exit of "+stateName(s), model.Arrival{})
	if s.Output != nil {
		c.blocks = append(c.blocks, block{comment: "output of " + stateName(s), pos: s.Output.Pos, output: s})
		r.output = len(c.m.Transitions) + len(c.blocks) - 1
	}
	for _, d := range s.After {
		c.delays = append(c.delays, d)
		c.events[c.addEvent("after("+d.Text.Value+")", "", nil)].delay = d
	}
	for _, i := range s.Invokes {
		c.invokes = append(c.invokes, invokeRow{i, c.addEvent("done.invoke."+i.ID, "", nil), c.addEvent("error.invoke."+i.ID, "", nil)})
	}
	if c.awaited(s) {
		r.done = c.addEvent(doneName(c.m, s), "", nil)
	}
	c.defaults(s, &r)
	for _, child := range s.Children {
		if child.Kind == model.History {
			c.histories = append(c.histories, child.Index)
		}
	}
	r.lastDelay, r.lastInvoke, r.lastTarget, r.lastHistory = len(c.delays), len(c.invokes), len(c.targets), len(c.histories)
	return r
}

// defaults are where a compound state or a history leads to by default.
func (c *chart) defaults(s *model.State, r *stateRow) {
	if s.Initial != nil {
		what := "initial of "
		if s.Kind == model.History {
			what = "default of "
		}
		r.initial = c.block(s.Initial.Actions, what+stateName(s), model.Arrival{})
	}
	for _, t := range s.Defaults() {
		c.targets = append(c.targets, t.Index)
	}
}

func doneName(m *model.Machine, s *model.State) string {
	if s.Parent == nil {
		return "done.state." + m.ID.Value
	}
	return "done.state." + s.Path
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
	c.blocks = append(c.blocks, block{comment: comment, actions: actions, arrival: a, pos: actions[0].Pos})
	return len(c.m.Transitions) + len(c.blocks) - 1
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
		c.states[i].row = c.addRow(row, rows)
	}
	c.idle = c.addRow(make([]int, len(c.events)), rows)
}

func (c *chart) addRow(row []int, rows map[string]int) int {
	key := fmt.Sprint(row)
	at, ok := rows[key]
	if !ok {
		at = len(c.index)
		rows[key] = at
		c.index = append(c.index, row...)
	}
	return at
}

// list is what Index has for a list of candidates; longer ones are stored.
func (c *chart) list(list []int, known map[string]int) int {
	switch {
	case len(list) == 0:
		return 0
	case len(list) == 1 && list[0] >= 0:
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
// its ancestors', each in document order. A state that defers the event stands in
// the list behind its transitions.
func (c *chart) tried(leaf *model.State, ev int) []int {
	var out []int
	for s := leaf; s != nil; s = s.Parent {
		first := len(out)
		for _, t := range s.On {
			if c.matches(t.On, ev) {
				out = append(out, t.Index)
			}
		}
		out = append(out, c.ownEvents(s, ev)...)
		slices.Sort(out[first:])
		for _, d := range s.Defer {
			if c.matches(d, ev) {
				out = append(out, none-1-s.Index)
				break
			}
		}
	}
	return out
}

// ownEvents are the transitions of s on what the machine makes itself.
func (c *chart) ownEvents(s *model.State, ev int) []int {
	row := c.states[s.Index]
	switch {
	case ev == 0:
		return indexes(s.Always)
	case c.events[ev].delay != nil && c.events[ev].delay.State == s:
		return indexes(c.events[ev].delay.Transitions)
	case ev == row.done && s.Parent != nil:
		return indexes(s.OnDone)
	}
	for _, r := range c.invokes[row.firstInvoke:row.lastInvoke] {
		switch ev {
		case r.done:
			return indexes(r.invoke.OnDone)
		case r.fails:
			return indexes(r.invoke.OnError)
		}
	}
	return nil
}

func indexes(list []*model.Transition) []int {
	var out []int
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
		case e.Section == model.Failed, e.Section == model.DoneInvoke:
			if c.events[ev].name == e.Name.Value && ev != 0 && c.events[ev].event == nil {
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

// transitionName is what a transition is called in comments and by observers.
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
	case model.OnInvokeDone:
		name += t.Invoke.ID + " done"
	case model.OnInvokeError:
		name += t.Invoke.ID + " failed"
	}
	for _, target := range t.Targets {
		name += " -> " + stateName(target)
	}
	return oneLine(name)
}

// arrivalOf is what a transition's guard and actions can be given.
func arrivalOf(t *model.Transition) model.Arrival {
	switch t.Cause {
	case model.OnEvent:
		return t.On.Arrival()
	case model.OnInvokeDone:
		return t.Invoke.Arrival()
	case model.OnInvokeError:
		return model.Arrival{Payload: model.AnError}
	}
	return model.Arrival{}
}
