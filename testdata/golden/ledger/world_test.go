package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
)

func TestMain(m *testing.M) {
	if childMain() {
		return
	}
	goleak.VerifyTestMain(m)
}

// message is what was published on the bus.
type message struct {
	topic, id string
	value     any
}

// world is a host with all that is around it.
type world struct {
	*Host
	t     testing.TB
	bus   *bus.Bus
	audit func(ctx context.Context, key string, e *AuditorClosed) error

	mu     sync.Mutex
	heard  []message // each once
	ids    map[string]int
	again  int       // how often something was heard again
	fail   func(message) error // what the listener answers
	opts   []machine.Option    // of instances
	checks chan CheckInput     // calls of the service
	answer chan error
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func (w *world) Check(ctx context.Context, in CheckInput) (CheckOutput, error) {
	w.checks <- in
	select {
	case err := <-w.answer:
		return CheckOutput{Verdict: "fine"}, err
	case <-ctx.Done():
		return CheckOutput{}, ctx.Err()
	}
}

func (w *world) Closed(ctx context.Context, key string, e *AuditorClosed) error {
	if w.audit != nil {
		return w.audit(ctx, key, e)
	}
	return w.hear(message{"role", machine.EventID(ctx), e})
}

func (w *world) hear(m message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		if err := w.fail(m); err != nil {
			return err
		}
	}
	if n, ok := w.ids[m.id]; ok {
		if w.again++; w.heard[n].topic != m.topic || !cmp.Equal(w.heard[n].value, m.value) {
			w.t.Errorf("%s is %v and %v", m.id, w.heard[n], m)
		}
		return nil
	}
	w.ids[m.id] = len(w.heard)
	w.heard = append(w.heard, m)
	return nil
}

func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.heard)
}

// added are the numbers of what was emitted for a key, in order.
func (w *world) added(key string) (seqs []int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.heard {
		if e, ok := m.value.(*Added); ok && m.topic == "emit.ledger."+key+".added" {
			seqs = append(seqs, e.Seq)
		}
	}
	return seqs
}

// topics are those of what was heard.
func (w *world) topics() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, m := range w.heard {
		out = append(out, strings.TrimPrefix(strings.TrimPrefix(m.topic, "emit.ledger."), "state.ledger."))
	}
	return strings.Join(out, " ")
}

// newWorld returns a bound host that has not been opened.
func newWorld(t testing.TB, opts ...machine.HostOption) *world {
	t.Helper()
	w := &world{t: t, bus: bus.New(), ids: map[string]int{}, checks: make(chan CheckInput, 100), answer: make(chan error)}
	if _, err := bus.SubscribeAny(w.bus, "#", func(_ context.Context, e *bus.AnyEvent) error {
		if strings.HasPrefix(string(e.Topic()), "event.") {
			return nil
		}
		return w.hear(message{string(e.Topic()), e.ID(), e.Value()})
	}); err != nil {
		t.Fatal(err)
	}
	opts = append([]machine.HostOption{machine.WithHostLogger(quiet)}, opts...)
	w.Host = NewHost(func(key string) *Machine { return New(key, w, append(w.opts, machine.WithLogger(quiet))...) }, opts...)
	if err := w.Bind(w.bus, Roles{Auditor: w}); err != nil {
		t.Fatal(err)
	}
	return w
}

// open returns a host on a store, opened.
func open(t testing.TB, store machine.Store, opts ...machine.HostOption) *world {
	t.Helper()
	w := newWorld(t, append(opts, machine.WithStore(store))...)
	if err := w.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) close() {
	w.t.Helper()
	if err := w.Close(context.WithoutCancel(w.t.Context())); err != nil {
		w.t.Error(err)
	}
}

func (w *world) send(key string, events ...ExternalEvent) {
	w.t.Helper()
	for _, e := range events {
		if err := w.Send(w.t.Context(), key, e); err != nil {
			w.t.Errorf("%T for %s: %v", e, key, err)
		}
	}
}

func (w *world) deliver(key, id string, e ExternalEvent) {
	w.t.Helper()
	err := w.Deliver(w.t.Context(), key, id, e)
	for errors.Is(err, machine.ErrConflict) { // as a queue would
		err = w.Deliver(w.t.Context(), key, id, e)
	}
	if err != nil {
		w.t.Errorf("%T for %s: %v", e, key, err)
	}
}

// expect compares what a key's instance is, and what it has counted; no states
// mean that there is none.
func (w *world) expect(key, states string, seq, total int64) {
	w.t.Helper()
	active, err := w.Active(w.t.Context(), key)
	if states == "" && errors.Is(err, machine.ErrNotFound) {
		return
	}
	if got := fmt.Sprint(active); err != nil || got != "["+states+"]" {
		w.t.Fatalf("%s is in %s, not %q; %v", key, got, states, err)
	}
	if !strings.HasPrefix(states, "open") {
		return
	}
	sum, err := w.RequestSum(w.t.Context(), key, &Sum{})
	if err != nil || sum.Seq != seq || sum.Total != total {
		w.t.Errorf("%s has counted %v, not %d and %d; %v", key, sum, seq, total, err)
	}
}

// numbers are 1 to n.
func numbers(n int64) (out []int64) {
	for i := range n {
		out = append(out, i+1)
	}
	return out
}
