package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/testdata/golden/ledger"
)

// run is a process: it delivers what it is given to a host over the files in dir.
func run(ctx context.Context, dir string, events map[string]ledger.ExternalEvent) error {
	store, err := machine.NewFileStore(dir)
	if err != nil {
		return err
	}
	b := bus.New()
	_, err = ledger.SubscribeAdded(b, func(_ context.Context, e *bus.Event[ledger.Added]) error {
		fmt.Println("heard", e.Key(), e.Value().Seq, e.Value().Total)
		return nil
	})
	if err != nil {
		return err
	}
	host := ledger.NewHost(func(key string) *ledger.Machine { return ledger.New(key, nil) },
		machine.WithStore(store), machine.WithIdle(10*time.Minute))
	if err := host.Bind(b, ledger.Roles{}); err != nil {
		return err
	}
	if err := host.Open(ctx); err != nil {
		return err
	}
	for id, e := range events {
		if err := host.Deliver(ctx, "acme", id, e); err != nil {
			return err
		}
	}
	return host.Close(ctx)
}

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is temporary
	first := run(ctx, dir, map[string]ledger.ExternalEvent{"x1": &ledger.Add{N: 5}})
	again := run(ctx, dir, map[string]ledger.ExternalEvent{"x1": &ledger.Add{N: 5}}) // not processed again
	second := run(ctx, dir, map[string]ledger.ExternalEvent{"x2": &ledger.Add{N: 7}})
	fmt.Println(errors.Join(first, again, second))
	// Output:
	// heard acme 1 5
	// heard acme 2 12
	// <nil>
}

func ExampleMachine_Snapshot() {
	ctx := context.Background()
	clock := machine.NewManualClock(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	m := ledger.New("acme", nil, machine.WithClock(clock))
	err := errors.Join(m.Start(ctx), m.Send(ctx, &ledger.Add{N: 5}), m.Send(ctx, &ledger.Remind{In: time.Hour}),
		m.Send(ctx, &ledger.Pause{}), m.Send(ctx, &ledger.Add{N: 7}))
	data, snapErr := m.Snapshot(ctx)
	var document map[string]any
	err = errors.Join(err, snapErr, msgpack.Unmarshal(data, &document), m.Stop(ctx))
	delete(document, "shape") // fingerprints
	text, jsonErr := json.MarshalIndent(document, "", "  ")
	fmt.Println(strings.ReplaceAll(string(text), "=", ""))
	fmt.Println(errors.Join(err, jsonErr))
	// Output:
	// {
	//   "active": [
	//     "paused"
	//   ],
	//   "context": "gqNzZXEBpXRvdGFsBQ",
	//   "deferred": [
	//     {
	//       "event": "add",
	//       "payload": "gaFuBw"
	//     }
	//   ],
	//   "format": 1,
	//   "history": [
	//     {
	//       "active": [
	//         "open.active"
	//       ],
	//       "state": "open.back"
	//     }
	//   ],
	//   "key": "acme",
	//   "machine": "ledger",
	//   "sends": [
	//     {
	//       "due": "2026-01-01T13:00:00Z",
	//       "event": "reminder",
	//       "payload": "gA",
	//       "self": true
	//     }
	//   ]
	// }
	// <nil>
}
