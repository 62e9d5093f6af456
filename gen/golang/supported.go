package golang

import (
	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

// Supported reports what a machine has that package machine cannot run yet. Such
// a machine is refused rather than run wrongly.
func Supported(m *model.Machine, l *diag.List) {
	refuse := func(pos source.Pos, what string) {
		l.Add(diag.NotYetSupported, pos, "%s cannot be generated yet", what).
			WithHint("the machine is checked in full; `xsgen check` accepts it")
	}
	for _, s := range m.States {
		for _, i := range s.Invokes {
			if i.Machine != "" {
				refuse(i.Pos, "invoked machines")
			}
		}
		each(s.Entry, refuse)
		each(s.Exit, refuse)
		if s.Initial != nil {
			each(s.Initial.Actions, refuse)
		}
	}
	for _, t := range m.Transitions {
		each(t.Actions, refuse)
	}
}

func each(list []*model.Action, refuse func(source.Pos, string)) {
	for _, a := range list {
		if a.Kind == spec.ActionSend && (a.Invoke != nil || a.Parent) {
			refuse(a.Pos, "sends to invocations and to the parent")
		}
	}
}
