package golang

import (
	"fmt"
	"slices"
)

// histories gives s a history, or several, mostly of one kind.
func (c *randomChart) histories(s *randomState) {
	kinds := []string{"shallow", "deep"}
	kind := oneOf(c, kinds)
	for c.add(s, kind); c.chance(40); c.add(s, kind) {
		if c.chance(30) {
			kind = oneOf(c, kinds)
		}
	}
}

// defaultsOf are where the history h leads to by default: all regions of its parent
// where it has none of its own.
func (c *randomChart) defaultsOf(h *randomState) []*randomState {
	if h.defaults != nil {
		return h.defaults
	}
	if first := h.parent.children[slices.IndexFunc(h.parent.children, (*randomState).history)]; first != h && c.chance(50) {
		h.defaults = c.defaultsOf(first)
		return h.defaults
	}
	among := slices.DeleteFunc(c.below(h.parent), (*randomState).history)
	h.defaults = []*randomState{oneOf(c, among)}
	several := c.regions(h.parent)
	switch {
	case h.parent.kind == "parallel" && c.chance(30):
		h.defaults = h.parent.active()
	case len(several) > 1 && c.chance(50) && !several[0].history() && !several[1].history():
		h.defaults = several
	}
	return h.defaults
}

// implicit reports whether the default of h need not be written.
func (c *randomChart) implicit(h *randomState) bool {
	return h.parent.kind == "parallel" && slices.Equal(c.defaultsOf(h), h.parent.active())
}

// historyDefault is what is written as the default of the history h.
func (c *randomChart) historyDefault(h *randomState) string {
	text := ""
	for _, d := range c.defaultsOf(h) {
		text += ", " + c.from(h.parent, d)
	}
	text = "[" + text[2:] + "]"
	if c.chance(60) {
		return fmt.Sprintf("{target: %s, actions: [%s]}", text, c.named("default_"+h.name))
	}
	return text
}

// historyPairs are the histories of parallel states that can be targets together: those
// of one kind whose defaults can be active together.
func (c *randomChart) historyPairs() (pairs [][]*randomState) {
	for i, h := range c.states {
		for _, other := range c.states[:i] {
			if h.history() && h.parent == other.parent && h.parent.kind == "parallel" && h.kind == other.kind && c.together(h, other) {
				pairs = append(pairs, []*randomState{h, other})
			}
		}
	}
	return pairs
}

func (c *randomChart) together(h, other *randomState) bool {
	for _, x := range c.defaultsOf(h) {
		for _, y := range c.defaultsOf(other) {
			a := x
			for !y.within(a) {
				a = a.parent
			}
			if x != y && (a == x || a == y || a.kind != "parallel") {
				return false
			}
		}
	}
	return true
}
