package golang

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/xsgen/xsgen/gen/model"
)

// randomChart is a machine made by chance. Equal seeds make equal machines.
type randomChart struct {
	*rand.Rand
	root        *randomState
	states      []*randomState // but for the root
	actions     []string       // named ones, but for those that handle errors
	guards      []string
	defers      bool
	transitions int
	yaml        strings.Builder
}

// randomState is a state of a randomChart; its kind is its type in YAML, or the kind
// of history.
type randomState struct {
	name, path, kind string
	parent           *randomState
	children         []*randomState
	depth            int
	defaults         []*randomState // of a history; see defaultsOf
}

// newRandomChart makes charts until one has no errors, as a few have, and does not go
// round for ever all the time.
func newRandomChart(seed uint64) (c *randomChart, m *model.Machine) {
	for try := uint64(0); ; try++ {
		c = &randomChart{Rand: rand.New(rand.NewPCG(seed, try))}
		c.tree()
		c.write()
		m, _, l := resolveText("random", c.yaml.String())
		if l.Errors() > 0 && try > 20 {
			panic(problems(l) + c.yaml.String())
		}
		if l.Errors() > 0 {
			continue
		}
		counters := map[string]int{}
		interpretScript(m, c.script(30), counters)
		if counters["chains cut"] < 2 {
			return c, m
		}
	}
}

func (c *randomChart) chance(percent int) bool { return c.IntN(100) < percent }

// oneOf is a random element.
func oneOf[T any](c *randomChart, list []T) T { return list[c.IntN(len(list))] }

func (s *randomState) leaf() bool { return s.kind == "atomic" || s.kind == "final" }

func (s *randomState) history() bool { return s.kind == "shallow" || s.kind == "deep" }

// active are the children that can be active.
func (s *randomState) active() []*randomState {
	return slices.DeleteFunc(slices.Clone(s.children), (*randomState).history)
}

func (s *randomState) within(of *randomState) bool {
	for ; s != nil; s = s.parent {
		if s == of {
			return true
		}
	}
	return false
}

// below are all descendants that a transition could lead to.
func (c *randomChart) below(s *randomState) []*randomState {
	return slices.DeleteFunc(slices.Clone(c.states), func(x *randomState) bool { return x == s || !x.within(s) })
}

func (c *randomChart) add(parent *randomState, kind string) *randomState {
	s := &randomState{name: fmt.Sprintf("%c%d", kind[0], len(c.states)), kind: kind, parent: parent, depth: parent.depth + 1}
	s.path = s.name
	if parent.path != "" {
		s.path = parent.path + "." + s.name
	}
	parent.children = append(parent.children, s)
	c.states = append(c.states, s)
	return s
}

// tree makes the states: leaves become compound or parallel until there are enough.
func (c *randomChart) tree() {
	parallel, history := c.chance(60), c.chance(55)
	c.defers = c.chance(30)
	c.root = &randomState{kind: "compound"}
	if parallel && c.chance(12) {
		c.root.kind = "parallel"
	}
	c.grow(c.root)
	for size := 8 + c.IntN(c.IntN(26)+4); len(c.states) < size; {
		atomic := slices.DeleteFunc(slices.Clone(c.states), func(s *randomState) bool { return s.kind != "atomic" || s.depth > 4 })
		if len(atomic) == 0 {
			break
		}
		s := oneOf(c, atomic)
		s.kind = "compound"
		if parallel && c.chance(45) {
			s.kind = "parallel"
		}
		c.grow(s)
	}
	for _, s := range append([]*randomState{c.root}, c.states...) {
		c.extras(s, history)
	}
}

// grow gives s children; regions are compound where there is room.
func (c *randomChart) grow(s *randomState) {
	for range 2 + c.IntN(2) {
		child := c.add(s, "atomic")
		if s.kind == "parallel" && child.depth < 5 && c.chance(85) {
			child.kind = "compound"
			for range 2 + c.IntN(2) {
				c.add(child, "atomic")
			}
		}
	}
}

// extras gives s final and history children.
func (c *randomChart) extras(s *randomState, history bool) {
	final := 40
	if s == c.root {
		final = 15
	}
	if s.kind == "compound" && c.chance(final) {
		c.add(s, "final")
	}
	if s.kind == "compound" && history && c.chance(35) || s.kind == "parallel" && history && c.chance(50) {
		c.histories(s)
	}
}

// path is how a target is written, as seen from source.
func (c *randomChart) path(source, target *randomState) string {
	switch {
	case source.parent == target.parent && c.chance(50):
		return target.name
	case source == target.parent && source != c.root:
		return "." + target.name
	case source == target.parent && c.chance(50):
		return target.name
	}
	return `"#m.` + target.path + `"`
}

// target is one target or several, quoted; empty for none.
func (c *randomChart) target(source *randomState) string {
	switch p := c.IntN(100); {
	case p < 12:
		return ""
	case p < 22 && source != c.root:
		return c.path(source, source)
	case p < 38 && !source.leaf():
		return c.path(source, oneOf(c, c.below(source)))
	case p < 60:
		if several := c.several(); len(several) > 1 {
			return "[" + c.path(source, several[0]) + ", " + c.path(source, several[1]) + "]"
		}
	}
	return c.path(source, oneOf(c, c.states))
}

// several are two states that can be targets together, or nothing.
func (c *randomChart) several() []*randomState {
	if pairs := c.historyPairs(); len(pairs) > 0 && c.chance(50) {
		return oneOf(c, pairs)
	}
	return c.regions(c.root)
}

// regions are two states, or histories, in different regions of a parallel state
// within s, or nothing.
func (c *randomChart) regions(s *randomState) []*randomState {
	parallel := slices.DeleteFunc(append(slices.Clone(c.states), c.root), func(x *randomState) bool { return x.kind != "parallel" || !x.within(s) })
	if len(parallel) == 0 {
		return nil
	}
	regions := oneOf(c, parallel).active()
	c.Shuffle(len(regions), func(i, j int) { regions[i], regions[j] = regions[j], regions[i] })
	var out []*randomState
	for _, r := range regions[:2] {
		out = append(out, oneOf(c, append(c.below(r), r)))
	}
	return out
}

// initial is what an initial has as target: mostly a child; a deeper state, a history,
// or states in several regions.
func (c *randomChart) initial(s *randomState) string {
	children := slices.DeleteFunc(s.active(), func(x *randomState) bool { return x.kind == "final" })
	first := oneOf(c, children)
	deep := slices.DeleteFunc(c.below(first), func(x *randomState) bool { return x.kind == "final" || x.history() })
	text := first.name
	switch p := c.IntN(100); {
	case p < 25 && len(deep) > 0:
		text = oneOf(c, deep).path
	case p < 50 && c.regions(first) != nil:
		several := c.regions(first)
		text = "[" + c.from(s, several[0]) + ", " + c.from(s, several[1]) + "]"
	case p < 60 && len(s.children) > len(s.active()):
		text = s.children[len(s.children)-1].name
	}
	if !strings.HasPrefix(text, "[") && strings.Contains(text, ".") {
		text = strings.TrimPrefix(text, s.path+".")
	}
	if c.chance(30) {
		return fmt.Sprintf("{target: %s, actions: [%s]}", text, c.named("init_"+s.name))
	}
	return text
}

// from is the path of t from a child of s on.
func (c *randomChart) from(s, t *randomState) string {
	return strings.TrimPrefix(strings.TrimPrefix(t.path, s.path), ".")
}

// named is a named action; the script may make it fail.
func (c *randomChart) named(name string) string {
	c.actions = append(c.actions, name)
	return name
}
