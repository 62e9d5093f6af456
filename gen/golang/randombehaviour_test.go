package golang

import (
	"fmt"
	"slices"
	"strings"
)

// The events of random charts, in an order: what is raised where an event is processed
// comes later in it, so that most chains end. e1 has a field; x.i, i0 and i1 are
// internal.
var randomEvents = []string{"e0", "e1", "e2", "x", "x.a", "x.i", "i0", "i1"}

const randomExternal = 5 // of them

const randomHeader = `version: 1
machine: m
context: {n: int, b: int, w: int}
events: {e0: {}, e1: {fields: {v: int}}, e2: {}, x: {}, x.a: {}, reset: {}}
internal: {x.i: {}, i0: {}, i1: {}}
emits: {told: {}}
`

func (c *randomChart) write() {
	c.yaml.WriteString(randomHeader)
	if c.chance(20) {
		c.yaml.WriteString("unhandled: error\n")
	}
	c.state(c.root, "")
}

// state writes the keys of s in an order of chance: it is where a transition is
// written that counts.
func (c *randomChart) state(s *randomState, indent string) {
	if s.history() {
		fmt.Fprintf(&c.yaml, "%stype: history\n%shistory: %s\n", indent, indent, s.kind)
		if !c.implicit(s) || c.chance(20) {
			fmt.Fprintf(&c.yaml, "%starget: %s\n", indent, c.historyDefault(s))
		}
		return
	}
	if s.kind == "parallel" || s.kind == "final" {
		fmt.Fprintf(&c.yaml, "%stype: %s\n", indent, s.kind)
	}
	keys := []func(*randomState, string){c.blocks, c.on, c.always, c.after, c.onDone, c.deferred, c.children}
	c.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for _, key := range keys {
		key(s, indent)
	}
}

func (c *randomChart) children(s *randomState, indent string) {
	if s.leaf() {
		return
	}
	if s.kind == "compound" {
		fmt.Fprintf(&c.yaml, "%sinitial: %s\n", indent, c.initial(s))
	}
	fmt.Fprintf(&c.yaml, "%sstates:\n", indent)
	for _, child := range s.children {
		fmt.Fprintf(&c.yaml, "%s  %s:\n", indent, child.name)
		before := c.yaml.Len()
		c.state(child, indent+"    ")
		if c.yaml.Len() == before {
			fmt.Fprintf(&c.yaml, "%s    tags: []\n", indent)
		}
	}
}

// blocks writes entry and exit.
func (c *randomChart) blocks(s *randomState, indent string) {
	name := s.name
	if s == c.root {
		name = "m"
	}
	if c.chance(70) {
		fmt.Fprintf(&c.yaml, "%sentry: [%s]\n", indent, strings.Join(c.block("in_"+name, len(randomEvents)-2, 6), ", "))
	}
	if c.chance(60) {
		fmt.Fprintf(&c.yaml, "%sexit: [%s]\n", indent, strings.Join(c.block("out_"+name, len(randomEvents)-1, 3), ", "))
	}
}

