package ledger_test

import (
	"testing"

	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/testdata/golden/ledger"
)

// TestMigrationOfHost has a host whose instances take what older versions stored.
func TestMigrationOfHost(t *testing.T) {
	store := machine.NewMemoryStore()
	host := ledger.NewHost(func(key string) *ledger.Machine {
		return ledger.New(key, nil, machine.WithMigration(machine.OnlyBehaviour))
	}, machine.WithStore(store))
	if err := host.Send(t.Context(), "a", &ledger.Add{N: 1}); err != nil {
		t.Error(err)
	}
	if err := host.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
