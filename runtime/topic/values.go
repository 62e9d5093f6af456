package topic

import "slices"

// values are those of one pattern, each with how often it was added, in no order. Of many
// each is found at once, so that thousands under one pattern are removed in a time that
// grows as their number does.
type values[V comparable] struct {
	list  []V
	times []int     // that each is there
	at    map[V]int // where in list each is; nil while there are few
}

// fewValues are looked through faster than they are looked up.
const fewValues = 16

func (x *values[V]) add(v V) {
	if i := x.find(v); i >= 0 {
		x.times[i]++
		return
	}
	x.list, x.times = append(x.list, v), append(x.times, 1)
	switch {
	case x.at != nil:
		x.at[v] = len(x.list) - 1
	case len(x.list) > fewValues:
		x.at = make(map[V]int, 2*fewValues)
		for i, v := range x.list {
			x.at[v] = i
		}
	}
}

// find is where v is, -1 if it is not there.
func (x *values[V]) find(v V) int {
	if x.at == nil {
		return slices.Index(x.list, v)
	}
	if i, ok := x.at[v]; ok {
		return i
	}
	return -1
}

// remove removes v once, and reports whether it was there. The last value takes its place.
func (x *values[V]) remove(v V) bool {
	i := x.find(v)
	if i < 0 {
		return false
	}
	if x.times[i]--; x.times[i] > 0 {
		return true
	}
	last := len(x.list) - 1
	if x.at != nil {
		x.at[x.list[last]] = i
		delete(x.at, v)
	}
	x.list[i], x.times[i] = x.list[last], x.times[last]
	var none V
	x.list[last] = none
	x.list, x.times = x.list[:last], x.times[:last]
	return true
}
