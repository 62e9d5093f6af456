package again_test

import (
	"slices"
	"testing"
	"time"

	"github.com/xsgen/xsgen/runtime/internal/again"
)

func TestLater(t *testing.T) {
	var l again.Later[string]
	start := time.Now()
	if _, due := l.Take(); due || l.Len() != 0 {
		t.Error("something is due of nothing")
	}
	for text, after := range map[string]time.Duration{"c": -1, "a": -3, "d": time.Hour, "b": -2} {
		l.Add(start.Add(after), text)
	}
	if !l.Next().Equal(start.Add(-3)) || l.Len() != 4 {
		t.Errorf("of %d the first is due at %v", l.Len(), l.Next())
	}
	var got []string
	for {
		text, due := l.Take()
		if !due {
			break
		}
		got = append(got, text)
	}
	if !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("due were %v", got)
	}
	if rest := l.Clear(); !slices.Equal(rest, []string{"d"}) || l.Len() != 0 {
		t.Errorf("the rest is %v", rest)
	}
}

func TestWindow(t *testing.T) {
	w := again.NewWindow(2)
	for i, step := range []struct {
		id  string
		new bool
	}{{"a", true}, {"a", false}, {"b", true}, {"c", true}, {"b", false}, {"a", true}, {"c", false}, {"b", true}} {
		if w.Has(step.id) == step.new || w.Add(step.id) != step.new || !w.Has(step.id) {
			t.Errorf("%d: %s", i, step.id)
		}
	}
}

// TestLargeWindow makes one that would not fit into memory if it were full.
func TestLargeWindow(t *testing.T) {
	w := again.NewWindow(1 << 60)
	if !w.Add("a") || w.Add("a") || !w.Add("b") {
		t.Error("it does not remember")
	}
}
