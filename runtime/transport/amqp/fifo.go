package amqp

// fifo is a queue. The zero value is empty. It is for one goroutine at a time.
type fifo[E any] struct {
	items []E
	head  int
}

func (f *fifo[E]) n() int { return len(f.items) - f.head }

func (f *fifo[E]) push(e E) {
	if f.head > 64 && f.head > len(f.items)/2 {
		n := copy(f.items, f.items[f.head:])
		clear(f.items[n:])
		f.items, f.head = f.items[:n], 0
	}
	f.items = append(f.items, e)
}

// pop removes the first item; there is one.
func (f *fifo[E]) pop() E {
	var zero E
	e := f.items[f.head]
	f.items[f.head] = zero
	f.head++
	return e
}

// unshift puts items before all others.
func (f *fifo[E]) unshift(items []E) {
	if len(items) > 0 {
		f.items, f.head = append(items[:len(items):len(items)], f.items[f.head:]...), 0
	}
}

// drain removes all items.
func (f *fifo[E]) drain() []E {
	items := f.items[f.head:]
	f.items, f.head = nil, 0
	return items
}
