package model

import (
	"slices"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/spec"
)

func (b *builder) actions(list []*spec.Action, a Arrival) []*Action {
	var out []*Action
	for _, s := range list {
		if x := b.action(s, a); x != nil {
			out = append(out, x)
		}
	}
	return out
}

func (b *builder) action(s *spec.Action, a Arrival) *Action {
	x := &Action{Kind: s.Kind, Pos: s.Pos, With: s.With, ID: s.ID}
	switch s.Kind {
	case spec.ActionName:
		if !s.Name.IsSet() {
			return nil
		}
		x.Method = b.use(&b.m.Actions, s.Name, a)
	case spec.ActionAssign:
		x.Fields = b.m.Context
	case spec.ActionRaise:
		x.Event = b.raised(s)
	case spec.ActionEmit:
		x.Event = b.produced(s, b.m.Emits, "emitted", "emits")
	case spec.ActionSend:
		b.send(s, x)
	case spec.ActionCancel:
		x.ID = s.Name
		b.cancelled(s.Name)
	case spec.ActionReply:
		if a.Payload != OneEvent || !a.Event.HasReply {
			b.diags.Add(diag.BadReply, s.Pos, "there is no request here to reply to").
				WithHint("a reply belongs to a transition on one event that declares `reply`")
			return nil
		}
		x.Event, x.Fields = a.Event, a.Event.Reply
	}
	if x.Event != nil && s.Kind != spec.ActionReply {
		x.Fields = x.Event.Fields
	}
	return x
}

// raised resolves an event that the machine raises itself: an internal one, or
// one that it also takes from outside.
func (b *builder) raised(s *spec.Action) *Event {
	all := slices.Concat(b.m.Internal, b.m.Events)
	return b.produced(s, all, "raised", "internal")
}

// produced resolves the event that an action makes.
func (b *builder) produced(s *spec.Action, among []*Event, verb, section string) *Event {
	if !s.Name.IsSet() {
		return nil
	}
	for _, e := range among {
		if e.Name.Value == s.Name.Value {
			return e
		}
	}
	d := b.diags.Add(diag.UnknownEvent, positionOf(s), "the event %q is %s but not declared", s.Name.Value, verb)
	if hint := suggest(b, s.Name.Value, among, eventName); hint != "" {
		d.WithHint("%s", hint)
	} else {
		d.WithHint("declare it under `%s`", section)
	}
	return nil
}

// send resolves who is sent to, and the event as that receiver declares it.
func (b *builder) send(s *spec.Action, x *Action) {
	if s.After.IsSet() {
		x.After = b.delay(s.After, nil)
	}
	switch {
	case !s.To.IsSet():
		x.Self = true
		x.Event = b.produced(s, slices.Concat(b.m.Events, b.m.Internal), "sent to the machine itself", "events")
	case s.To.Value == "parent":
		x.Parent = true
		x.Event = b.produced(s, b.m.Emits, "sent to the parent", "emits")
		if x.Event != nil && !slices.Contains(b.m.ToParent, x.Event) {
			b.m.ToParent = append(b.m.ToParent, x.Event)
		}
	default:
		b.sendTo(s, x)
	}
	if s.ID.IsSet() {
		b.name(s.ID, "a send")
	}
}

func (b *builder) sendTo(s *spec.Action, x *Action) {
	for _, r := range b.m.Sends {
		if r.Name.Value == s.To.Value {
			x.Event = b.produced(s, r.Events, "sent to "+r.Name.Value, "sends."+r.Name.Value)
			return
		}
	}
	if b.sendToChild(s, x) {
		return
	}
	b.diags.Add(diag.UnknownRole, s.To.Pos, "%q is neither a role under `sends` nor an invocation", s.To.Value).
		WithHint("%s", b.diags.Suggest(s.To.Value, b.receivers()))
}

// cancelled reports a cancel whose id no send has.
func (b *builder) cancelled(id spec.Scalar) {
	if !id.IsSet() {
		return
	}
	if b.sendIDs == nil {
		b.sendIDs = []spec.Scalar{}
		eachAction(b.spec.Root, func(a *spec.Action) {
			if a.Kind == spec.ActionSend && a.ID.IsSet() {
				b.sendIDs = append(b.sendIDs, a.ID)
			}
		})
	}
	if !slices.ContainsFunc(b.sendIDs, func(s spec.Scalar) bool { return s.Value == id.Value }) {
		b.diags.Add(diag.UnknownEvent, id.Pos, "no send has the id %q, so there is nothing to cancel", id.Value).
			WithHint("%s", suggest(b, id.Value, b.sendIDs, scalarText))
	}
}

// eachAction visits every action of a state and its descendants as written.
func eachAction(s *spec.State, visit func(*spec.Action)) {
	each := func(list []*spec.Action) {
		for _, a := range list {
			visit(a)
		}
	}
	transitions := func(list []*spec.Transition) {
		for _, t := range list {
			each(t.Actions)
		}
	}
	each(s.Entry)
	each(s.Exit)
	for _, i := range []*spec.Initial{s.Initial, s.Target} {
		if i != nil {
			each(i.Actions)
		}
	}
	for _, o := range s.On {
		transitions(o.Transitions)
	}
	for _, a := range s.After {
		transitions(a.Transitions)
	}
	for _, i := range s.Invoke {
		transitions(i.OnDone)
		transitions(i.OnError)
	}
	transitions(s.Always)
	transitions(s.OnDone)
	for _, c := range s.States {
		eachAction(c, visit)
	}
}
