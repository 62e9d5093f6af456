package delays

import (
	"errors"
	"testing"

	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/runtime/snapshot"
)

// TestDelaysOfInactiveStates restores machines of which a delay has begun that
// cannot have.
func TestDelaysOfInactiveStates(t *testing.T) {
	ctx := t.Context()
	m := New()
	err := errors.Join(m.Start(ctx), m.Send(ctx, &Begin{}))
	data, snapErr := m.Snapshot(ctx)
	if err := errors.Join(err, snapErr, m.Stop(ctx)); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*machine.Snapshot){
		"an inactive state": func(s *machine.Snapshot) { s.Active = []string{"idle"} },
		"a delay twice":     func(s *machine.Snapshot) { s.Delays = append(s.Delays, s.Delays[0]) },
	} {
		s, err := snapshot.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		change(s)
		changed, err := snapshot.Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := New().Restore(ctx, changed); !errors.Is(err, machine.ErrSnapshot) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
