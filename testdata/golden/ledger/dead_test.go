package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/runtime/transport"
)

// dead are the failures of the kind dead that were heard.
func (w *world) dead() (out []*transport.Failure) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.heard {
		if f, ok := m.value.(*transport.Failure); ok && f.Kind == "dead" {
			out = append(out, f)
		}
	}
	return out
}

// never is an error that says that trying again is of no use.
type never struct{ error }

func (never) Retryable() bool { return false }

// TestForeignOutbox: what an older version has left in the outbox, and this one cannot
// read or does not know, is reported with its payload and keeps nothing back.
func TestForeignOutbox(t *testing.T) {
	store := machine.NewMemoryStore()
	w := open(t, store)
	w.send("a", &Add{N: 1})
	r, err := store.Load(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	good := r.Outbox[0]
	state, err := (&StateChanged{State: "open.gone"}).AppendMsgpack(nil)
	if err != nil {
		t.Fatal(err)
	}
	failure, err := (&transport.Failure{Kind: "odd"}).AppendMsgpack(nil)
	if err != nil {
		t.Fatal(err)
	}
	foreign := []machine.Message{
		{ID: "1", Name: "emit.gone", Payload: []byte{0x80}},
		{ID: "2", Name: "emit.added", Payload: []byte("no map")},
		{ID: "3", Name: "state.open.gone", Payload: state},
		{ID: "4", Name: "error.odd", Payload: failure},
		{ID: "5", Name: "send.auditor.gone", Payload: []byte{0x80}},
	}
	r.Revision++
	r.Outbox = append(slices.Clone(foreign), good)
	if err := store.Save(t.Context(), "a", r.Revision-1, r); err != nil {
		t.Fatal(err)
	}
	w = open(t, store)
	w.send("a", &Add{N: 1})
	w.expect("a", "open.active", 2, 2)
	if got, want := w.topics(), "error.ledger.a.dead error.ledger.a.dead error.ledger.a.dead error.ledger.a.dead error.ledger.a.dead a.added a.added"; got != want {
		t.Errorf("heard %s", got)
	}
	topics := []string{"emit.ledger.a.gone", "emit.ledger.a.added", "state.ledger.a.open.gone", "error.ledger.a.odd", ""}
	for i, f := range w.dead() {
		m := foreign[i]
		if string(f.Original) != string(m.Payload) || f.Event != m.Name || f.Topic != topics[i] || f.Key != "a" || f.Message == "" {
			t.Errorf("%s is reported by %+v", m.Name, f)
		}
	}
	w.close()
	if r, err = store.Load(t.Context(), "a"); err != nil || len(r.Outbox) > 0 {
		t.Errorf("%v; %v", r.Outbox, err)
	}
}

// TestDead: a message that can never be published is reported, and what comes after
// it goes on; of a report that is refused there is no report.
func TestDead(t *testing.T) {
	for _, c := range []struct {
		name  string
		role  bool
		fail  func(message) error
		heard string
	}{
		{"nobody plays the role", false, nil, "a.open.active a.added error.ledger.a.dead a.closed"},
		{"refused for ever", true, func(m message) error {
			if m.topic == "role" || m.topic == "emit.ledger.a.added" {
				return never{errDisk}
			}
			return nil
		}, "a.open.active error.ledger.a.dead error.ledger.a.dead a.closed"},
		{"refused for ever, and its report", true, func(m message) error {
			if m.topic == "emit.ledger.a.added" || m.topic == "error.ledger.a.dead" {
				return fmt.Errorf("no: %w", never{errDisk})
			}
			return nil
		}, "a.open.active role a.closed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := machine.NewMemoryStore()
			w := newWorld(t, machine.WithStore(store))
			if !c.role {
				w.outbox.roles.Auditor = nil
			}
			w.fail = c.fail
			w.send("a", &Add{N: 1}, &Close{})
			if got := w.topics(); got != c.heard {
				t.Errorf("heard %s", got)
			}
			w.close()
			if r, err := store.Load(t.Context(), "a"); err != nil || len(r.Outbox) > 0 {
				t.Errorf("%v; %v", r.Outbox, err)
			}
		})
	}
}

// TestReportWaits: the report of a dead message is published again as any message is.
// Of several who hear something, one that asks for it again is enough.
func TestReportWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if _, err := bus.SubscribeAny(w.bus, "emit.ledger.+.added", func(context.Context, *bus.AnyEvent) error { return never{errDisk} }); err != nil {
			t.Fatal(err)
		}
		adds, reports := 0, 0
		w.fail = func(m message) error {
			switch m.topic {
			case "emit.ledger.a.added":
				if adds++; adds < 3 {
					return errDisk
				}
			case "error.ledger.a.dead":
				if reports++; reports < 3 {
					return errDisk
				}
			}
			return nil
		}
		w.send("a", &Add{N: 1}, &Pause{})
		time.Sleep(time.Minute)
		if got := w.topics(); got != "a.open.active a.added error.ledger.a.dead a.paused" {
			t.Errorf("heard %s", got)
		}
		if d := w.dead(); len(d) != 1 || d[0].Attempts != 3 {
			t.Errorf("%+v", d)
		}
		w.close()
	})
}

// TestOutboxFull: an instance whose messages nobody takes is not given more and more
// events, and goes on once they are taken.
func TestOutboxFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.fail = func(message) error { return errDisk }
		sent := int64(0)
		var err error
		for err == nil && sent < 2*machine.MaxOutbox {
			if err = w.Deliver(t.Context(), "a", fmt.Sprint(sent), &Add{N: 1}); err == nil {
				sent++
			}
		}
		if !errors.Is(err, machine.ErrFull) || sent != machine.MaxOutbox-1 { // and one state change
			t.Errorf("%d: %v", sent, err)
		}
		w.deliver("b", "1", &Add{N: 1}) // others are not concerned
		w.mu.Lock()
		w.fail = nil
		w.mu.Unlock()
		time.Sleep(time.Minute)
		w.deliver("a", fmt.Sprint(sent), &Add{N: 1})
		w.expect("a", "open.active", sent+1, sent+1)
		if got := w.added("a"); !slices.Equal(got, numbers(sent+1)) {
			t.Errorf("%d were heard", len(got))
		}
		w.close()
	})
}
