package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/testdata/golden/ledger"
	"github.com/xsgen/xsgen/testdata/golden/oldledger"
)

// TestOnlyBehaviour has a host whose instances take what versions with other behaviour
// have stored, but not what a version with other states and another context has.
func TestOnlyBehaviour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := machine.NewMemoryStore()
		storeByOldVersion(t, store)
		host := ledger.NewHost(func(key string) *ledger.Machine {
			return ledger.New(key, nil, machine.WithMigration(machine.OnlyBehaviour))
		}, machine.WithStore(store))
		defer closeHost(t, host)
		var version *machine.VersionError
		if err := host.Send(t.Context(), "a", &ledger.Resume{}); !errors.As(err, &version) {
			t.Errorf("%v, want a VersionError", err)
		}
	})
}

// migrate makes a snapshot of the version in which the state open.active was called
// open.counting, and the context's field total was called sum.
func migrate(s *machine.Snapshot, _ machine.Shape) error {
	rename := func(path *string) {
		if *path == "open.counting" {
			*path = "open.active"
		}
	}
	for i := range s.Active {
		rename(&s.Active[i])
	}
	for _, h := range s.History {
		for i := range h.Active {
			rename(&h.Active[i])
		}
	}
	for i := range s.Delays {
		rename(&s.Delays[i].State)
	}

	var before struct {
		Sum int64 `msgpack:"sum"`
	}
	var now ledger.Context
	err := errors.Join(msgpack.Unmarshal(s.Context, &before), now.UnmarshalMsgpack(s.Context))
	if err != nil {
		return err
	}
	now.Total = before.Sum
	s.Context, err = now.AppendMsgpack(nil)
	return err
}

// TestMigration has instances that the old version has stored go on as the new one: one
// that is paused, with a history and deferred events, and one whose delay runs.
func TestMigration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := machine.NewMemoryStore()
		storeByOldVersion(t, store)
		b := bus.New()
		var heard []string
		if _, err := ledger.SubscribeAdded(b, func(_ context.Context, e *bus.Event[ledger.Added]) error {
			heard = append(heard, fmt.Sprint(e.Key(), e.Value().Seq, " ", e.Value().Total))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		host := ledger.NewHost(func(key string) *ledger.Machine {
			return ledger.New(key, nil, machine.WithMigration(migrate))
		}, machine.WithStore(store))
		if err := host.Bind(b, ledger.Roles{}); err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		if err := errors.Join(host.Open(ctx), host.Send(ctx, "a", &ledger.Resume{})); err != nil {
			t.Fatal(err)
		}
		if want := []string{"a3 8"}; len(heard) != 1 || heard[0] != want[0] { // 1 + 2, and 5 that was deferred
			t.Errorf("heard %q, want %q", heard, want)
		}
		expectActive(t, host, "a", ledger.StateOpenActive)
		expectActive(t, host, "b", ledger.StateOpenActive)
		time.Sleep(9*time.Minute + time.Second) // b's delay began a minute before
		synctest.Wait()
		expectActive(t, host, "a", ledger.StateOpenActive)
		expectActive(t, host, "b", ledger.StateOpenDozing)
		closeHost(t, host)
	})
}

// storeByOldVersion has instances of the old version stored: a is paused after two
// events, and has deferred a third; b has been counting for a minute.
func storeByOldVersion(t *testing.T, store machine.Store) {
	t.Helper()
	old := oldledger.NewHost(func(key string) *oldledger.Machine { return oldledger.New(key) }, machine.WithStore(store))
	ctx := t.Context()
	err := errors.Join(
		old.Send(ctx, "b", &oldledger.Add{N: 7}),
		old.Send(ctx, "a", &oldledger.Add{N: 1}),
		old.Send(ctx, "a", &oldledger.Add{N: 2}),
		old.Send(ctx, "a", &oldledger.Pause{}),
		old.Send(ctx, "a", &oldledger.Add{N: 5}),
	)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	if err := old.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

func expectActive(t *testing.T, host *ledger.Host, key string, want ledger.State) {
	t.Helper()
	active, err := host.Active(t.Context(), key)
	if err != nil || len(active) != 1 || active[0] != want {
		t.Errorf("%s is in %v (%v), want %s", key, active, err, want)
	}
}

func closeHost(t *testing.T, host *ledger.Host) {
	t.Helper()
	if err := host.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
