package queue

// lane is a ring that grows, and the consumers that wait for something in it.
type lane[E any] struct {
	ring    []E
	stamps  []uint64 // when each item came, where it matters
	stamped bool
	head, n int
	idle    []*Consumer[E]
}

// push returns the place of one more item; the queue has room for it.
func (l *lane[E]) push(stamp *uint64) *E {
	if l.n == len(l.ring) {
		l.grow()
	}
	at := l.at(l.n)
	if l.stamped {
		*stamp++
		l.stamps[at] = *stamp
	}
	l.n++
	return &l.ring[at]
}

// at is where the ith item is in the ring.
func (l *lane[E]) at(i int) int {
	if i += l.head; i >= len(l.ring) {
		i -= len(l.ring)
	}
	return i
}

func (l *lane[E]) grow() {
	size := max(2*l.n, 16)
	l.ring = unrolled(l.ring, l.head, size)
	if l.stamped {
		l.stamps = unrolled(l.stamps, l.head, size)
	}
	l.head = 0
}

// unrolled is a longer ring with the same items, from its beginning.
func unrolled[E any](ring []E, head, size int) []E {
	out := make([]E, size)
	n := copy(out, ring[head:])
	copy(out[n:], ring[:head])
	return out
}

// pop removes the first item.
func (l *lane[E]) pop() E {
	e := l.ring[l.head]
	clear(l.ring[l.head : l.head+1])
	l.head = l.at(1)
	l.n--
	return e
}

// take moves up to len(buf) items to buf.
func (l *lane[E]) take(buf []E) int {
	n := copy(buf[:min(len(buf), l.n)], l.ring[l.head:])
	clear(l.ring[l.head : l.head+n])
	if n < len(buf) && n < l.n {
		m := copy(buf[n:min(len(buf), l.n)], l.ring)
		clear(l.ring[:m])
		n += m
	}
	l.head = l.at(n)
	l.n -= n
	return n
}

// came is when the first item came, among those of all lanes.
func (l *lane[E]) came() uint64 {
	if !l.stamped {
		return 0
	}
	return l.stamps[l.head]
}

// idler takes a consumer out of those that wait, for the caller to call it; nil if none
// does.
func (l *lane[E]) idler() *Consumer[E] {
	if len(l.idle) == 0 {
		return nil
	}
	c := l.idle[len(l.idle)-1]
	l.idle = l.idle[:len(l.idle)-1]
	return c
}
