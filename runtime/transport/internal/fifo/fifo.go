// Package fifo is the list in which transports keep what waits for its turn. It knows nothing
// of messages, and has no lock: whoever uses a list has one.
package fifo

// List is a list from which the first element is taken. Its zero value is empty.
type List[E any] struct {
	items []E
	head  int
}

// Len is how many elements there are.
func (l *List[E]) Len() int { return len(l.items) - l.head }

// Push adds an element at the end.
func (l *List[E]) Push(e E) { l.items = append(l.items, e) }

// Pop removes the first element; there must be one. Room that is not needed any more is used
// again.
func (l *List[E]) Pop() E {
	e := l.items[l.head]
	clear(l.items[l.head : l.head+1])
	if l.head++; l.head == len(l.items) {
		l.items, l.head = l.items[:0], 0
	} else if l.head >= 64 && 2*l.head >= len(l.items) {
		n := copy(l.items, l.items[l.head:])
		clear(l.items[n:])
		l.items, l.head = l.items[:n], 0
	}
	return e
}

// Drain removes all elements and returns them; they share nothing with the list.
func (l *List[E]) Drain() []E {
	out := l.items[l.head:]
	*l = List[E]{}
	return out
}

// Unshift puts elements before those that are there.
func (l *List[E]) Unshift(items []E) {
	*l = List[E]{items: append(append(make([]E, 0, len(items)+l.Len()), items...), l.items[l.head:]...)}
}
