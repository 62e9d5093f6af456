package zeromq

import "sort"

// takens are entries that their subscriber has taken, and that are not done, in the order of
// their numbers. The zero value has none.
type takens struct {
	items []taking // from head on
	head  int
	n     int
}

// taking is where an entry is, or was.
type taking struct {
	number uint64
	e      *entry // nil once it is out
}

// len is how many entries there are.
func (t *takens) len() int { return t.n }

// add adds an entry, whose number is larger than all others have been.
func (t *takens) add(e *entry) {
	if t.head > 32 && t.head*2 > len(t.items) {
		n := copy(t.items, t.items[t.head:])
		clear(t.items[n:])
		t.items, t.head = t.items[:n], 0
	}
	t.items = append(t.items, taking{e.number, e})
	t.n++
}

// remove takes out the entries with numbers in a range, and calls f for each, in order. The
// range is a peer's, and may be of any length.
func (t *takens) remove(from, to uint64, f func(*entry)) {
	first := t.head
	if first < len(t.items) && t.items[first].number < from {
		first += sort.Search(len(t.items)-first, func(i int) bool { return t.items[first+i].number >= from })
	}
	for at := first; at < len(t.items) && t.items[at].number <= to; at++ {
		if e := t.items[at].e; e != nil {
			t.items[at].e = nil
			t.n--
			f(e)
		}
	}
	for t.head < len(t.items) && t.items[t.head].e == nil {
		t.head++
	}
	if t.n == 0 {
		t.items, t.head = t.items[:0], 0
	}
}

// drain takes out all entries.
func (t *takens) drain() (list []*entry) {
	for _, x := range t.items[t.head:] {
		if x.e != nil {
			list = append(list, x.e)
		}
	}
	*t = takens{}
	return list
}

// numbers are those of all entries.
func (t *takens) numbers() (list []uint64) {
	for _, x := range t.items[t.head:] {
		if x.e != nil {
			list = append(list, x.number)
		}
	}
	return list
}
