package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
)

// unusedType: a declared type that no field has.
func unusedType(p *pass) {
	used := map[*model.Named]bool{}
	var mark func(t *model.Type)
	mark = func(t *model.Type) {
		if t == nil {
			return
		}
		if t.Named != nil {
			used[t.Named] = true
		}
		mark(t.Elem)
	}
	fields := func(list []*model.Field) {
		for _, f := range list {
			mark(f.Type)
		}
	}
	for _, t := range p.m.Types {
		fields(t.Fields)
	}
	events := append(append(append([]*model.Event(nil), p.m.Events...), p.m.Internal...), p.m.Emits...)
	for _, r := range p.m.Sends {
		events = append(events, r.Events...)
	}
	for _, e := range events {
		fields(e.Fields)
		fields(e.Reply)
	}
	for _, r := range p.m.ToChildren {
		for _, e := range r.Events {
			fields(e.Fields)
		}
	}
	services := p.m.Services
	for _, c := range p.m.Children {
		services = append(services[:len(services):len(services)], c.Service)
	}
	for _, s := range services {
		fields(s.Input)
		fields(s.Output)
	}
	fields(p.m.Context)
	fields(p.m.Input)
	fields(p.m.Output)
	for _, t := range p.m.Types {
		if !used[t] {
			p.Add(diag.UnusedType, t.Name.Pos, "no field has the type %s", t.Name.Value)
		}
	}
}
