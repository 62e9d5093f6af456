package topic

import (
	"slices"
	"strings"
)

// Trie finds the values of all patterns that match a topic. Its zero value is
// empty and ready. It is not safe for concurrent use while it is changed.
type Trie[V comparable] struct {
	root node[V]
	n    int
}

// node is one segment of the patterns below it. A `#` node is also its own
// successor, for each segment that it takes.
type node[V comparable] struct {
	children map[string]*node[V]
	one      *node[V]
	many     *node[V]
	isMany   bool
	values   values[V]
}

// Len is the number of values in the index.
func (t *Trie[V]) Len() int { return t.n }

// Add adds v under p. The same value may be there several times, and is removed as often.
func (t *Trie[V]) Add(p Pattern, v V) {
	n := &t.root
	for _, seg := range p.segments() {
		n = n.child(seg)
	}
	n.values.add(v)
	t.n++
}

func (n *node[V]) child(seg string) *node[V] {
	switch seg {
	case one:
		if n.one == nil {
			n.one = &node[V]{}
		}
		return n.one
	case many:
		if n.isMany {
			return n // `#.#` is `#`
		}
		if n.many == nil {
			n.many = &node[V]{isMany: true}
		}
		return n.many
	}
	c := n.children[seg]
	if c == nil {
		if n.children == nil {
			n.children = map[string]*node[V]{}
		}
		c = &node[V]{}
		n.children[seg] = c
	}
	return c
}

// Remove removes v under p once, and reports whether it was there. Branches that are left
// empty are removed too.
func (t *Trie[V]) Remove(p Pattern, v V) bool {
	removed := t.root.remove(p.segments(), v)
	if removed {
		t.n--
	}
	return removed
}

func (n *node[V]) remove(segs []string, v V) bool {
	if len(segs) == 0 {
		return n.values.remove(v)
	}
	seg, rest := segs[0], segs[1:]
	c := n.existing(seg)
	if c == nil || !c.remove(rest, v) {
		return false
	}
	if c != n && c.empty() {
		n.drop(seg)
	}
	return true
}

func (n *node[V]) existing(seg string) *node[V] {
	switch {
	case seg == one:
		return n.one
	case seg == many && n.isMany:
		return n
	case seg == many:
		return n.many
	default:
		return n.children[seg]
	}
}

func (n *node[V]) empty() bool {
	return len(n.values.list) == 0 && len(n.children) == 0 && n.one == nil && n.many == nil
}

func (n *node[V]) drop(seg string) {
	switch seg {
	case one:
		n.one = nil
	case many:
		n.many = nil
	default:
		delete(n.children, seg)
	}
}

// Match appends the values of every pattern that matches name to dst and
// returns it, in no order; each value once for each of its patterns that matches, in
// whatever ways that does.
// It allocates nothing beyond dst unless more than 16 patterns are in progress
// at once.
//
// It walks all patterns in parallel, segment by segment. A node has one parent,
// so only a `#` node can be reached twice: from itself and from its parent.
func (t *Trie[V]) Match(name Name, dst []V) []V {
	var a, b [16]*node[V]
	active, next := enter(a[:0], &t.root), b[:0]
	rest := string(name)
	for more := name != ""; more && len(active) > 0; {
		var seg string
		seg, rest, more = strings.Cut(rest, ".")
		next = next[:0]
		for _, n := range active {
			if n.isMany {
				next = enterMany(next, n)
			}
			if n.one != nil {
				next = enter(next, n.one)
			}
			if c := n.children[seg]; c != nil {
				next = enter(next, c)
			}
		}
		active, next = next, active
	}
	for _, n := range active {
		dst = append(dst, n.values.list...)
	}
	return dst
}

// enter adds n, and the `#` after it, which may match nothing.
func enter[V comparable](set []*node[V], n *node[V]) []*node[V] {
	set = append(set, n)
	if n.many != nil {
		set = enterMany(set, n.many)
	}
	return set
}

func enterMany[V comparable](set []*node[V], n *node[V]) []*node[V] {
	if slices.Contains(set, n) {
		return set
	}
	return append(set, n)
}
