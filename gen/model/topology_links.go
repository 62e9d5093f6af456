package model

import (
	"slices"
	"strings"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
	"github.com/xsgen/xsgen/runtime/topic"
)

// link resolves a link: its ends, what it takes, and how that is mapped.
func (b *topologyBuilder) link(s *spec.Link) {
	l := &Link{
		Pos: s.Pos, From: s.From, Kind: s.Kind, To: s.To, Inline: s.Inline, Spec: s,
		Profile: b.profileNamed(s.Profile), ProfileName: s.Profile, ViaName: s.Via, Timeout: b.span(s.Timeout, "timeout"),
	}
	if s.Via.IsSet() {
		l.Via = b.between(s.Via)
	}
	begins, ends := b.begin(l), b.target(l)
	b.t.Links = append(b.t.Links, l)
	if !begins || !ends || !s.KindKey.IsSet() || !b.fitting(l) {
		return
	}
	switch {
	case l.FromNode != nil:
		b.nodeRoutes(l)
	case l.FromMachine.Machine != nil:
		b.machineRoutes(l)
	}
}

// begin resolves where a link begins.
func (b *topologyBuilder) begin(l *Link) bool {
	for _, p := range b.t.Machines {
		if p.ID.Value == l.From.Value {
			l.FromMachine = p
			return true
		}
	}
	for _, n := range b.t.Nodes {
		if n.Name.Value == l.From.Value {
			l.FromNode = n
			return true
		}
	}
	if first, known := b.ends[l.From.Value]; known {
		b.diags.Add(diag.UnknownEnd, l.From.Pos, "a link begins at a machine or a node, and %s is a group", l.From.Value).WithRelated(first, "declared here")
	} else if l.From.IsSet() {
		b.unknownEnd(l.From, "machine or node")
	}
	return false
}

// target resolves where a link ends.
func (b *topologyBuilder) target(l *Link) bool {
	if all := l.Spec.Broadcast; all.IsSet() {
		l.To = all
		i := slices.IndexFunc(b.t.Broadcasts, func(x *Broadcast) bool { return x.Event.Name.Value == all.Value })
		if i < 0 {
			b.diags.Add(diag.UnknownBroadcast, all.Pos, "the broadcast %q is not declared", all.Value).
				WithHint("%s", suggest(b.names, all.Value, b.t.Broadcasts, func(x *Broadcast) string { return x.Event.Name.Value }))
			return false
		}
		l.ToAll = b.t.Broadcasts[i]
		return true
	}
	for _, p := range b.t.Machines {
		if p.ID.Value == l.To.Value {
			l.ToMachine = p
			return p.Machine != nil
		}
	}
	for _, g := range b.t.Groups {
		if g.Name.Value == l.To.Value {
			l.ToGroup, l.ToMachine = g, g.Machine
			g.Links = append(g.Links, l)
			return g.Machine != nil && g.Machine.Machine != nil
		}
	}
	if first, known := b.ends[l.To.Value]; known {
		b.diags.Add(diag.UnknownEnd, l.To.Pos, "a link leads to a machine or a group, and %s is a node", l.To.Value).WithRelated(first, "declared here").
			WithHint("a node's code hears topics by `subscriptions`")
	} else if l.To.IsSet() {
		b.unknownEnd(l.To, "machine or group")
	}
	return false
}

func (b *topologyBuilder) unknownEnd(s spec.Scalar, what string) {
	known := func(yield func(string) bool) {
		for _, list := range [][]string{names(b.t.Machines, participantID), names(b.t.Nodes, nodeName), names(b.t.Groups, groupName)} {
			for _, n := range list {
				if !yield(n) {
					return
				}
			}
		}
	}
	b.diags.Add(diag.UnknownEnd, s.Pos, "there is no %s %q", what, s.Value).WithHint("%s", b.diags.Suggest(s.Value, known))
}

func names[T any](list []T, name func(T) string) []string { return slices.Collect(namesOf(list, name)) }

