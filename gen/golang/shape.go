package golang

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// shape is a fingerprint of each part of the machine that snapshots depend on.
// Descriptions, tags and the order of fields do not count.
func (g *generator) shape() *jen.Statement {
	w := &shapeWriter{}
	part := func(name string, write func()) jen.Code {
		w.Reset()
		write()
		sum := sha256.Sum256([]byte(w.String()))
		return field(name, jen.Lit(hex.EncodeToString(sum[:8])))
	}
	return jen.Qual(machinePath, "Shape").Values(
		part("States", func() { w.states(g.m) }),
		part("Context", func() { w.fields(g.m.Context) }),
		part("Events", func() { w.events(g.m) }),
		part("Behaviour", func() { w.behaviour(g) }),
	)
}

// shapeWriter writes parts of a model in a form that is the same for equal parts.
type shapeWriter struct{ strings.Builder }

func (w *shapeWriter) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

func (w *shapeWriter) states(m *model.Machine) {
	for _, s := range m.States {
		w.line("%s %s %v", s.Path, s.Kind, s.Deep)
	}
}

func (w *shapeWriter) fields(fields []*model.Field) {
	for _, f := range fields {
		w.line("%s %s", f.Name.Value, typeText(f.Type, nil))
	}
}

// typeText is a type with all that it is made of.
func typeText(t *model.Type, within []*model.Named) string {
	text := t.String()
	switch {
	case t.Elem != nil:
		text += "=" + typeText(t.Elem, within)
	case t.Named == nil:
	case t.Named.Enum:
		for _, v := range t.Named.Values {
			text += "|" + v.Value
		}
	default:
		for _, n := range within {
			if n == t.Named {
				return text
			}
		}
		text += "{"
		for _, f := range t.Named.Fields {
			text += f.Name.Value + " " + typeText(f.Type, append(within, t.Named)) + ";"
		}
		text += "}"
	}
	return text
}

func (w *shapeWriter) events(m *model.Machine) {
	lists := []struct {
		what   string
		events []*model.Event
	}{{"event", m.Events}, {"internal", m.Internal}, {"emit", m.Emits}}
	for _, r := range slices.Concat(m.Sends, m.ToChildren) {
		lists = append(lists, struct {
			what   string
			events []*model.Event
		}{"send " + r.Name.Value, r.Events})
	}
	for _, l := range lists {
		for _, e := range l.events {
			w.line("%s %s", l.what, e.Name.Value)
			w.fields(e.Fields)
			w.fields(e.Reply)
		}
	}
}

func (w *shapeWriter) behaviour(g *generator) {
	for _, s := range g.m.States {
		w.line("state %s", s.Path)
		w.transition(s.Initial)
		w.actions(s.Entry)
		w.actions(s.Exit)
		w.value(s.Output)
		for _, i := range s.Invokes {
			w.line("invoke %s %s", i.ID, i.Machine)
			w.value(i.Input)
		}
		for _, d := range s.Defer {
			w.line("defer %s", d.Text.Value)
		}
	}
	for _, t := range g.m.Transitions {
		w.transition(t)
	}
}

func (w *shapeWriter) transition(t *model.Transition) {
	if t == nil {
		return
	}
	w.line("%s %v", transitionName(t), t.Reenter)
	w.guard(t.Guard)
	w.actions(t.Actions)
}

func (w *shapeWriter) guard(x *model.Guard) {
	if x == nil {
		return
	}
	state := ""
	if x.State != nil {
		state = x.State.Path
	}
	w.line("guard %d %s %s", x.Kind, x.Expr.Value, state)
	for _, a := range x.Args {
		w.guard(a)
	}
}

func (w *shapeWriter) actions(list []*model.Action) {
	for _, a := range list {
		w.line("action %s %v %v %s", actionName(a), a.Self, a.Parent, a.ID.Value)
		if a.After != nil {
			w.line("after %s", a.After.Text.Value)
		}
		w.value(a.With)
	}
}

func (w *shapeWriter) value(v *spec.Value) {
	if v == nil {
		return
	}
	w.line("value %s", v.Scalar.Value)
	for _, i := range v.Items {
		w.value(i)
	}
	for _, e := range v.Entries {
		w.line("entry %s", e.Key.Value)
		w.value(e.Value)
	}
}
