package check

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// unusedContext: a field of the context that no expression reads, in a machine
// without guards or actions in Go that could.
func unusedContext(p *pass) {
	if len(p.m.Guards)+len(p.m.Actions) > 0 {
		return
	}
	assigned := map[string]bool{}
	p.eachAction(func(a *model.Action) {
		if a.Kind == spec.ActionAssign && a.With != nil {
			for _, e := range a.With.Entries {
				assigned[e.Key.Value] = true
			}
		}
	})
	for _, f := range p.m.Context {
		switch {
		case p.table.Reads[f]:
		case assigned[f.Name.Value]:
			p.Add(diag.UnusedContext, f.Name.Pos, "the context's field %s is assigned and never read", f.Name.Value)
		default:
			p.Add(diag.UnusedContext, f.Name.Pos, "the context's field %s is neither read nor assigned", f.Name.Value)
		}
	}
}
