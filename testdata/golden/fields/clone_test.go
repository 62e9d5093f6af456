package fields

import (
	"context"
	"reflect"
	"testing"

	"github.com/xsgen/xsgen/runtime/bus"
)

// idle has nothing to do.
type idle struct{}

func (idle) SeeAll(context.Context, *Turn, *All) error               { return nil }
func (idle) SeeContainers(context.Context, *Turn, *Containers) error { return nil }

// TestNothingIsShared changes the context where it is: neither what was emitted
// before nor what was sent may change with it.
func TestNothingIsShared(t *testing.T) {
	b := bus.New()
	var got *CopyOfContext
	if _, err := SubscribeCopyOfContext(b, func(_ context.Context, e *bus.Event[CopyOfContext]) error {
		got = e.Value()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	m := New(idle{})
	if err := m.Bind(b); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent := &Containers{Strings: []string{"sent"}, Blobs: [][]byte{[]byte("blob")}}
	point := &Optional{Point: &Point{X: 1}}
	if err := m.SendAll(t.Context(), []ExternalEvent{sent, point}); err != nil {
		t.Fatal(err)
	}
	c := m.turn.Context()
	c.Start.To = &Point{X: 2}
	if err := m.Send(t.Context(), point); err != nil {
		t.Fatal(err)
	}
	c.Tags[0], c.Raw[0], c.Last.X, c.Start.To.X, c.Limits["low"] = "changed", 'X', 9, 9, 9
	if sent.Strings[0] != "sent" || string(sent.Blobs[0]) != "blob" || point.Point.X != 1 {
		t.Errorf("what was sent has become %v and %v", sent, point.Point)
	}
	if got.Tags[0] != "sent" || string(got.Raw) != "blob" || got.Start.To.X != 2 || got.Limits["low"] != 1 {
		t.Errorf("what was emitted has become %v", got)
	}
}

// fill sets everything within v to something that is not zero.
func fill(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		if depth > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), depth-1)
		}
	case reflect.Slice:
		if depth > 0 {
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			fill(v.Index(1), depth-1)
		}
	case reflect.Map:
		elem := reflect.New(v.Type().Elem()).Elem()
		fill(elem, depth-1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("k"), elem)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), depth)
			}
		}
	}
}

// reached notes the addresses of all that v reaches.
func reached(v reflect.Value, at map[uintptr]bool) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if v.IsNil() || v.Type().String() == "*time.Location" {
			return
		}
		at[v.Pointer()] = true
	}
	switch v.Kind() {
	case reflect.Pointer:
		reached(v.Elem(), at)
	case reflect.Slice:
		for i := range v.Len() {
			reached(v.Index(i), at)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			reached(v.MapIndex(k), at)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			reached(v.Field(i), at)
		}
	}
}

// checkClone clones a value that has something everywhere.
func checkClone[T any](t *testing.T, clone func(*T) *T) {
	t.Helper()
	if clone(nil) != nil {
		t.Errorf("%T: a copy of nil", *new(T))
	}
	if empty := new(T); !reflect.DeepEqual(clone(empty), empty) {
		t.Errorf("%T: the copy of an empty one is %+v", *empty, clone(empty))
	}
	v := new(T)
	fill(reflect.ValueOf(v).Elem(), 4)
	c := clone(v)
	if !reflect.DeepEqual(v, c) {
		t.Errorf("%+v was copied to %+v", v, c)
	}
	theirs, ours := map[uintptr]bool{}, map[uintptr]bool{}
	reached(reflect.ValueOf(v), theirs)
	reached(reflect.ValueOf(c), ours)
	for p := range ours {
		if theirs[p] {
			t.Errorf("%T: something is shared with the copy", *v)
		}
	}
}

func TestCloneIsDeep(t *testing.T) {
	checkClone(t, (*All).Clone)
	checkClone(t, (*Containers).Clone)
	checkClone(t, (*Optional).Clone)
	checkClone(t, (*Context).Clone)
	checkClone(t, (*Tree).Clone)
	checkClone(t, (*Point).Clone)
	checkClone(t, (*StateChanged).Clone)
}
