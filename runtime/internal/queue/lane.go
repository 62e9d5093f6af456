package queue

// lane is a ring that grows, and the consumers that wait for something in it. It takes
// less than a cache line.
type lane[E any] struct {
	ring       []E          // as long as a power of two
	head, tail uint64       // items that have left it, and that have come
	idle       *Consumer[E] // of those that wait, the one that has come last; by next the others
	stamps     *[]uint64    // when each item came, beside ring; nil where it does not matter
}

// len is how many items there are.
func (l *lane[E]) len() int { return int(l.tail - l.head) }

// at is the place of an item that is there, by its number.
func (l *lane[E]) at(i uint64) *E { return &l.ring[i&uint64(len(l.ring)-1)] }

// push returns the place of one more item; the queue has room for it.
func (l *lane[E]) push(stamp *uint64) *E {
	if l.len() == len(l.ring) {
		l.grow()
	}
	if l.stamps != nil {
		*stamp++
		(*l.stamps)[l.tail&uint64(len(l.ring)-1)] = *stamp
	}
	l.tail++
	return l.at(l.tail - 1)
}

func (l *lane[E]) grow() {
	size := uint64(max(2*len(l.ring), 16))
	l.ring = regrown(l.ring, l.head, l.tail, size)
	if l.stamps != nil {
		*l.stamps = regrown(*l.stamps, l.head, l.tail, size)
	}
}

// regrown is a longer ring with the same items.
func regrown[E any](ring []E, head, tail, size uint64) []E {
	out := make([]E, size)
	for i := head; i < tail; i++ {
		out[i&(size-1)] = ring[i&uint64(len(ring)-1)]
	}
	return out
}

// pop removes the first item.
func (l *lane[E]) pop() E {
	var none E
	at := l.at(l.head)
	e := *at
	*at = none
	l.head++
	return e
}

// take moves up to len(buf) items to buf.
func (l *lane[E]) take(buf []E) (n int) {
	for n < len(buf) && l.head < l.tail {
		start := l.head & uint64(len(l.ring)-1)
		part := l.ring[start:min(start+l.tail-l.head, uint64(len(l.ring)))]
		m := copy(buf[n:], part)
		clear(part[:m])
		n += m
		l.head += uint64(m)
	}
	return n
}

// came is when the first item came, among those of all lanes.
func (l *lane[E]) came() uint64 {
	if l.stamps == nil {
		return 0
	}
	return (*l.stamps)[l.head&uint64(len(l.ring)-1)]
}

// idler takes a consumer out of those that wait, for the caller to call it; nil if none
// does.
func (l *lane[E]) idler() *Consumer[E] {
	c := l.idle
	if c != nil {
		l.idle, c.next = c.next, nil
	}
	return c
}

// forget takes a consumer out of those that wait, and reports whether it was one.
func (l *lane[E]) forget(c *Consumer[E]) bool {
	for at := &l.idle; *at != nil; at = &(*at).next {
		if *at == c {
			*at, c.next = c.next, nil
			return true
		}
	}
	return false
}
