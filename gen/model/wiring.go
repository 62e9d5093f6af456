package model

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

// behaviour resolves what a state does, in the order in which it is tried:
// its events, then always, delays, onDone and invocations.
func (b *builder) behaviour(s *State) {
	sp := s.Spec
	s.Entry = b.actions(sp.Entry, Arrival{})
	s.Exit = b.actions(sp.Exit, Arrival{})
	for _, on := range sp.On {
		d := b.descriptor(on.Event)
		for _, t := range on.Transitions {
			s.On = append(s.On, b.transition(s, t, OnEvent, d.Arrival(), func(t *Transition) { t.On = d }))
		}
	}
	for _, t := range sp.Always {
		s.Always = append(s.Always, b.transition(s, t, OnAlways, Arrival{}, nil))
	}
	for _, a := range sp.After {
		d := b.delay(a.Delay, s)
		for _, t := range a.Transitions {
			d.Transitions = append(d.Transitions, b.transition(s, t, OnDelay, Arrival{}, func(t *Transition) { t.Delay = d }))
		}
		s.After = append(s.After, d)
	}
	for _, t := range sp.OnDone {
		s.OnDone = append(s.OnDone, b.transition(s, t, OnStateDone, Arrival{}, nil))
	}
	for _, i := range sp.Invoke {
		s.Invokes = append(s.Invokes, b.invoke(s, i))
	}
	for _, d := range sp.Defer {
		s.Defer = append(s.Defer, b.deferred(d))
	}
}

func (b *builder) transition(s *State, t *spec.Transition, cause Cause, a Arrival, more func(*Transition)) *Transition {
	out := &Transition{Index: len(b.m.Transitions), Pos: t.Pos, Cause: cause, Source: s, Reenter: t.Reenter, Description: t.Description.Value}
	b.m.Transitions = append(b.m.Transitions, out)
	if more != nil {
		more(out)
	}
	out.Targets = b.targets(s, t.Targets)
	if out.Lost = len(out.Targets) < len(t.Targets); !out.Lost {
		b.orthogonal(out, t.Targets)
	}
	if t.Guard != nil {
		out.Guard = b.guard(t.Guard, a)
	}
	out.Actions = b.actions(t.Actions, a)
	return out
}

// descriptor resolves an event descriptor to the events that it matches.
func (b *builder) descriptor(text spec.Scalar) *Descriptor {
	d := &Descriptor{Text: text}
	family, wild := strings.CutSuffix(text.Value, ".*")
	switch {
	case text.Value == "*":
		d.Any = true
		d.Events = append(append(d.Events, b.m.Events...), b.m.Internal...)
	case wild:
		for _, e := range append(append([]*Event(nil), b.m.Events...), b.m.Internal...) {
			if e.Name.Value == family || strings.HasPrefix(e.Name.Value, family+".") {
				d.Events = append(d.Events, e)
			}
		}
	default:
		if e := b.event(text); e != nil {
			d.Events = []*Event{e}
		}
	}
	return d
}

// event resolves an event that arrives: external, internal, or one that the
// machine makes itself.
func (b *builder) event(text spec.Scalar) *Event {
	for _, list := range [][]*Event{b.m.Events, b.m.Internal, b.m.Implicit} {
		for _, e := range list {
			if e.Name.Value == text.Value {
				return e
			}
		}
	}
	if reserved(text.Value) {
		return b.implicit(text)
	}
	d := b.diags.Add(diag.UnknownEvent, text.Pos, "the event %q is not declared", text.Value)
	if hint := suggest(b, text.Value, slices.Concat(b.m.Events, b.m.Internal), eventName); hint != "" {
		d.WithHint("%s", hint)
	} else {
		d.WithHint("declare it under `events`, or under `internal` if only the machine raises it")
	}
	return nil
}

