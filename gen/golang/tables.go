package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/xsgen/xsgen/gen/goname"
	"github.com/xsgen/xsgen/gen/model"
	"github.com/xsgen/xsgen/gen/spec"
)

// stateIdent is the constant with a state's number.
func stateIdent(s *model.State) string {
	if s.Parent == nil {
		return "rootState" // no state's name begins like this
	}
	return "state" + goname.Exported(s.Path)
}

// tables declares the numbers of events and states, and the chart.
func (g *generator) tables(f *jen.File) {
	f.Comment("The numbers of the events.")
	var consts []jen.Code
	for i, e := range g.chart.events {
		if e.ident != "" {
			consts = append(consts, jen.Id(e.ident).Int32().Op("=").Lit(i))
		}
	}
	f.Const().Defs(consts...)
	f.Comment("The numbers of the states.")
	consts = nil
	for _, s := range g.m.States {
		consts = append(consts, jen.Id(stateIdent(s)).Op("=").Lit(s.Index))
	}
	f.Const().Defs(consts...)
	f.Comment("chart is the machine as tables.")
	f.Var().Id("chart").Op("=").Qual(machinePath, "Chart").Values(lines(g.chartFields())...)
}

// lines puts every element on a line of its own.
func lines(list []jen.Code) []jen.Code {
	out := make([]jen.Code, 0, len(list)+1)
	for _, c := range list {
		out = append(out, jen.Line().Add(c))
	}
	return append(out, jen.Line())
}

func field(name string, value jen.Code) jen.Code { return jen.Id(name).Op(":").Add(value) }

func (g *generator) chartFields() []jen.Code {
	c := g.chart
	fields := []jen.Code{field("Machine", jen.Lit(g.m.ID.Value))}
	if g.m.Strict {
		fields = append(fields, field("Strict", jen.True()))
	}
	var events []jen.Code
	for _, e := range c.events {
		events = append(events, jen.Lit(e.name))
	}
	return append(fields,
		field("Width", jen.Lit(c.width)),
		field("States", jen.Index().Qual(machinePath, "State").Values(lines(g.stateRows())...)),
		field("Events", jen.Index().String().Values(lines(events)...)),
		field("Transitions", jen.Index().Qual(machinePath, "Transition").Values(lines(g.transitionRows())...)),
		field("Blocks", jen.Index().Qual(machinePath, "Block").Values(lines(g.blockRows())...)),
		field("Outputs", jen.Index().String().ValuesFunc(func(list *jen.Group) {
			for _, e := range g.outputs() {
				list.Lit(outputName(e))
			}
		})),
		field("Kin", jen.Index().String().ValuesFunc(g.kinNames)),
		field("Shape", g.shape()),
		field("Invokes", jen.Index().Qual(machinePath, "Invoke").Values(lines(g.invokeRows())...)),
		field("Delays", jen.Index().Qual(machinePath, "Delay").Values(lines(g.delayRows())...)),
		field("Index", numbers(c.index, len(c.events))),
		field("Candidates", numbers(c.candidates, 16)),
		field("Idle", jen.Lit(c.idle)),
		field("Targets", numbers(c.targets, 16)),
		field("Histories", numbers(c.histories, 16)),
		field("Finish", numbers(c.finish, 16)),
		field("Steps", jen.Index().Qual(machinePath, "Step").Values(lines(g.stepRows())...)),
		field("Start", g.row(c.start, g.m.Root, false)),
		field("Execution", jen.Id("errorExecution")),
		field("Comm", jen.Id("errorCommunication")),
	)
}

// numbers is a table of small integers with the given number of columns.
func numbers(list []int, columns int) *jen.Statement {
	return jen.Index().Int32().ValuesFunc(func(g *jen.Group) {
		for i, n := range list {
			if i%columns == 0 {
				g.Line().Lit(n)
			} else {
				g.Lit(n)
			}
		}
		if len(list) > 0 {
			g.Line()
		}
	})
}

var kindNames = map[model.StateKind]string{model.Atomic: "Atomic", model.Compound: "Compound", model.Final: "Final", model.Parallel: "Parallel", model.History: "ShallowHistory"}

func kindName(s *model.State) string {
	if s.Deep && s.Kind == model.History {
		return "DeepHistory"
	}
	return kindNames[s.Kind]
}

// last is the index of the last descendant of s.
func last(s *model.State) int {
	for len(s.Children) > 0 {
		s = s.Children[len(s.Children)-1]
	}
	return s.Index
}