// fitting checks that a link's keys go together.
func (b *topologyBuilder) fitting(l *Link) bool {
	s, ok := l.Spec, true
	refuse := func(at source.Pos, hint, format string, args ...any) {
		b.diags.Add(diag.BadLink, at, format, args...).WithHint("%s", hint)
		ok = false
	}
	const made = "the node's code makes the event as its receiver declares it"
	switch {
	case l.FromNode != nil && (l.Kind == spec.Emits || l.Kind == spec.States):
		refuse(s.KindKey.Pos, "a node's code `sends` and `requests`", "%s is a node, and only machines have %s", l.From.Value, l.Kind)
	case l.FromMachine != nil && l.Kind == spec.Requests:
		refuse(s.KindKey.Pos, "what a machine waits for is a service that it invokes", "%s is a machine, and only a node's code can make requests", l.From.Value)
	case l.FromNode != nil && l.ToAll != nil:
		refuse(l.To.Pos, "leave the link out", "the code of every node may broadcast %s", l.To.Value)
	}
	for _, x := range []struct {
		name string
		v    *spec.Value
	}{{"map", s.Map}, {"where", s.Where}, {"key", s.Key}} {
		if x.v != nil && l.FromNode != nil {
			refuse(x.v.Pos, made, "%s does not go with a link from a node", x.name)
		}
	}
	switch {
	case s.Event.IsSet() && l.FromNode != nil:
		refuse(s.Event.Pos, made, "event does not go with a link from a node")
	case s.Event.IsSet() && l.ToAll != nil:
		refuse(s.Event.Pos, "", "event does not go with a broadcast, which is an event itself")
	}
	if s.Timeout.IsSet() && l.Kind != spec.Requests {
		refuse(s.Timeout.Pos, "how long a publish may wait is a profile's `publish-timeout`", "timeout goes with requests only")
	}
	switch {
	case !l.Inline:
	case l.ToMachine == nil || l.ToGroup != nil:
		refuse(s.InlineKey.Pos, "", "an inline link leads to one machine, not to a group or a broadcast")
	case s.Via.IsSet():
		refuse(s.Via.Pos, "", "an inline link is a call, and goes via nothing")
	}
	return ok
}

// nodeRoutes are the events that a node's code may send, or ask for.
func (b *topologyBuilder) nodeRoutes(l *Link) {
	m := l.ToMachine.Machine
	for _, name := range l.Spec.Names {
		e := eventNamed(m.Events, name.Value)
		switch {
		case e == nil:
			b.unknownTarget(name, m, name.Value)
		case l.Kind == spec.Requests && !e.HasReply:
			b.diags.Add(diag.BadLink, name.Pos, "%s of %s has no reply, and cannot be requested", name.Value, m.ID.Value).
				WithRelated(e.Name.Pos, "declared here").WithHint("use `sends`, or declare its `reply`")
		default:
			l.Routes = append(l.Routes, &Route{Link: l, Target: e})
		}
	}
	if l.Kind == spec.Requests {
		l.FromNode.Requests = append(l.FromNode.Requests, l)
	} else {
		l.FromNode.Sends = append(l.FromNode.Sends, l)
	}
}

func (b *topologyBuilder) unknownTarget(at spec.Scalar, m *Machine, name string) {
	d := b.diags.Add(diag.UnknownEvent, at.Pos, "the machine %s accepts no event %q", m.ID.Value, name)
	if hint := suggest(b.names, name, m.Events, eventName); hint != "" {
		d.WithHint("%s", hint)
	} else {
		d.WithHint("name one of its `events` with `event:`")
	}
}

// machineRoutes are what a link takes of a machine.
func (b *topologyBuilder) machineRoutes(l *Link) {
	m := l.FromMachine.Machine
	if l.Kind == spec.States {
		b.stateRoute(l, m)
		return
	}
	for _, name := range l.Spec.Names {
		if l.Kind == spec.Emits {
			if e := eventNamed(m.Emits, name.Value); e != nil {
				b.route1(l, name, &Route{Source: e, Fields: e.Fields})
			} else {
				b.diags.Add(diag.UnknownEvent, name.Pos, "the machine %s emits no event %q", m.ID.Value, name.Value).
					WithHint("%s", suggest(b.names, name.Value, m.Emits, eventName))
			}
			continue
		}
		i := slices.IndexFunc(m.Sends, func(r *Role) bool { return r.Name.Value == name.Value })
		if i < 0 {
			b.diags.Add(diag.UnknownPart, name.Pos, "the machine %s sends to no role %q", m.ID.Value, name.Value).
				WithHint("%s", suggest(b.names, name.Value, m.Sends, roleName))
			continue
		}
		for _, e := range m.Sends[i].Events {
			b.route1(l, name, &Route{Role: m.Sends[i], Source: e, Fields: e.Fields})
		}
	}
}