// implicit resolves the events that machines make themselves.
func (b *builder) implicit(text spec.Scalar) *Event {
	e := &Event{Name: text}
	if path, ok := strings.CutPrefix(text.Value, "done.state."); ok {
		e.Section, e.State = DoneState, b.path(text, b.m.Root, path, len("done.state."))
		if e.State == nil {
			return nil
		}
	} else if id, ok := strings.CutPrefix(text.Value, "done.invoke."); ok {
		e.Section = DoneInvoke
		if !b.invocation(text, id, e) {
			return nil
		}
	} else if id, ok := strings.CutPrefix(text.Value, "error.invoke."); ok {
		e.Section = Failed
		if !b.invocation(text, id, e) {
			return nil
		}
	} else if text.Value == "error.execution" || text.Value == "error.communication" {
		e.Section = Failed
	} else {
		b.diags.Add(diag.UnknownEvent, text.Pos, "machines make no event %q", text.Value).
			WithHint("there are error.execution, error.communication, error.invoke.<id>, done.state.<path> and done.invoke.<id>")
		return nil
	}
	b.m.Implicit = append(b.m.Implicit, e)
	return e
}

// invocation resolves the id in an event's name. It looks into the spec:
// invocations may stand after what names them.
func (b *builder) invocation(text spec.Scalar, id string, e *Event) bool {
	for _, s := range b.m.States {
		for n, i := range s.Spec.Invoke {
			if invokeID(s, i, n) != id {
				continue
			}
			if c := b.invoked[i]; c != nil {
				e.Service = c.Service
			}
			for _, service := range b.m.Services {
				if service.Name.Value == i.Src.Value {
					e.Service = service
				}
			}
			return true
		}
	}
	b.diags.Add(diag.UnknownEvent, text.Pos, "no invocation has the id %q", id)
	return false
}

// invokeID is the id that was given, or the name of the service, or the path of
// the state that a machine is invoked in; a second unnamed invocation of one state
// gets its number.
func invokeID(s *State, i *spec.Invoke, n int) string {
	id := i.Src.Value
	switch {
	case i.ID.IsSet():
		return i.ID.Value
	case i.Machine.IsSet() && s.Parent == nil:
		id = s.Name.Value
	case i.Machine.IsSet():
		id = strings.ReplaceAll(s.Path, ".", "-")
	}
	if n > 0 {
		id += "-" + strconv.Itoa(n)
	}
	return id
}

// Arrival is what arrives where the descriptor matches.
func (d *Descriptor) Arrival() Arrival {
	if len(d.Events) > 1 || d.Any {
		return Arrival{Payload: AnyOfThem}
	}
	if len(d.Events) == 0 {
		return Arrival{}
	}
	switch e := d.Events[0]; e.Section {
	case Failed:
		return Arrival{Payload: AnError}
	case DoneInvoke:
		return outputOf(e.Service)
	case DoneState:
		return Arrival{}
	default:
		return Arrival{Payload: OneEvent, Event: e}
	}
}

// Arrival is what arrives where the invocation is done.
func (i *Invoke) Arrival() Arrival { return outputOf(i.Service) }

func outputOf(s *Service) Arrival {
	if s == nil {
		return Arrival{}
	}
	return Arrival{Payload: OutputOf, Service: s}
}

// deferred resolves a descriptor under defer: external events only.
func (b *builder) deferred(text spec.Scalar) *Descriptor {
	d := b.descriptor(text)
	if len(d.Events) == 1 && d.Events[0].Section != External && !strings.HasSuffix(text.Value, "*") {
		b.diags.Add(diag.UnknownEvent, text.Pos, "%q cannot be deferred: only events from outside can", text.Value)
	}
	external := d.Events[:0:0]
	for _, e := range d.Events {
		if e.Section == External {
			external = append(external, e)
		}
	}
	d.Events = external
	return d
}