func (g *generator) stateRows() []jen.Code {
	var out []jen.Code
	for _, r := range g.chart.states {
		s := r.state
		parent := jen.Qual(machinePath, "None")
		if s.Parent != nil {
			parent = jen.Id(stateIdent(s.Parent))
		}
		fields := []jen.Code{
			field("Path", jen.Lit(s.Path)), field("Kind", jen.Qual(machinePath, kindName(s))), field("Parent", parent),
			field("Last", jen.Lit(last(s))), field("Entry", orNone(r.entry)), field("Exit", orNone(r.exit)), field("Done", orNone(r.done)),
			field("Output", orNone(r.output)), field("Default", orNone(r.initial)),
		}
		if r.row > 0 {
			fields = append(fields, field("Row", jen.Lit(r.row)))
		}
		span := func(what string, first, last int) {
			if first < last {
				fields = append(fields, field("First"+what, jen.Lit(first)), field("Last"+what, jen.Lit(last)))
			}
		}
		span("Target", r.firstTarget, r.lastTarget)
		span("Delay", r.firstDelay, r.lastDelay)
		span("Invoke", r.firstInvoke, r.lastInvoke)
		span("History", r.firstHistory, r.lastHistory)
		out = append(out, jen.Values(fields...))
	}
	return out
}

func orNone(n int) jen.Code {
	if n == none {
		return jen.Qual(machinePath, "None")
	}
	return jen.Lit(n)
}

func (g *generator) transitionRows() []jen.Code {
	var out []jen.Code
	for i, t := range g.m.Transitions {
		out = append(out, doc(transitionName(t)).Add(g.row(g.chart.transitions[i], t.Source, true)))
	}
	return out
}

// row is one transition; elided leaves its type to the table's.
func (g *generator) row(r transitionRow, source *model.State, elided bool) *jen.Statement {
	fields := []jen.Code{field("Source", jen.Id(stateIdent(source)))}
	if r.domain == none {
		fields = append(fields, field("Domain", jen.Qual(machinePath, "None")))
	} else {
		fields = append(fields, field("Domain", jen.Id(stateIdent(g.m.States[r.domain]))))
	}
	if r.first < r.last {
		fields = append(fields, field("Leaf", jen.Id(stateIdent(g.m.States[r.leaf]))),
			field("Row", jen.Lit(g.chart.states[r.leaf].row)), field("First", jen.Lit(r.first)), field("Last", jen.Lit(r.last)))
	}
	if r.firstTarget < r.lastTarget {
		fields = append(fields, field("FirstTarget", jen.Lit(r.firstTarget)), field("LastTarget", jen.Lit(r.lastTarget)))
	}
	fields = append(fields, field("Actions", orNone(r.actions)))
	if len(r.flags) > 0 {
		flags := &jen.Statement{}
		for i, name := range r.flags {
			if i > 0 {
				flags.Op("|")
			}
			flags.Qual(machinePath, name)
		}
		fields = append(fields, field("Flags", flags))
	}
	s := &jen.Statement{}
	if !elided {
		s.Qual(machinePath, "Transition")
	}
	return s.Values(fields...)
}

// blockRows are the names of what Take runs: the transitions, then the blocks.
func (g *generator) blockRows() []jen.Code {
	var out []jen.Code
	add := func(name string, actions []*model.Action) {
		fields := []jen.Code{field("Name", jen.Lit(name))}
		if len(actions) > 0 {
			var names []jen.Code
			for _, a := range actions {
				names = append(names, jen.Lit(actionName(a)))
			}
			fields = append(fields, field("Actions", jen.Index().String().Values(names...)))
		}
		out = append(out, jen.Values(fields...))
	}
	for _, t := range g.m.Transitions {
		add(transitionName(t), t.Actions)
	}
	for _, b := range g.chart.blocks {
		add(oneLine(b.comment), b.actions)
	}
	return out
}

// outputName tells the events that are emitted and sent apart.
func outputName(e *model.Event) string {
	if e.Role != nil {
		return "send." + e.Role.Name.Value + "." + e.Name.Value
	}
	return "emit." + e.Name.Value
}

// actionName is what an action is called by observers.
func actionName(a *model.Action) string {
	verb := [...]string{"", "assign", "raise ", "emit ", "send ", "cancel ", "reply", "log"}[a.Kind]
	switch a.Kind {
	case spec.ActionName:
		return a.Method.Name.Value
	case spec.ActionRaise, spec.ActionEmit, spec.ActionSend:
		return verb + a.Event.Name.Value
	case spec.ActionCancel:
		return verb + a.ID.Value
	}
	return verb
}

func (g *generator) invokeRows() []jen.Code {
	var out []jen.Code
	for _, r := range g.chart.invokes {
		out = append(out, jen.Values(field("ID", jen.Lit(r.invoke.ID)), field("Done", jen.Lit(r.done)), field("Error", jen.Lit(r.fails))))
	}
	return out
}

func (g *generator) delayRows() []jen.Code {
	var out []jen.Code
	for _, d := range g.chart.delays {
		fields := []jen.Code{field("Event", jen.Lit(g.chart.delayEvent(d)))}
		if d.Constant > 0 {
			fields = append(fields, field("Constant", jen.Int64().Call(duration(d.Constant))))
		}
		out = append(out, jen.Values(fields...))
	}
	return out
}

func (g *generator) stepRows() []jen.Code {
	var out []jen.Code
	for _, r := range g.chart.steps {
		fields := []jen.Code{field("State", jen.Id(stateIdent(g.m.States[r.state]))), field("Default", orNone(r.initial))}
		if r.inside {
			fields = append(fields, field("Inside", jen.True()))
		}
		out = append(out, jen.Values(fields...))
	}
	return out
}