// block is some actions: one that is named, and others. What is raised has at least
// the given place in randomEvents.
func (c *randomChart) block(name string, raise, percent int) []string {
	out := []string{c.named(name)}
	if raise < len(randomEvents) && c.chance(percent) {
		e := raise + c.IntN(len(randomEvents)-raise)
		with := ""
		if randomEvents[e] == "e1" {
			with = ", with: {v: context.n}"
		}
		out = append(out, "{raise: "+randomEvents[e]+with+"}")
	}
	if c.chance(percent) {
		out = append(out, oneOf(c, []string{
			"{assign: {n: (context.n + 1) % 12}}",
			"{assign: {n: (context.n * 5 + 2) % 12, b: (context.b + context.n) % 40}}",
			"{assign: {b: (context.b + 1) % 40}}",
			"{emit: told}",
			"{emit: told}",
			"{send: e0, after: 1s, id: k0}",
			"{send: e1, with: {v: context.n}, after: 2s, id: k1}",
			"{send: x.a, after: 2s, id: k1}",
			"{cancel: k0}",
			"{cancel: k1}",
			"{assign: {n: 6 / (context.n % 3)}}", // it fails now and then
		}))
	}
	c.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// on writes transitions on events.
func (c *randomChart) on(s *randomState, indent string) {
	if s.kind == "final" {
		return
	}
	keys := map[string]bool{}
	fmt.Fprintf(&c.yaml, "%son:\n", indent)
	if s == c.root {
		fmt.Fprintf(&c.yaml, "%s  reset: {target: %s, actions: [%s]}\n", indent, c.path(s, oneOf(c, s.active())), c.named("reset"))
		fmt.Fprintf(&c.yaml, "%s  e2: %s\n", indent, c.candidates(s, "e2", 3))
		keys["e2"] = true
	}
	for range 1 + c.IntN(3) {
		key, raise := c.descriptor(s)
		if !keys[key] {
			keys[key] = true
			fmt.Fprintf(&c.yaml, "%s  %q: %s\n", indent, key, c.candidates(s, key, raise))
		}
	}
}

// descriptor is a key of `on`, and the place in randomEvents from which on actions may
// raise.
func (c *randomChart) descriptor(s *randomState) (key string, raise int) {
	switch p := c.IntN(100); {
	case p < 70:
		i := c.IntN(randomExternal)
		return randomEvents[i], i + 1
	case p < 82:
		i := randomExternal + c.IntN(len(randomEvents)-randomExternal)
		return randomEvents[i], i + 1
	case p < 88:
		return "x.*", 6
	case p < 91:
		return "*", len(randomEvents)
	case p < 95:
		return "error.execution", len(randomEvents)
	}
	done := slices.DeleteFunc(slices.Clone(c.states), func(x *randomState) bool { return x.kind != "compound" && x.kind != "parallel" })
	if len(done) == 0 {
		return "e0", 1
	}
	return "done.state." + oneOf(c, done).path, len(randomEvents)
}

// candidates are one transition or two.
func (c *randomChart) candidates(s *randomState, key string, raise int) string {
	first := c.transition(s, key, raise, c.chance(55))
	if c.chance(25) {
		return "[" + first + ", " + c.transition(s, key, raise, c.chance(40)) + "]"
	}
	return first
}

// transition is a mapping. What handles errors has no target and nothing that fails,
// as it would go round for ever; what a machine makes of itself ends mostly after a
// few times.
func (c *randomChart) transition(s *randomState, key string, raise int, guarded bool) string {
	c.transitions++
	name := fmt.Sprintf("t%d", c.transitions)
	if key == "error.execution" {
		return fmt.Sprintf("{actions: [%s]}", name)
	}
	actions := c.block(name, raise, 18)
	guard := c.guard(key)
	switch {
	case c.ofItself(key):
		guarded, guard = true, c.ending(guard)
		actions = append([]string{"{assign: {w: context.w + 1}}"}, actions...)
	case key == "e0" && c.chance(15):
		guarded, guard = true, "context.b < 30"
		actions = append([]string{"{assign: {b: context.b + 1}}", oneOf(c, []string{"{send: x}", "{send: e2}", "{send: i0}"})}, actions...)
	case c.chance(40):
		actions = append(actions, "{assign: {w: 0}}")
	}
	parts := []string{fmt.Sprintf("actions: [%s]", strings.Join(actions, ", "))}
	if guarded {
		parts = append(parts, "guard: "+guard)
	}
	if t := c.target(s); t != "" {
		parts = append(parts, "target: "+t)
		if c.chance(18) {
			parts = append(parts, "reenter: true")
		}
	}
	c.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return "{" + strings.Join(parts, ", ") + "}"
}

// guard is a guard of a transition on the given event. Eventless ones do not fail:
// where that is handled they would be asked again, for ever.
func (c *randomChart) guard(key string) string {
	switch p := c.IntN(100); {
	case p < 30:
		g := fmt.Sprintf("g%d", c.IntN(4))
		if key == "always" {
			g = "ga"
		}
		if !slices.Contains(c.guards, g) {
			c.guards = append(c.guards, g)
		}
		return g
	case p < 50:
		return fmt.Sprintf("context.n %% %d == %d", 2+c.IntN(3), c.IntN(2))
	case p < 60 && key == "e1":
		return fmt.Sprintf("event.v %% 3 == %d", c.IntN(3))
	case p < 65 && key != "always":
		return "6 / (context.n % 4) > 2" // it fails now and then
	case p < 82:
		return `{in: "#m.` + oneOf(c, c.root.inside(c)).path + `"}`
	case p < 88:
		return "{not: " + c.guard(key) + "}"
	default:
		return fmt.Sprintf("{%s: [%s, %s]}", oneOf(c, []string{"and", "or"}), c.guard(key), c.guard(key))
	}
}

// inside are all states that can be active.
func (s *randomState) inside(c *randomChart) []*randomState {
	return slices.DeleteFunc(slices.Clone(c.states), (*randomState).history)
}

// ofItself reports whether a machine may make what a transition waits for within the
// step: these end after some times, and begin anew with events from outside.
func (c *randomChart) ofItself(key string) bool {
	switch key {
	case "always", "x.i", "i0", "i1":
		return true
	case "x.*", "*":
		return c.chance(90)
	}
	return strings.HasPrefix(key, "done.")
}

// ending makes a guard false after some times, if the transition adds to context.w.
func (c *randomChart) ending(guard string) string {
	own := fmt.Sprintf("context.w < %d", 2+c.IntN(5))
	if c.chance(40) {
		return own
	}
	return "{and: [" + own + ", " + guard + "]}"
}

func (c *randomChart) always(s *randomState, indent string) {
	if s.kind != "final" && c.chance(16) {
		fmt.Fprintf(&c.yaml, "%salways: %s\n", indent, c.candidates(s, "always", len(randomEvents)-2))
	}
}

func (c *randomChart) after(s *randomState, indent string) {
	if s.kind == "final" || !c.chance(16) {
		return
	}
	fmt.Fprintf(&c.yaml, "%safter:\n", indent)
	for _, d := range []string{"1s", "2s", `'duration("2s")'`, "5s"} {
		if c.chance(40) {
			fmt.Fprintf(&c.yaml, "%s  %s: %s\n", indent, d, c.candidates(s, "after", 3))
		}
	}
	fmt.Fprintf(&c.yaml, "%s  7s: %s\n", indent, c.candidates(s, "after", 3))
}

func (c *randomChart) onDone(s *randomState, indent string) {
	switch {
	case s == c.root:
		if c.chance(60) {
			fmt.Fprintf(&c.yaml, "%sonDone: [{guard: context.n %% 2 == 0, actions: [%s]}, {actions: [%s]}]\n", indent, c.named("even"), c.named("odd"))
		}
	case !s.leaf() && c.chance(60):
		fmt.Fprintf(&c.yaml, "%sonDone: %s\n", indent, c.candidates(s, "done.", len(randomEvents)-1))
	}
}

func (c *randomChart) deferred(s *randomState, indent string) {
	if c.defers && s != c.root && s.kind != "final" && c.chance(35) {
		fmt.Fprintf(&c.yaml, "%sdefer: [%q]\n", indent, oneOf(c, []string{"e0", "e1", "e2", "x", "x.*", "x.a"}))
	}
}
