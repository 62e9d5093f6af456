package model

import (
	"regexp"
	"strings"
	"time"

	"github.com/xsgen/xsgen/gen/diag"
	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

// tree makes the states, without anything that names another state.
func (b *builder) tree() {
	b.m.Root = b.state(b.spec.Root, nil)
}

func (b *builder) state(s *spec.State, parent *State) *State {
	st := &State{Index: len(b.m.States), Name: s.Name, Parent: parent, Spec: s, Tags: s.Tags,
		Description: s.Description.Value, Output: s.Output, Deep: s.History.Value == "deep"}
	b.m.States = append(b.m.States, st)
	if parent != nil {
		b.name(s.Name, "a state")
		st.Path = s.Name.Value
		if parent.Path != "" {
			st.Path = parent.Path + "." + s.Name.Value
		}
		b.pathLength(st)
	}
	st.Kind = stateKind(s, parent == nil)
	b.states[st] = map[string]*State{}
	for _, c := range s.States {
		child := b.state(c, st)
		st.Children = append(st.Children, child)
		b.states[st][c.Name.Value] = child
	}
	b.stateShape(st)
	return st
}

// pathLength keeps `state.<machine>.<key>.<path>` within a topic's length for
// keys of a sensible size.
func (b *builder) pathLength(s *State) {
	const most = 160
	if len(s.Path) > most && len(s.Parent.Path) <= most {
		b.diags.Add(diag.BadName, s.Name.Pos, "the state's path has %d characters, more than %d: its topic would be too long", len(s.Path), most)
	}
}

func stateKind(s *spec.State, root bool) StateKind {
	switch {
	case s.Type.Value == "final":
		return Final
	case s.Type.Value == "history", !s.Type.IsSet() && s.History.IsSet():
		return History
	case s.Type.Value == "parallel":
		return Parallel
	case len(s.States) > 0 || root || s.Type.Value == "compound":
		return Compound
	default:
		return Atomic
	}
}

// stateShape reports keys that a state of this type cannot have. What only a
// final state must not have is a rule of its own.
func (b *builder) stateShape(s *State) {
	sp := s.Spec
	bad := func(pos source.Pos, format string, args ...any) *diag.Diagnostic {
		return b.diags.Add(diag.StateShape, pos, format, args...)
	}
	childless := s.Parent != nil && len(sp.States) == 0
	switch {
	case sp.Type.Value == "atomic" && !childless:
		bad(sp.Type.Pos, "an atomic state has no children").WithHint("remove `type`: it follows from the children")
	case childless && (s.Kind == Compound || s.Kind == Parallel):
		bad(sp.Type.Pos, "a state of type %s needs children", s.Kind).WithHint("add `states:`")
	case s.Parent == nil && len(sp.States) == 0:
		bad(sp.Pos, "the machine has no states").WithHint("add `states:`")
	}
	if s.Kind == History {
		b.historyShape(s)
	} else {
		if sp.History.IsSet() {
			bad(sp.History.Pos, "only a history state has `history`")
		}
		if sp.Target != nil {
			bad(sp.Target.Pos, "only a history state has a `target` of its own").WithHint("transitions are written under `on`, `always` or `after`")
		}
	}
	if sp.Initial != nil && s.Kind != Compound {
		bad(sp.Initial.Pos, "a state of type %s has no initial", s.Kind)
	}
	if s.Kind == Final && s.Parent.Spec.Type.Value == "parallel" {
		bad(s.Name.Pos, "a final state cannot be a region of a parallel state").WithHint("put it into a region: `%s: {initial: …, states: {…}}`", s.Name.Value)
	}
	if s.Parent == nil {
		for _, t := range sp.OnDone {
			if len(t.Targets) > 0 {
				bad(t.Pos, "the machine's own onDone has no target: when it runs, the machine has finished")
			}
		}
	}
	if sp.Output != nil && (s.Kind != Final || s.Parent.Parent != nil) {
		bad(sp.Output.Pos, "only a final state of the machine itself has an output")
	}
	if len(sp.OnDone) > 0 && s.Kind != Compound && s.Kind != Parallel {
		bad(sp.OnDone[0].Pos, "only a state with children has onDone")
	}
}

func (b *builder) historyShape(s *State) {
	sp := s.Spec
	if len(sp.States)+len(sp.Entry)+len(sp.Exit)+len(sp.On)+len(sp.Always)+len(sp.After)+len(sp.Invoke)+len(sp.Defer) > 0 {
		b.diags.Add(diag.StateShape, s.Name.Pos, "the history state %q is never active: it has only `history`, `target`, `tags` and `description`", s.Name.Value)
	}
	if s.Parent.Kind == Compound && sp.Target == nil {
		b.diags.Add(diag.MissingInitial, s.Name.Pos, "the history state %q has no default", s.Name.Value).WithHint("add `target: <state>`: where to go when there is no history yet")
	}
}

// wiring resolves everything that names a state or an event.
func (b *builder) wiring() {
	for _, s := range b.m.States {
		b.initials(s)
	}
	for _, s := range b.m.States {
		b.orthogonalInitial(s)
	}
	for _, s := range b.m.States {
		b.behaviour(s)
	}
}

func (b *builder) initials(s *State) {
	switch sp := s.Spec; {
	case s.Kind == History && sp.Target != nil:
		s.Initial = b.initial(s, sp.Target, s.Parent)
	case s.Kind != Compound:
	case sp.Initial != nil:
		s.Initial = b.initial(s, sp.Initial, s)
	case len(s.Children) > 0:
		b.diags.Add(diag.MissingInitial, s.position(), "%s has children and no initial", s.describe()).
			WithHint("add `initial: %s`", s.Children[0].Name.Value)
	}
}

func (s *State) position() source.Pos {
	if s.Parent == nil && !s.Name.IsSet() {
		return s.Spec.Pos
	}
	return s.Name.Pos
}

func (s *State) describe() string {
	if s.Parent == nil {
		return "the machine"
	}
	return "the state `" + s.Path + "`"
}

// initial resolves an initial or a history default; its targets begin at a
// child of from and must stay within it.
func (b *builder) initial(s *State, in *spec.Initial, from *State) *Transition {
	t := &Transition{Index: -1, Pos: in.Pos, Cause: OnInitial, Source: s}
	for _, text := range in.Targets {
		target := b.path(text, from, text.Value, 0)
		if strings.HasPrefix(text.Value, "#") {
			target = b.absolute(text)
		}
		switch {
		case target == nil:
			continue
		case target == from || !target.Within(from) || target == s:
			b.diags.Add(diag.BadInitial, text.Pos, "%q is not within %s", text.Value, from.describe())
			continue
		case target.Kind == History && s.Kind == History:
			b.diags.Add(diag.BadInitial, text.Pos, "a history state's default cannot be a history state")
			continue
		}
		t.Targets = append(t.Targets, target)
	}
	t.Actions = b.actions(in.Actions, Arrival{})
	return t
}

// targets resolves a transition's targets as seen from its source.
func (b *builder) targets(source *State, texts []spec.Scalar) []*State {
	var out []*State
	for _, text := range texts {
		var t *State
		switch v := text.Value; {
		case strings.HasPrefix(v, "#"):
			t = b.absolute(text)
		case strings.HasPrefix(v, "."):
			t = b.path(text, source, v[1:], 1)
		case source.Parent == nil:
			t = b.path(text, source, v, 0)
		default:
			t = b.path(text, source.Parent, v, 0)
		}
		if t != nil {
			out = append(out, t)
		}
	}
	return out
}

// absolute resolves `#machine.path`.
func (b *builder) absolute(text spec.Scalar) *State {
	id, path, deeper := strings.Cut(text.Value[1:], ".")
	if id != b.m.ID.Value {
		b.diags.Add(diag.UnknownTarget, text.Pos, "%q does not begin with this machine's id", text.Value).WithHint("write `#%s.…`", b.m.ID.Value)
		return nil
	}
	if !deeper {
		b.diags.Add(diag.UnknownTarget, text.Pos, "the machine itself cannot be a target").WithHint("name one of its states: `#%s.<state>`", id)
		return nil
	}
	return b.path(text, b.m.Root, path, len(id)+2)
}

// path resolves a dotted path that begins at a child of from; off is where it
// stands in the scalar.
func (b *builder) path(text spec.Scalar, from *State, path string, off int) *State {
	if strings.HasPrefix(path, "#") {
		return nil // resolved by absolute
	}
	s := from
	for _, seg := range strings.Split(path, ".") {
		next := b.states[s][seg]
		if next == nil {
			b.diags.Add(diag.UnknownTarget, text.At(off, max(len(seg), 1)), "%s has no child %q", s.describe(), seg).
				WithHint("%s", b.targetHint(seg, s.Children))
			return nil
		}
		off += len(seg) + 1
		s = next
	}
	return s
}

// targetHint names the nearest sibling, or else the only state of that name.
func (b *builder) targetHint(seg string, siblings []*State) string {
	if h := suggest(b, seg, siblings, stateName); h != "" {
		return h
	}
	if b.namesakes == nil {
		b.namesakes = map[string][]*State{}
		for _, s := range b.m.States[1:] {
			b.namesakes[s.Name.Value] = append(b.namesakes[s.Name.Value], s)
		}
	}
	if found := b.namesakes[seg]; len(found) == 1 {
		return "did you mean `#" + b.m.ID.Value + "." + found[0].Path + "`?"
	}
	return ""
}

// looksLikeDelay matches what begins with a number and is no expression.
var looksLikeDelay = regexp.MustCompile(`^[-+]?[0-9.]+ ?[0-9.A-Za-zµμ]*$`)

func positive(text string) bool {
	d, err := time.ParseDuration(text)
	return err == nil && d > 0
}

// delay reads a constant duration, or leaves the text to be an expression.
func (b *builder) delay(text spec.Scalar, s *State) *Delay {
	d := &Delay{Text: text, State: s}
	before := b.diags.Len()
	constant, err := time.ParseDuration(text.Value)
	switch {
	case text.Tag == "!!int" || text.Tag == "!!float":
		b.diags.Add(diag.BadDelay, text.Pos, "the delay %s has no unit", text.Value).WithHint("write `%sms` or `%ss`", text.Value, text.Value)
	case err == nil && constant <= 0:
		b.diags.Add(diag.BadDelay, text.Pos, "the delay %s is not positive", text.Value).WithHint("what happens at once is an `always` transition")
	case err == nil:
		d.Constant = constant
	case looksLikeDelay.MatchString(text.Value):
		hint := "units are ns, us, ms, s, m and h: `1h30m`"
		if meant := strings.ToLower(strings.ReplaceAll(text.Value, " ", "")); positive(meant) {
			hint = "did you mean `" + meant + "`?"
		}
		b.diags.Add(diag.BadDelay, text.Pos, "%q is not a duration", text.Value).WithHint("%s", hint)
	}
	d.Broken = b.diags.Len() > before
	return d
}
