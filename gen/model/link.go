package model

import (
	"iter"
	"slices"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/spec"
)

// Finder finds the machine whose spec has a path, relative to the spec that is
// being built. It returns nil if there is none that can be invoked, and has then
// reported why.
type Finder func(path spec.Scalar) *Machine

// eachInvoke visits every invocation as it is written, with its id.
func (b *builder) eachInvoke(visit func(i *spec.Invoke, id string)) {
	for _, st := range b.m.States {
		for n, i := range st.Spec.Invoke {
			visit(i, invokeID(st, i, n))
		}
	}
}

// receivers are the names of all that can be sent to.
func (b *builder) receivers() iter.Seq[string] {
	var ids []string
	b.eachInvoke(func(_ *spec.Invoke, id string) { ids = append(ids, id) })
	return slices.Values(append(ids, slices.Collect(namesOf(b.m.Sends, roleName))...))
}

// children finds the machines that are invoked. It goes before everything that
// may name one.
func (b *builder) children() {
	b.invoked = map[*spec.Invoke]*Child{}
	b.eachInvoke(func(i *spec.Invoke, id string) {
		if !i.Machine.IsSet() {
			return
		}
		b.invokeName(i, id)
		if b.find == nil {
			return
		}
		if m := b.find(i.Machine); m != nil {
			b.invoked[i] = b.child(m, i.Machine)
		}
	})
}

// invokeName reports an id that means something else to a send.
func (b *builder) invokeName(i *spec.Invoke, id string) {
	pos := i.Machine.Pos
	if i.ID.IsSet() {
		pos = i.ID.Pos
	}
	if id == "parent" {
		b.diags.Add(diag.BadName, pos, "an invocation cannot be called `parent`: that is the machine that invoked this one").
			WithHint("give it another `id:`")
	}
	for _, r := range b.m.Sends {
		if r.Name.Value == id {
			b.diags.Add(diag.DuplicateName, pos, "the invocation and a role are both called %q", id).WithRelated(r.Name.Pos, "the role is declared here")
		}
	}
}

// child is what is known of a machine that is invoked: the same for all of its
// invocations.
func (b *builder) child(m *Machine, at spec.Scalar) *Child {
	for _, c := range b.m.Children {
		if c.Machine == m {
			return c
		}
	}
	c := &Child{Machine: m}
	b.m.Children = append(b.m.Children, c)
	c.Service = &Service{
		Name:        spec.Scalar{Value: m.ID.Value, Pos: at.Pos, Tag: at.Tag},
		Description: m.Description,
		Input:       b.ours(m.Input, c, at, toChild),
		Output:      b.ours(m.Output, c, at, toParent),
	}
	for _, e := range m.ToParent {
		if own := b.heard(e, c, at); own != nil {
			c.Heard = append(c.Heard, Heard{e, own})
		}
	}
	return c
}

// direction is the way that values go.
type direction func(ours, theirs *Type) bool

func toChild(ours, theirs *Type) bool  { return Assignable(ours, theirs) }
func toParent(ours, theirs *Type) bool { return Assignable(theirs, ours) }

// ours are a child's fields with the types of the same names that this machine
// declares.
func (b *builder) ours(fields []*Field, c *Child, at spec.Scalar, way direction) []*Field {
	var out []*Field
	for _, f := range fields {
		own := *f
		own.Type = b.our(f.Type, c, at, way)
		if own.Default != nil && own.Type.Kind != Invalid && !b.fits(own.Default, own.Type) {
			b.diags.Add(diag.MachineTypes, at.Pos, "the default of %s in machine %s is not a value of the type %s here", f.Name.Value, c.Machine.ID.Value, own.Type).
				WithRelated(f.Name.Pos, "it is declared here")
		}
		out = append(out, &own)
	}
	return out
}

// fits reports whether a default of another machine is one of a type of this one.
func (b *builder) fits(v *spec.Value, t *Type) bool {
	quiet := *b
	quiet.diags = &diag.List{}
	quiet.literal(v, t)
	return quiet.diags.Len() == 0
}

