package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/transport"
)

// team are members of a group, which log what they get.
type team struct {
	*rig
	members []*bus.Subscription
	got     []string // by member
	fail    func(member int, text string) error
}

func newTeam(t *testing.T, n int, policy bus.GroupPolicy, opts ...bus.SubscribeOption) *team {
	tm := &team{rig: newRig(t), got: make([]string, n)}
	for i := range n {
		s, err := bus.Subscribe(tm.bus, "#", func(_ context.Context, e *bus.Event[msg]) error {
			tm.mu.Lock()
			defer tm.mu.Unlock()
			tm.got[i] += e.Value().text
			if tm.fail != nil {
				return tm.fail(i, e.Value().text)
			}
			return nil
		}, append(opts, bus.Group("g", policy))...)
		if err != nil {
			t.Fatal(err)
		}
		tm.members = append(tm.members, s)
	}
	return tm
}

func (tm *team) close() {
	tm.t.Helper()
	if err := tm.bus.Close(tm.t.Context()); err != nil {
		tm.t.Error(err)
	}
}

func (tm *team) shares(want ...string) {
	tm.t.Helper()
	tm.mu.Lock()
	defer tm.mu.Unlock()
	if got := strings.Join(tm.got, "|"); got != strings.Join(want, "|") {
		tm.t.Errorf("they got %s, want %s", got, strings.Join(want, "|"))
	}
}

func TestRoundRobin(t *testing.T) {
	for _, opt := range []bus.SubscribeOption{bus.Direct(), bus.Queued(4)} {
		tm := newTeam(t, 3, bus.RoundRobin, opt)
		var copies int
		subscribe(t, tm.bus, "#", func(context.Context, *bus.Event[msg]) error { copies++; return nil })
		tm.send("", "a", "b", "c", "d")
		tm.send("k", "e", "f")
		tm.close()
		if copies != 6 {
			t.Errorf("an observer got %d copies", copies)
		}
		tm.shares("ad", "be", "cf")
	}
}

func TestSticky(t *testing.T) {
	tm := newTeam(t, 4, bus.Sticky)
	for i := range 40 {
		key := fmt.Sprint("k", i)
		tm.send(key, key+" ", key+" ")
	}
	before := append([]string(nil), tm.got...)
	if err := tm.members[2].Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		tm.send(fmt.Sprint("k", i), fmt.Sprint("k", i, " "))
	}
	for i := range 4 {
		for _, key := range strings.Fields(before[i]) {
			if i != 2 && strings.Count(tm.got[i], key+" ") != 3 {
				t.Errorf("member %d does not have %s any more", i, key)
			}
		}
		if len(before[i]) == 0 {
			t.Errorf("member %d has no key", i)
		}
	}
	if tm.got[2] != before[2] {
		t.Error("who had left got something")
	}
}

func TestRandomReachesEverybody(t *testing.T) {
	tm := newTeam(t, 3, bus.Random)
	for range 100 {
		tm.send("", "x")
	}
	for i, got := range tm.got {
		if len(got) < 10 {
			t.Errorf("of 100 events member %d got %d", i, len(got))
		}
	}
}

func TestLeastLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tm := newTeam(t, 3, bus.LeastLoaded, bus.Queued(8))
		var slow sync.WaitGroup
		slow.Add(1)
		tm.fail = func(i int, _ string) error {
			if i == 1 {
				tm.mu.Unlock()
				slow.Wait()
				tm.mu.Lock()
			}
			return nil
		}
		for i := range 9 {
			tm.send("", string(rune('a'+i)))
			synctest.Wait()
		}
		slow.Done()
		tm.close()
		if tm.got[1] != "b" || len(tm.got[0])+len(tm.got[2]) != 8 {
			t.Errorf("they got %q", tm.got)
		}
	})
}

// count is how many calls there were.
func (tm *team) count() (n int) {
	tm.mu.Lock()
	defer tm.mu.Unlock()
	for _, got := range tm.got {
		n += len(got)
	}
	return n
}

// TestFailover has members fail: the others take over, each once, and each after the
// profile's wait.
func TestFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tm := newTeam(t, 3, bus.RoundRobin, bus.WithProfile(slow()))
		tm.fail = func(i int, text string) error {
			if text == "x" || text == "y" && i == 0 {
				return errBroken
			}
			return nil
		}
		tm.send("", "x")
		for _, wait := range []time.Duration{time.Second, 2 * time.Second} {
			synctest.Wait()
			time.Sleep(wait - 1)
			before := tm.count()
			synctest.Wait()
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if after := tm.count(); after != before+1 {
				t.Errorf("after %v there are %d calls, before there were %d", wait, after, before)
			}
		}
		tm.shares("x", "x", "x")
		tm.send("", "z", "z", "y")
		time.Sleep(time.Hour)
		tm.shares("xy", "xzy", "xz") // after three attempts x is dead
		tm.close()
		tm.balanced(tm.members[0], bus.Stats{Accepted: 2, Failed: 2, Passed: 2})
		tm.balanced(tm.members[1], bus.Stats{Accepted: 3, Handled: 2, Failed: 1, Passed: 1})
		tm.balanced(tm.members[2], bus.Stats{Accepted: 2, Handled: 1, Failed: 1, Dead: 1})
	})
}

// TestFailoverOfStickyMembers has a failed event stay with the member of its key.
func TestFailoverOfStickyMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tm := newTeam(t, 3, bus.Sticky, bus.WithProfile(slow()))
		tm.fail = func(int, string) error { return errBroken }
		tm.send("k", "x")
		time.Sleep(time.Hour)
		synctest.Wait()
		seen := 0
		for _, got := range tm.got {
			if len(got) > 0 {
				seen++
			}
		}
		if seen != 1 || len(tm.got[0])+len(tm.got[1])+len(tm.got[2]) != 3 {
			t.Errorf("%q", tm.got)
		}
		tm.close()
	})
}

