// Package again holds what subscriptions need to deliver something again, and not
// twice: those of the bus and of transport/memory. It knows nothing of queues, handlers
// or profiles.
package again

import (
	"container/heap"
	"time"
)

// Later are items that wait for their time, the first to be due first. The zero value
// has none. It is for one goroutine at a time.
type Later[E any] struct{ waiting waiting[E] }

// Len is the number of items.
func (l *Later[E]) Len() int { return len(l.waiting) }

// Add adds an item.
func (l *Later[E]) Add(due time.Time, e E) { heap.Push(&l.waiting, delayed[E]{due, e}) }

// Next is when the first item is due; there is one.
func (l *Later[E]) Next() time.Time { return l.waiting[0].due }

// Take removes the first item, and returns it, if it is due.
func (l *Later[E]) Take() (e E, due bool) {
	if len(l.waiting) == 0 || l.waiting[0].due.After(time.Now()) {
		return e, false
	}
	return heap.Pop(&l.waiting).(delayed[E]).item, true
}

// Clear removes all items, and returns them in no order.
func (l *Later[E]) Clear() []E {
	items := make([]E, len(l.waiting))
	for i, d := range l.waiting {
		items[i] = d.item
	}
	l.waiting = nil
	return items
}

type delayed[E any] struct {
	due  time.Time
	item E
}

// waiting is a heap, for package heap.
type waiting[E any] []delayed[E]

func (w waiting[E]) Len() int           { return len(w) }
func (w waiting[E]) Less(i, j int) bool { return w[i].due.Before(w[j].due) }
func (w waiting[E]) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *waiting[E]) Push(x any)        { *w = append(*w, x.(delayed[E])) }
func (w *waiting[E]) Pop() any {
	last := len(*w) - 1
	x := (*w)[last]
	(*w)[last] = delayed[E]{}
	*w = (*w)[:last]
	return x
}
