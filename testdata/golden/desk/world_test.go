package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/testdata/golden/errand"
	"github.com/xsgen/xsgen/testdata/golden/helper"
)

func TestMain(m *testing.M) {
	if isProcess() {
		return
	}
	goleak.VerifyTestMain(m)
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// message is what was published on the bus.
type message struct {
	topic, id, value string
}

// world is a host, and who makes what its instances invoke.
type world struct {
	*Host
	t    testing.TB
	bus  *bus.Bus
	fail func(message) error // what the listener answers

	mu      sync.Mutex
	heard   []message // each once
	ids     map[string]string
	errand  *errand.Machine // the latest
	made    map[string]int  // machines, by their names
	lookups int             // calls of the service
	answer  func(ctx context.Context, in errand.LookupInput) (errand.LookupOutput, error)
	broken  error // of who makes errands
	unbound bool  // errands and helpers publish nothing
}

func newWorld(t testing.TB, opts ...machine.HostOption) *world {
	t.Helper()
	w := &world{t: t, bus: bus.New(), ids: map[string]string{}, made: map[string]int{}}
	if _, err := bus.SubscribeAny(w.bus, "#", func(_ context.Context, e *bus.AnyEvent) error {
		if strings.HasPrefix(string(e.Topic()), "event.") {
			return nil
		}
		return w.hear(message{string(e.Topic()), e.ID(), text(e.Value())})
	}); err != nil {
		t.Fatal(err)
	}
	opts = append([]machine.HostOption{machine.WithHostLogger(quiet)}, opts...)
	w.Host = NewHost(func(key string) *Machine { return New(key, w, machine.WithLogger(quiet)) }, opts...)
	if err := w.Bind(w.bus); err != nil {
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

// text is a value without what differs between two runs.
func text(v any) string {
	switch v := v.(type) {
	case *StateChanged:
		return fmt.Sprint(v.State, v.From, v.Seq, v.Done)
	case *errand.StateChanged:
		return fmt.Sprint(v.State, v.From, v.Seq, v.Done)
	case *helper.StateChanged:
		return fmt.Sprint(v.State, v.From, v.Seq, v.Done)
	}
	return fmt.Sprintf("%+v", v)
}

func (w *world) hear(m message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		if err := w.fail(m); err != nil {
			return err
		}
	}
	if before, ok := w.ids[m.id]; ok {
		if before != m.topic+" "+m.value {
			w.t.Errorf("%v was %q before", m, before)
		}
		return nil
	}
	w.ids[m.id] = m.topic + " " + m.value
	w.heard = append(w.heard, m)
	return nil
}

// Errand implements Children.
func (w *world) Errand(in errand.Input) (*errand.Machine, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return nil, w.broken
	}
	w.made["errand"]++
	m := errand.New(w, w, in, machine.WithLogger(quiet))
	w.errand = m
	if w.unbound {
		return m, nil
	}
	return m, m.Bind(w.bus)
}

// Helper implements errand.Children.
func (w *world) Helper(in helper.Input) (*helper.Machine, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made["helper"]++
	m := helper.New(in, machine.WithLogger(quiet))
	if w.unbound {
		return m, nil
	}
	return m, m.Bind(w.bus)
}

// Lookup implements errand.Services.
func (w *world) Lookup(ctx context.Context, in errand.LookupInput) (errand.LookupOutput, error) {
	w.mu.Lock()
	w.lookups++
	answer := w.answer
	w.mu.Unlock()
	if answer != nil {
		return answer(ctx, in)
	}
	select {
	case <-time.After(3 * time.Second):
		return errand.LookupOutput{Found: in.N * 100}, nil
	case <-ctx.Done():
		return errand.LookupOutput{}, ctx.Err()
	}
}

// latest is the errand that was made last.
func (w *world) latest() *errand.Machine {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.errand
}

// counts are what has been made and called.
func (w *world) counts() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprintf("%d errands, %d helpers, %d lookups", w.made["errand"], w.made["helper"], w.lookups)
}

func (w *world) send(events ...ExternalEvent) {
	w.t.Helper()
	for _, e := range events {
		if err := w.Send(w.t.Context(), "a", e); err != nil {
			w.t.Errorf("%T: %v", e, err)
		}
	}
}

func (w *world) close() {
	w.t.Helper()
	if err := w.Close(context.WithoutCancel(w.t.Context())); err != nil {
		w.t.Error(err)
	}
}

// sum is what the instance has counted.
func (w *world) sum() string {
	w.t.Helper()
	s, err := w.RequestSum(w.t.Context(), "a", &Sum{})
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprint(s.N, s.Told, s.Ends)
}

// values are what was heard on a topic, in the order of the ids.
func values(topic string, worlds ...*world) string {
	type at struct {
		revision, index int64
		value           string
	}
	found := map[string]at{}
	for _, w := range worlds {
		w.mu.Lock()
		for _, m := range w.heard {
			a := at{value: m.value}
			if _, err := fmt.Sscanf(m.id, "desk/a/%d/%d", &a.revision, &a.index); err != nil {
				w.t.Errorf("%v: %v", m, err)
			}
			if before, ok := found[m.id]; ok && before != a {
				w.t.Errorf("%s is %v and %v", m.id, before, a)
			}
			if m.topic == topic {
				found[m.id] = a
			}
		}
		w.mu.Unlock()
	}
	var all []at
	for _, a := range found {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b at) int {
		return cmp.Or(cmp.Compare(a.revision, b.revision), cmp.Compare(a.index, b.index))
	})
	var out []string
	for _, a := range all {
		out = append(out, a.value)
	}
	return strings.Join(out, " ")
}

// topics are those of all that desks, errands and helpers publish, but for failures.
var topics = []string{
	"emit.desk.a.heard", "emit.desk.a.ended", "state.desk.a.open.idle", "state.desk.a.open.out",
	"emit.errand.worked", "emit.errand.told", "state.errand.busy.helped", "state.errand.busy.looking", "state.errand.busy.alone", "state.errand.over",
	"emit.helper.counted", "state.helper.counting", "state.helper.over",
}

// faulty is a store that may fail.
type faulty struct {
	machine.Store
	mu   sync.Mutex
	fail func() (before, after error)
}

func (s *faulty) Save(ctx context.Context, key string, previous uint64, r *machine.Record) error {
	s.mu.Lock()
	fail := s.fail
	s.mu.Unlock()
	var before, after error
	if fail != nil {
		before, after = fail()
	}
	if before != nil {
		return before
	}
	return errors.Join(s.Store.Save(ctx, key, previous, r), after)
}