func TestFailoverOfDirectMembers(t *testing.T) {
	tm := newTeam(t, 3, bus.RoundRobin)
	tm.fail = func(i int, text string) error {
		switch {
		case text == "p":
			return bus.Permanent(errBroken)
		case i == 0 || text == "x":
			return errBroken
		}
		return nil
	}
	tm.send("", "a")
	tm.shares("a", "a", "")
	if len(tm.errs) != 1 || !errors.Is(tm.errs[0], errBroken) {
		t.Errorf("who failed: %v", tm.errs)
	}
	if err := tm.plain.Publish(t.Context(), &msg{"x"}); !errors.Is(err, errBroken) {
		t.Errorf("all of them fail: %v", err)
	}
	tm.shares("ax", "ax", "x")
	if err := tm.plain.Publish(t.Context(), &msg{"p"}); !errors.Is(err, errBroken) {
		t.Errorf("for good: %v", err)
	}
	tm.shares("ax", "ax", "xp")
	tm.close()
}

// TestMemberLeaves closes a member with a full queue, and does not wait for it: what it
// has not handled goes to the other one, and what does not fit is waited for.
func TestMemberLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tm := newTeam(t, 2, bus.RoundRobin, bus.Queued(4))
		release := make(chan struct{})
		tm.fail = func(i int, text string) error {
			if i == 0 {
				tm.mu.Unlock()
				<-release
				tm.mu.Lock()
				return errBroken
			}
			return nil
		}
		tm.send("", "a", "b", "c", "d", "e")
		synctest.Wait()
		tm.shares("a", "bd")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var de *transport.DrainError
		if err := tm.members[0].Close(ctx); !errors.As(err, &de) || de.Left != 1 {
			t.Errorf("Close: %v", err)
		}
		synctest.Wait()
		tm.shares("a", "bdce")
		close(release)
		synctest.Wait()
		tm.shares("a", "bdcea")
		tm.balanced(tm.members[0], bus.Stats{Accepted: 3, Passed: 3})
		tm.close()
		tm.balanced(tm.members[1], bus.Stats{Accepted: 5, Handled: 5})
	})
}

// TestFullMember has one member block: its share goes to the other one as soon as it
// has no room, whatever the policy for that is.
func TestFullMember(t *testing.T) {
	for _, overflow := range []transport.Overflow{transport.Block, transport.DropOldest, transport.Reject} {
		synctest.Test(t, func(t *testing.T) {
			tm := newTeam(t, 2, bus.RoundRobin, bus.WithProfile(transport.Profile{Capacity: 1, Overflow: overflow}))
			release := make(chan struct{})
			tm.fail = func(i int, _ string) error {
				if i == 0 {
					tm.mu.Unlock()
					<-release
					tm.mu.Lock()
				}
				return nil
			}
			for i := range 6 {
				tm.send("", string(rune('a'+i)))
				synctest.Wait()
			}
			tm.shares("a", "bcdef")
			close(release)
			tm.close()
		})
	}
}

// TestFailoverCountsBytesOnce passes an event from a member whose profile limits bytes to
// one whose profile does not: neither's bytes are wrong then.
func TestFailoverCountsBytesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tm := newTeam(t, 1, bus.RoundRobin, bus.WithProfile(transport.Profile{CapacityBytes: 100}))
		tm.fail = func(int, string) error { return errBroken }
		other, err := bus.Subscribe(tm.bus, "#", func(context.Context, *bus.Event[msg]) error { return nil }, bus.Queued(4), bus.Group("g", bus.RoundRobin))
		if err != nil {
			t.Fatal(err)
		}
		tm.send("", "abc")
		synctest.Wait()
		tm.balanced(tm.members[0], bus.Stats{Accepted: 1, Failed: 1, Passed: 1})
		tm.balanced(other, bus.Stats{Accepted: 1, Handled: 1})
		tm.close()
	})
}

func TestMembersThatDiffer(t *testing.T) {
	tm := newTeam(t, 1, bus.RoundRobin, bus.Where(func(e *bus.Event[msg]) bool { return e.Value().text != "b" }))
	var second, single string
	if _, err := bus.SubscribeAny(tm.bus, "event.m.#", func(_ context.Context, e *bus.AnyEvent) error {
		second += e.Value().(*msg).text
		return nil
	}, bus.Group("g", bus.RoundRobin)); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.Subscribe(tm.bus, "event.m.k1.go", func(_ context.Context, e *bus.Event[msg]) error {
		single += e.Value().text
		return nil
	}, bus.Group("g", bus.RoundRobin)); err != nil {
		t.Fatal(err)
	}
	tm.send("k1", "a", "b", "c")
	tm.send("k2", "d", "e", "f")
	tm.send("", "g")
	if all := len(tm.got[0]) + len(second) + len(single); all != 7 || strings.ContainsAny(tm.got[0], "b") || strings.ContainsAny(single, "defg") || single == "" {
		t.Errorf("%q, %q, %q", tm.got[0], second, single)
	}
	if _, err := bus.Subscribe(tm.bus, "#", func(context.Context, *bus.Event[msg]) error { return nil }, bus.Group("g", bus.Sticky)); !errors.Is(err, bus.ErrGroupPolicy) {
		t.Errorf("another policy: %v", err)
	}
	tm.close()
}
