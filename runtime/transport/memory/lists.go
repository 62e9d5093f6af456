package memory

import "time"

// fifo is a list of messages. Its zero value is empty.
type fifo struct {
	items []item
	head  int
}

func (f *fifo) n() int      { return len(f.items) - f.head }
func (f *fifo) push(i item) { f.items = append(f.items, i) }

// pop removes the first one; there is one.
func (f *fifo) pop() item {
	i := f.items[f.head]
	f.items[f.head] = item{}
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
func (f *fifo) drain() []item {
	out := f.items[f.head:]
	*f = fifo{}
	return out
}

// unshift puts items before those that are there.
func (f *fifo) unshift(items []item) {
	*f = fifo{items: append(append(make([]item, 0, len(items)+f.n()), items...), f.items[f.head:]...)}
}

// retry is a message that is to be delivered again.
type retry struct {
	due  time.Time
	item item
}

// retries are a heap of them, for package heap: the first to be due is the first.
type retries []retry

func (r retries) Len() int           { return len(r) }
func (r retries) Less(i, j int) bool { return r[i].due.Before(r[j].due) }
func (r retries) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *retries) Push(x any)        { *r = append(*r, x.(retry)) }
func (r *retries) Pop() any {
	last := len(*r) - 1
	x := (*r)[last]
	(*r)[last] = retry{}
	*r = (*r)[:last]
	return x
}

// window remembers the latest ids.
type window struct {
	ids  map[string]struct{}
	ring []string
	next int
}

func newWindow(n int) *window { return &window{ids: map[string]struct{}{}, ring: make([]string, n)} }

// add remembers an id, in place of the oldest; false if it is remembered already.
func (w *window) add(id string) bool {
	if _, ok := w.ids[id]; ok {
		return false
	}
	delete(w.ids, w.ring[w.next]) // an empty one is nobody's id
	w.ring[w.next] = id
	w.ids[id] = struct{}{}
	w.next = (w.next + 1) % len(w.ring)
	return true
}
