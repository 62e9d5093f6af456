package zeromq

import "time"

// entry is a message on its way to a remote.
type entry struct {
	p       *packet
	pend    *pending
	expires time.Time // zero is never
	queues  []*rqueue // that are to get it; none if all have dropped it
	one     [1]*rqueue
	number  uint64
	of      *rqueue // whose it was, if somebody else is to get it
}

// ring has entries with the numbers from base on, one after the other.
type ring struct {
	items []*entry
	head  int
	base  uint64 // of the first item
}

func (r *ring) len() int { return len(r.items) - r.head }

// next is the number that the next entry gets.
func (r *ring) next() uint64 { return r.base + uint64(r.len()) }

func (r *ring) push(e *entry) {
	e.number = r.next()
	if r.head > 32 && r.head*2 > len(r.items) {
		n := copy(r.items, r.items[r.head:])
		clear(r.items[n:])
		r.items, r.head = r.items[:n], 0
	}
	r.items = append(r.items, e)
}

// at is the entry of a number, which is there.
func (r *ring) at(number uint64) *entry { return r.items[r.head+int(number-r.base)] }

// last is the last entry, nil if there is none.
func (r *ring) last() *entry {
	if r.len() == 0 {
		return nil
	}
	return r.items[len(r.items)-1]
}

// pop removes the first entry.
func (r *ring) pop() *entry {
	e := r.items[r.head]
	r.items[r.head] = nil
	r.head++
	r.base++
	return e
}

// drain removes all, and leaves the numbers as they are.
func (r *ring) drain() []*entry {
	rest := append([]*entry(nil), r.items[r.head:]...)
	r.base = r.next()
	clear(r.items)
	r.items, r.head = r.items[:0], 0
	return rest
}
