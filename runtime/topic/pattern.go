package topic

import (
	"fmt"
	"strings"
)

// Pattern says which topics are meant; see the package's doc for the grammar.
// A Pattern that did not come from ParsePattern, a constant of generated code
// or a Family may be invalid; ParsePattern tells.
type Pattern string

const (
	one  = "+"
	star = "*"
	many = "#"
)

// ParsePattern checks s and returns it as a Pattern. Its errors wrap
// ErrInvalidPattern or ErrTooLong.
func ParsePattern(s string) (Pattern, error) {
	if len(s) > MaxLength {
		return "", fmt.Errorf("%w: a pattern of %d bytes, the most is %d", ErrTooLong, len(s), MaxLength)
	}
	rest := s
	for {
		seg, tail, more := strings.Cut(rest, ".")
		if !wild(seg) {
			if err := checkSegment(seg); err != nil {
				return "", fmt.Errorf("%w %q: %w; a wildcard is a whole segment", ErrInvalidPattern, s, err)
			}
		}
		if !more {
			return Pattern(s), nil
		}
		rest = tail
	}
}

// MustPattern is ParsePattern for patterns that are known to be valid; it
// panics on others.
func MustPattern(s string) Pattern {
	p, err := ParsePattern(s)
	if err != nil {
		panic(err)
	}
	return p
}

func wild(seg string) bool { return seg == one || seg == star || seg == many }

// Literal reports whether p has no wildcard, and so matches one topic only.
func (p Pattern) Literal() bool { return !strings.ContainsAny(string(p), "+*#") }

// Match reports whether p matches the topic n. It allocates nothing.
func (p Pattern) Match(n Name) bool {
	pat, name := cursor{s: string(p)}, cursor{s: string(n)}
	var retryPat, retryName cursor // where to go on when a `#` must take one more
	canRetry := false
	for {
		seg, ok := pat.peek()
		last := ok && pat.last()
		switch word, any := name.peek(); {
		case ok && seg == many:
			pat.next()
			retryPat, retryName, canRetry = pat, name, true
			continue
		case ok && any && seg == star && last:
			return true // one or more: whatever follows
		case ok && any && (seg == one || seg == star || seg == word):
			pat.next()
			name.next()
			continue
		case !ok && !any:
			return true
		}
		if _, any := retryName.peek(); !canRetry || !any {
			return false
		}
		retryName.next()
		pat, name = retryPat, retryName
	}
}

// cursor walks over the segments of a name or a pattern.
type cursor struct {
	s    string
	done bool
}

func (c *cursor) peek() (string, bool) {
	if c.done || c.s == "" {
		return "", false
	}
	if i := strings.IndexByte(c.s, '.'); i >= 0 {
		return c.s[:i], true
	}
	return c.s, true
}

func (c *cursor) last() bool { return strings.IndexByte(c.s, '.') < 0 }

func (c *cursor) next() {
	if i := strings.IndexByte(c.s, '.'); i >= 0 {
		c.s = c.s[i+1:]
		return
	}
	c.done = true
}

// segments splits p into what the index and Overlap work on: a final `*` is one
// segment and then any number of them.
func (p Pattern) segments() []string {
	segs := strings.Split(string(p), ".")
	for i, s := range segs {
		if s == star {
			segs[i] = one
		}
	}
	if strings.HasSuffix(string(p), ".*") || p == star {
		segs = append(segs, many)
	}
	return segs
}

// Overlaps reports whether some topic matches both p and q.
func (p Pattern) Overlaps(q Pattern) bool {
	_, ok := p.Witness(q)
	return ok
}

// Witness returns a topic that matches both p and q, if there is one. It says
// nothing of length: a witness may be longer than a name can be.
func (p Pattern) Witness(q Pattern) (Name, bool) {
	w := witness{p: p.segments(), q: q.segments(), dead: map[place]bool{}}
	if !w.find(0, 0) {
		return "", false
	}
	return Name(strings.Join(w.found, ".")), true
}

// witness searches the product of two patterns, each pair of places once.
type witness struct {
	p, q  []string
	dead  map[place]bool
	found []string
}

// place is where both patterns are, and whether the witness has a segment yet:
// a topic is never empty.
type place struct {
	i, j  int
	empty bool
}

func (w *witness) find(i, j int) bool {
	if i == len(w.p) && j == len(w.q) {
		return len(w.found) > 0
	}
	at := place{i, j, len(w.found) == 0}
	if w.dead[at] {
		return false
	}
	w.dead[at] = true // until shown otherwise; a success unwinds at once
	manyP, manyQ := i < len(w.p) && w.p[i] == many, j < len(w.q) && w.q[j] == many
	switch {
	case manyP && w.find(i+1, j), manyQ && w.find(i, j+1):
		return true
	case i == len(w.p) || j == len(w.q):
		return false
	}
	return w.step(i, j, manyP, manyQ)
}

// step lets both patterns take one segment; a `#` stays where it is. Two
// patterns that are both at a `#` need not take anything.
func (w *witness) step(i, j int, manyP, manyQ bool) bool {
	seg, ok := common(w.p[i], w.q[j])
	if !ok {
		return false
	}
	w.found = append(w.found, seg)
	ni, nj := i+1, j+1
	if manyP {
		ni = i
	}
	if manyQ {
		nj = j
	}
	if w.find(ni, nj) {
		return true
	}
	w.found = w.found[:len(w.found)-1]
	return false
}

// common is a segment that both pattern segments match.
func common(a, b string) (string, bool) {
	switch {
	case wild(a) && wild(b):
		return "x", true
	case wild(a):
		return b, true
	case wild(b) || a == b:
		return a, true
	}
	return "", false
}
