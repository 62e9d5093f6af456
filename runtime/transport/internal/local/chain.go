package local

// fifo is a list of what waits. Its zero value is empty.
type fifo[E any] struct {
	items []E
	head  int
}

func (f *fifo[E]) n() int   { return len(f.items) - f.head }
func (f *fifo[E]) push(e E) { f.items = append(f.items, e) }

// pop removes the first one; there is one.
func (f *fifo[E]) pop() E {
	i := f.items[f.head]
	clear(f.items[f.head : f.head+1])
	if f.head++; f.head == len(f.items) {
		f.items, f.head = f.items[:0], 0
	} else if f.head >= 64 && 2*f.head >= len(f.items) {
		n := copy(f.items, f.items[f.head:])
		clear(f.items[n:])
		f.items, f.head = f.items[:n], 0
	}
	return i
}

// drain removes all and returns them.
func (f *fifo[E]) drain() []E {
	out := f.items[f.head:]
	*f = fifo[E]{}
	return out
}

// unshift puts items before those that are there.
func (f *fifo[E]) unshift(items []E) {
	*f = fifo[E]{items: append(append(make([]E, 0, len(items)+f.n()), items...), f.items[f.head:]...)}
}

// chain are deliveries in the order in which they were given. Its zero value is empty.
type chain struct {
	first, last *delivery
	n           int
}

func (c *chain) add(d *delivery) {
	d.before = c.last
	if c.last == nil {
		c.first = d
	} else {
		c.last.after = d
	}
	c.last = d
	c.n++
}

// remove takes d out, which is there.
func (c *chain) remove(d *delivery) {
	if d.before == nil {
		c.first = d.after
	} else {
		d.before.after = d.after
	}
	if d.after == nil {
		c.last = d.before
	} else {
		d.after.before = d.before
	}
	d.before, d.after = nil, nil
	c.n--
}
