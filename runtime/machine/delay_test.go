package machine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/xsgen/xsgen/runtime/machine"
)

func TestDelays(t *testing.T) {
	clock := NewManualClock(time.Unix(0, 0))
	p := newProgram(t, WithClock(clock))
	if err := p.core.Send(t.Context(), evGo, nil); err != nil {
		t.Fatal(err)
	}
	clock.Advance(999 * time.Millisecond)
	if p.core.Leaf() != 2 {
		t.Fatal("too early")
	}
	clock.Advance(time.Millisecond)
	if p.core.Leaf() != 3 {
		t.Fatal("the delay did not fire")
	}
	var got []string
	for i, c := range p.changes {
		got = append(got, fmt.Sprintf("%d<-%d %q %d %v %v", c.State, p.from[i], c.Trigger, c.Seq, c.At.UnixMilli(), c.Done))
	}
	want := []string{`1<--1 "" 1 0 false`, `2<-1 "go" 2 0 false`, `3<-2 "after(1s)" 3 1000 true`}
	if !slices.Equal(got, want) {
		t.Errorf("changes %q, want %q", got, want)
	}
}

// TestStaleDelay lets a delay become due while a step runs, and its state be left
// and entered again before it is looked at: it was not meant any more.
func TestStaleDelay(t *testing.T) {
	clock := NewManualClock(time.Unix(0, 0))
	p := newProgram(t, WithClock(clock))
	if err := p.core.Send(t.Context(), evGo, nil); err != nil {
		t.Fatal(err)
	}
	occupied(t, p, func() {
		if err := p.core.Post(t.Context(), evAgain, nil); err != nil {
			t.Fatal(err)
		}
		clock.Advance(time.Second)
	})
	if p.core.Leaf() != 2 {
		t.Fatalf("in state %d: a delay of an earlier stay fired", p.core.Leaf())
	}
	clock.Advance(time.Second)
	if p.core.Leaf() != 3 {
		t.Fatal("the delay did not fire")
	}
}

func TestDelaysBySystemClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t)
		if err := p.core.Send(t.Context(), evGo, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if p.core.Leaf() != 3 {
			t.Error("the delay did not fire")
		}
	})
}

// TestOneInstant: by the system's clock, timers of one instant fire in any order. The
// delay ends the machine, and with it what waits.
func TestOneInstant(t *testing.T) {
	for n := range 40 {
		synctest.Test(t, func(t *testing.T) {
			p := newProgram(t)
			send := func() {
				if err := p.core.SendAfter(time.Second, "", false, 0, "sent"); err != nil {
					t.Fatal(err)
				}
			}
			want := "[]"
			if n%2 == 0 {
				send()
				want = "[sent]"
			}
			if err := p.core.Send(t.Context(), evGo, nil); err != nil {
				t.Fatal(err)
			}
			if n%2 == 1 {
				send()
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if got := fmt.Sprint(p.out); got != want || p.core.Leaf() != 3 {
				t.Errorf("sent %v, want %v; in state %d", got, want, p.core.Leaf())
			}
		})
	}
}

func TestDelayedSends(t *testing.T) {
	clock := NewManualClock(time.Unix(0, 0))
	p := newProgram(t, WithClock(clock))
	note := func(s string) function {
		return func(_ context.Context, p *program) error { p.core.Emit(0, s); return nil }
	}
	err := p.do(t.Context(), func(_ context.Context, p *program) error {
		_ = p.core.SendAfter(time.Second, "x", true, evDo, note("replaced"))
		_ = p.core.SendAfter(2*time.Second, "x", true, evDo, note("to self"))
		_ = p.core.SendAfter(time.Second, "y", false, 0, "to a role")
		_ = p.core.SendAfter(time.Second, "z", false, 0, "cancelled")
		p.core.Cancel("z")
		p.core.Cancel("unknown")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Second)
	if fmt.Sprint(p.out) != "[to a role]" {
		t.Errorf("after a second: %v", p.out)
	}
	clock.Advance(time.Second)
	if fmt.Sprint(p.out) != "[to a role to self]" {
		t.Errorf("after two seconds: %v", p.out)
	}
	err = p.do(t.Context(), func(_ context.Context, p *program) error {
		for range 1000 {
			if err := p.core.SendAfter(time.Second, "", false, 0, ""); err != nil {
				return err
			}
		}
		if err := p.core.SendAfter(time.Second, "", false, 0, ""); !errors.Is(err, ErrFull) {
			t.Errorf("one too many: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.core.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	if len(p.out) != 2 {
		t.Errorf("a stopped machine sent %d events", len(p.out)-2)
	}
}

// skewed is a clock that can be turned back while its timers go on.
type skewed struct {
	*ManualClock
	back time.Duration
}

func (s *skewed) Now() time.Time { return s.ManualClock.Now().Add(-s.back) }

// TestClockTurnedBack has timers fire before it is time: they are set again.
func TestClockTurnedBack(t *testing.T) {
	clock := &skewed{ManualClock: NewManualClock(time.Unix(0, 0))}
	p := newProgram(t, WithClock(clock))
	if err := p.core.Send(t.Context(), evGo, nil); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"x", "y"} {
		if err := p.core.SendAfter(800*time.Millisecond, id, false, 1, id); err != nil {
			t.Fatal(err)
		}
	}
	clock.back = 500 * time.Millisecond
	clock.Advance(time.Second)
	if p.core.Leaf() != 2 || len(p.out) > 0 {
		t.Fatalf("too early: in state %d, sent %v", p.core.Leaf(), p.out)
	}
	clock.Advance(300 * time.Millisecond)
	if len(p.out) != 2 {
		t.Errorf("sent %v of two", p.out)
	}
	clock.Advance(200 * time.Millisecond)
	if p.core.Leaf() != 3 {
		t.Error("the delay did not fire")
	}
}