// stateRoute is the way of the state changes that a link takes.
func (b *topologyBuilder) stateRoute(l *Link, m *Machine) {
	r := &Route{Fields: StateChanged}
	for _, text := range l.Spec.Names {
		if p, ok := b.pattern(text, "a pattern of states is relative to the machine: `placed.*`"); ok {
			l.Patterns = append(l.Patterns, p)
		}
	}
	for _, s := range m.Leaves() {
		if slices.ContainsFunc(l.Patterns, func(p topic.Pattern) bool { return p.Match(topic.Name(s.Path)) }) {
			r.States = append(r.States, s)
		}
	}
	if !l.Spec.Event.IsSet() && l.ToAll == nil {
		b.diags.Add(diag.MissingKey, l.Spec.KindKey.Pos, "a link that takes state changes needs event").
			WithHint("say which event of %s they become: `event: <name>`", l.To.Value)
		return
	}
	b.route1(l, l.Spec.KindKey, r)
}

// pattern reads a pattern over topics or states.
func (b *topologyBuilder) pattern(s spec.Scalar, hint string) (topic.Pattern, bool) {
	p, err := topic.ParsePattern(s.Value)
	if err != nil {
		text := strings.TrimPrefix(err.Error(), "topic: ")
		b.diags.Add(diag.BadPattern, s.Pos, "%s", text).WithHint("%s", hint)
	}
	return p, err == nil
}

// StateChanged are the fields of a state change.
var StateChanged = []*Field{
	stateField("state", &Type{Kind: String}), stateField("from", &Type{Kind: Slice, Elem: &Type{Kind: String}}),
	stateField("active", &Type{Kind: Slice, Elem: &Type{Kind: String}}), stateField("trigger", &Type{Kind: String}),
	stateField("seq", &Type{Kind: Uint64}), stateField("at", &Type{Kind: Time}), stateField("done", &Type{Kind: Bool}),
}

func stateField(name string, t *Type) *Field { return &Field{Name: spec.Scalar{Value: name}, Type: t} }

// route1 completes the way of one event, which is named at a place.
func (b *topologyBuilder) route1(l *Link, name spec.Scalar, r *Route) {
	s := l.Spec
	r.Link, r.Where, r.Key = l, s.Where, s.Key
	at := name
	if l.ToAll != nil {
		r.Target, at = l.ToAll.Event, s.Broadcast
	} else {
		want := s.Event
		if !want.IsSet() {
			want = spec.Scalar{Value: r.Source.Name.Value, Pos: name.Pos}
		}
		at = want
		if r.Target = eventNamed(l.ToMachine.Machine.Events, want.Value); r.Target == nil {
			b.unknownTarget(want, l.ToMachine.Machine, want.Value)
			return
		}
	}
	b.sets(r, at)
	l.Routes = append(l.Routes, r)
}

// sets says how each field of the target is set.
func (b *topologyBuilder) sets(r *Route, at spec.Scalar) {
	m := r.Link.Spec.Map
	what := "the event " + r.Target.Name.Value
	pos := at.Pos
	if m != nil {
		pos = m.Pos
		for _, e := range m.Entries {
			if FieldNamed(r.Target.Fields, e.Key.Value) == nil {
				UnknownField(b.diags, e.Key, r.Target.Fields, what)
			}
		}
	}
	given := &spec.Value{Kind: spec.MapValue}
	for _, f := range r.Target.Fields {
		set := &Set{Field: f}
		if m != nil && m.Entry(f.Name.Value) != nil {
			set.Value = m.Entry(f.Name.Value).Value
		} else if set.From = FieldNamed(r.Fields, f.Name.Value); set.From == nil {
			continue
		} else if !passes(set.From.Type, f.Type) {
			b.badMapping(set, r, pos)
		}
		r.Sets = append(r.Sets, set)
		given.Entries = append(given.Entries, &spec.Entry{Key: f.Name})
	}
	MissingFields(b.diags, given, r.Target.Fields, what, pos)
}

// passes reports whether a field can be set to another one as it is. A T may be
// stored in a T?.
func passes(from, to *Type) bool {
	if from.Kind == Invalid || to.Kind == Invalid || Assignable(from, to) {
		return true
	}
	plain := *to
	plain.Optional = false
	return to.Optional && Assignable(from, &plain)
}

func (b *topologyBuilder) badMapping(s *Set, r *Route, at source.Pos) {
	d := b.diags.Add(diag.BadMapping, at, "the field %s is of type %s at its source, which does not fit %s's %s", s.Field.Name.Value, s.From.Type, r.Target.Name.Value, s.Field.Type)
	if s.From.Name.IsSet() {
		d.WithRelated(s.From.Name.Pos, "the source's field")
	}
	d.WithRelated(s.Field.Name.Pos, "the receiver's field").
		WithHint("set it under `map`; structs fit if they have the same fields, enums if the receiver's has all values of the source's")
}