func (b *builder) our(theirs *Type, c *Child, at spec.Scalar, way direction) *Type {
	own := *theirs
	switch {
	case theirs.Elem != nil:
		own.Elem = b.our(theirs.Elem, c, at, way)
		if own.Elem.Kind == Invalid {
			return &Type{}
		}
	case theirs.Named != nil:
		i := slices.IndexFunc(b.m.Types, func(n *Named) bool { return n.Name.Value == theirs.Named.Name.Value })
		if i < 0 {
			b.diags.Add(diag.MachineTypes, at.Pos, "the type %s of machine %s is not declared here", theirs.Named.Name.Value, c.Machine.ID.Value).
				WithRelated(theirs.Named.Name.Pos, "it is declared here").WithHint("declare it under `types` with the same fields or values")
			return &Type{}
		}
		own.Named = b.m.Types[i]
		if own.Kind = Struct; own.Named.Enum {
			own.Kind = Enum
		}
		if !way(&own, theirs) {
			b.mismatch(own.Named, theirs.Named, c, at)
			return &Type{}
		}
	}
	return &own
}

func (b *builder) mismatch(own, theirs *Named, c *Child, at spec.Scalar) {
	b.diags.Add(diag.MachineTypes, at.Pos, "the type %s is not what it is in machine %s", own.Name.Value, c.Machine.ID.Value).
		WithRelated(own.Name.Pos, "declared here").WithRelated(theirs.Name.Pos, "and there").
		WithHint("a struct needs the same fields on both sides; of an enum, the receiver must have all of the sender's values")
}

// heard is the machine's own event for one that a child sends to its parent.
func (b *builder) heard(sent *Event, c *Child, at spec.Scalar) *Event {
	name, child := sent.Name.Value, c.Machine.ID.Value
	i := slices.IndexFunc(b.m.Events, func(e *Event) bool { return e.Name.Value == name })
	if i < 0 {
		b.diags.Add(diag.MachineTypes, at.Pos, "the machine %s sends the event %s to its parent, which is not declared here", child, name).
			WithRelated(sent.Name.Pos, "it is declared here").WithHint("declare %s under `events` with the same fields", name)
		return nil
	}
	own := b.m.Events[i]
	if !(assignment{}).fields(sent.Fields, own.Fields) {
		b.diags.Add(diag.MachineTypes, at.Pos, "the event %s does not have the fields with which the machine %s sends it to its parent", name, child).
			WithRelated(own.Name.Pos, "declared here").WithRelated(sent.Name.Pos, "and there")
		return nil
	}
	return own
}

// sendToChild resolves a send to an invocation. It reports false if there is none
// of that name.
func (b *builder) sendToChild(s *spec.Action, x *Action) bool {
	var among []*Child
	known, service := false, false
	b.eachInvoke(func(i *spec.Invoke, id string) {
		if id != s.To.Value {
			return
		}
		known, service = true, service || i.Src.IsSet()
		if c := b.invoked[i]; c != nil && !slices.Contains(among, c) {
			among = append(among, c)
		}
	})
	switch {
	case service:
		b.diags.Add(diag.UnknownRole, s.To.Pos, "%q is a service: nothing can be sent to it", s.To.Value)
	case len(among) > 1:
		b.diags.Add(diag.UnknownRole, s.To.Pos, "%q is the id of invocations of different machines", s.To.Value).
			WithHint("give each an `id:` of its own")
	case len(among) == 1:
		x.Event = b.sentToChild(s, b.line(s.To, among[0]))
	}
	return known
}

// line is the role that invocations of one id play.
func (b *builder) line(id spec.Scalar, c *Child) *Role {
	for _, r := range b.m.ToChildren {
		if r.Name.Value == id.Value && r.Child == c {
			return r
		}
	}
	r := &Role{Name: id, Child: c}
	b.m.ToChildren = append(b.m.ToChildren, r)
	return r
}

// sentToChild is the event that is sent: as the child declares it, in this
// machine's types.
func (b *builder) sentToChild(s *spec.Action, r *Role) *Event {
	m := r.Child.Machine
	of := b.produced(s, m.Events, "sent to "+r.Name.Value, "events` of the machine `"+m.ID.Value)
	if of == nil {
		return nil
	}
	for _, e := range r.Events {
		if e.Of == of {
			return e
		}
	}
	e := &Event{Name: s.Name, Section: Sent, Description: of.Description, Fields: b.ours(of.Fields, r.Child, s.Name, toChild), Role: r, Of: of}
	r.Events = append(r.Events, e)
	return e
}