func (b *builder) invoke(s *State, in *spec.Invoke) *Invoke {
	i := &Invoke{Pos: in.Pos, State: s, Machine: in.Machine.Value, Input: in.Input}
	for n, x := range s.Spec.Invoke {
		if x == in {
			i.ID = invokeID(s, in, n)
		}
	}
	if in.ID.IsSet() {
		b.name(in.ID, "an invocation")
	}
	if in.Src.IsSet() {
		i.Service = b.service(in.Src)
	} else if i.Child = b.invoked[in]; i.Child != nil {
		i.Service = i.Child.Service
	}
	done := i.Arrival()
	for _, t := range in.OnDone {
		i.OnDone = append(i.OnDone, b.transition(s, t, OnInvokeDone, done, func(t *Transition) { t.Invoke = i }))
	}
	for _, t := range in.OnError {
		i.OnError = append(i.OnError, b.transition(s, t, OnInvokeError, Arrival{Payload: AnError}, func(t *Transition) { t.Invoke = i }))
	}
	return i
}

func (b *builder) service(text spec.Scalar) *Service {
	for _, s := range b.m.Services {
		if s.Name.Value == text.Value {
			return s
		}
	}
	b.diags.Add(diag.UnknownService, text.Pos, "the service %q is not declared", text.Value).WithHint("%s", suggest(b, text.Value, b.m.Services, serviceName))
	return nil
}

func (b *builder) guard(g *spec.Guard, a Arrival) *Guard {
	out := &Guard{Kind: g.Kind, Pos: g.Pos, Expr: g.Text}
	switch g.Kind {
	case spec.GuardName:
		out.Method = b.use(&b.m.Guards, g.Text, a)
	case spec.GuardIn:
		if g.Text.IsSet() {
			if g.Text.Value == "#"+b.m.ID.Value {
				b.diags.Add(diag.UnknownTarget, g.Text.Pos, "the machine itself is always active").WithHint("name one of its states: `#%s.<state>`", b.m.ID.Value)
			} else if !strings.HasPrefix(g.Text.Value, "#") {
				b.diags.Add(diag.UnknownTarget, g.Text.Pos, "the state of an `in` guard is written in full").WithHint("write `#%s.%s`", b.m.ID.Value, g.Text.Value)
			} else {
				out.State = b.absolute(g.Text)
			}
		}
	}
	for _, arg := range g.Args {
		out.Args = append(out.Args, b.guard(arg, a))
	}
	return out
}

// use records that a guard or an action written in Go is used where a arrives.
func (b *builder) use(list *[]*Method, name spec.Scalar, a Arrival) *Method {
	index := &b.guardIndex
	if list == &b.m.Actions {
		index = &b.actionIndex
	}
	m := (*index)[name.Value]
	if m == nil {
		m = &Method{Name: name, Arrival: a}
		if *index == nil {
			*index = map[string]*Method{}
		}
		(*index)[name.Value] = m
		*list = append(*list, m)
	} else {
		m.Arrival = m.Arrival.join(a)
	}
	m.Uses = append(m.Uses, name.Pos)
	return m
}

// join is what a method gets that is used where a arrives and where c does.
func (a Arrival) join(c Arrival) Arrival {
	events := func(p Payload) bool { return p == OneEvent || p == AnyOfThem }
	switch {
	case a == c:
		return a
	case events(a.Payload) && events(c.Payload):
		return Arrival{Payload: AnyOfThem}
	default:
		return Arrival{}
	}
}

// methods settles the signatures, once every use is known.
func (b *builder) methods() {
	for _, m := range b.m.Actions {
		m.Replies = m.Arrival.Payload == OneEvent && m.Arrival.Event.HasReply
	}
}

// positionOf is where an action names its event.
func positionOf(a *spec.Action) source.Pos {
	if a.Name.IsSet() {
		return a.Name.Pos
	}
	return a.Pos
}

// order numbers the transitions by their places in the spec.
func (b *builder) order() {
	slices.SortStableFunc(b.m.Transitions, func(t, u *Transition) int {
		return cmp.Or(t.Pos.Line-u.Pos.Line, t.Pos.Col-u.Pos.Col)
	})
	for i, t := range b.m.Transitions {
		t.Index = i
	}
}
