package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/xsgen/xsgen/examples/orders/order"
	"github.com/xsgen/xsgen/runtime/bus"
)

// story writes down what it hears of every order.
type story struct {
	order.UnimplementedHandler

	mu    sync.Mutex
	heard sync.Cond
	lines map[string][]string
	done  map[string]bool
}

func newStory() *story {
	s := &story{lines: map[string][]string{}, done: map[string]bool{}}
	s.heard.L = &s.mu
	return s
}

func (s *story) tell(key string, done bool, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines[key] = append(s.lines[key], fmt.Sprintf(format, args...))
	s.done[key] = s.done[key] || done
	s.heard.Broadcast()
}

// StateChanged implements order.Handler.
func (s *story) StateChanged(_ context.Context, e *bus.Event[order.StateChanged]) error {
	c := e.Value()
	if c.Trigger == "" {
		s.tell(e.Key(), false, "begins %s", c.State)
	} else {
		s.tell(e.Key(), c.Done, "is %s after %s", c.State, c.Trigger)
	}
	return nil
}

// Paid implements order.Handler.
func (s *story) Paid(_ context.Context, e *bus.Event[order.Paid]) error {
	t := e.Value().Total
	s.tell(e.Key(), false, "has been paid: %d.%02d %s", t.Cents/100, t.Cents%100, t.Currency)
	return nil
}

// wait waits until orders are done.
func (s *story) wait(keys ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		for !s.done[key] {
			s.heard.Wait()
		}
	}
}

func (s *story) print(out io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(s.lines)) {
		for _, line := range s.lines[key] {
			fmt.Fprintf(out, "%s %s\n", key, line) //nolint:errcheck // a demonstration
		}
	}
}
