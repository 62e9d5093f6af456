package topic_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/xsgen/xsgen/runtime/topic"
)

// TestIndexFindsWhatMatches changes an index at random, and compares what it finds with
// every pattern asked by itself, before and after it remembers; more topics than it
// remembers are among them.
func TestIndexFindsWhatMatches(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var index topic.Index[int]
	var names []topic.Name
	for i := range 12_000 {
		names = append(names, topic.Name(fmt.Sprintf("a.k%d.%c", i, 'a'+i%3)))
	}
	var patterns []topic.Pattern
	check := func(n topic.Name) {
		t.Helper()
		var want []int
		for i, p := range patterns {
			if p != "" && p.Match(n) {
				want = append(want, i)
			}
		}
		for range 2 {
			got := slices.Sorted(slices.Values(index.Match(n)))
			if !slices.Equal(got, want) {
				t.Fatalf("the index gives %v for %s, and %v match of %v", got, n, want, patterns)
			}
		}
	}
	shapes := []string{"a.+.a", "a.#", "#", "a.k%d.b", "+.k%d.#", "a.k%d.*"}
	for step := range 40 {
		if i := r.IntN(len(patterns) + 1); step%3 == 2 && i < len(patterns) && patterns[i] != "" {
			if !index.Remove(patterns[i], i) || index.Remove(patterns[i], i) {
				t.Fatalf("%s is not there once", patterns[i])
			}
			patterns[i] = ""
		} else {
			p := topic.MustPattern(strings.ReplaceAll(shapes[r.IntN(len(shapes))], "%d", fmt.Sprint(r.IntN(20))))
			index.Add(p, len(patterns))
			patterns = append(patterns, p)
		}
		for range 30 {
			check(names[r.IntN(20)])
		}
	}
	for _, n := range names {
		check(n)
	}
	if got := index.Match("a..b"); got != nil {
		t.Errorf("what is no topic matches %v", got)
	}
}

// TestIndexTakesAValueOnce has one value under patterns that overlap.
func TestIndexTakesAValueOnce(t *testing.T) {
	var index topic.Index[string]
	for _, p := range []topic.Pattern{"a.b", "a.*", "a.*"} {
		index.Add(p, "v")
	}
	for range 3 {
		if got := index.Match("a.b"); len(got) != 1 {
			t.Errorf("%v, want one v", got)
		}
		index.Remove("a.*", "v")
	}
	if index.Remove("a.b", "w") || !index.Remove("a.b", "v") || len(index.Match("a.b")) != 0 {
		t.Errorf("after the last removal: %v", index.Match("a.b"))
	}
}

// TestIndexForgetsInTime asks from several goroutines while a pattern comes and goes: who
// asks after a change has returned sees it.
func TestIndexForgetsInTime(t *testing.T) {
	var index topic.Index[int]
	index.Add("a.#", 1)
	var reading sync.WaitGroup
	stop := make(chan struct{})
	for i := range 4 {
		reading.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					if got := index.Match(topic.Name(fmt.Sprintf("a.b%d", (n+i)%700))); len(got) == 0 {
						t.Error("a pattern that was there all the time was missed")
						return
					}
				}
			}
		})
	}
	for n := range 3000 {
		name := topic.Name(fmt.Sprintf("a.b%d", n%700))
		index.Add("a.+", 2)
		if got := index.Match(name); len(got) != 2 {
			t.Fatalf("%v after a pattern was added", got)
		}
		index.Remove("a.+", 2)
		if got := index.Match(name); len(got) != 1 {
			t.Fatalf("%v after a pattern was removed", got)
		}
	}
	close(stop)
	reading.Wait()
}

// TestIndexRemembersWithoutAllocating asks for what it knows.
func TestIndexRemembersWithoutAllocating(t *testing.T) {
	var index topic.Index[int]
	index.Add("a.*", 1)
	index.Match("a.b")
	if n := testing.AllocsPerRun(100, func() { index.Match("a.b") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestIndexRemembersSoMuch asks for more topics than are remembered.
func TestIndexRemembersSoMuch(t *testing.T) {
	var index topic.Index[int]
	index.Add("a.*", 1)
	for i := range 100_000 {
		index.Match(topic.Name(fmt.Sprint("a.b", i)))
	}
	if n := topic.Remembered(&index); n < 4096 || n > 8192 {
		t.Errorf("%d topics are remembered", n)
	}
}

// TestIndexFindsEachOnce has many values under patterns that match alike.
func TestIndexFindsEachOnce(t *testing.T) {
	var index topic.Index[int]
	const n = 1_000
	for i := range n {
		index.Add("a.*", i)
		index.Add("#", i)
	}
	found := index.Match("a.b")
	slices.Sort(found)
	if len(found) != n || found[0] != 0 || found[n-1] != n-1 {
		t.Errorf("%d of %d", len(found), n)
	}
}
