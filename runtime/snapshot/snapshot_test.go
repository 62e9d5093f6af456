package snapshot_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/xsgen/xsgen/runtime/machine"
	"github.com/xsgen/xsgen/runtime/snapshot"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func full() *machine.Snapshot {
	at := time.Unix(1700000000, 42).UTC()
	return &machine.Snapshot{
		Machine: "order", Key: "k1", Shape: machine.Shape{States: "a", Context: "b", Events: "c", Behaviour: "d"},
		Active: []string{"a.b", "c"}, History: []machine.Recorded{{State: "a.h", Active: []string{"a.b"}}},
		Context: []byte{0x80}, Seq: 7, Finished: true,
		Delays:   []machine.DelaySnapshot{{State: "a", Delay: "after(1s)", Due: at}},
		Sends:    []machine.SendSnapshot{{ID: "x", Event: "go", Self: true, Payload: []byte{1}, Due: at, Behind: 1}},
		Deferred: []machine.EventSnapshot{{Event: "go", Payload: []byte{0x80}}, {Event: "go", Payload: []byte{0x80}, Next: true}},
		Invokes:  []machine.InvokeSnapshot{{ID: "i", State: "a", Child: &machine.Snapshot{Machine: "child", Active: []string{"x"}}}},
	}
}

func TestRoundTrip(t *testing.T) {
	for _, s := range []*machine.Snapshot{full(), {Machine: "m"}} {
		data, err := snapshot.Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := snapshot.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(s, got); d != "" {
			t.Errorf("it is not what was written:\n%s", d)
		}
	}
}

func TestMalformed(t *testing.T) {
	data, err := snapshot.Encode(full())
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if _, err := snapshot.Decode(data[:n]); !errors.Is(err, machine.ErrSnapshot) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := snapshot.Decode([]byte{0x80}); !errors.Is(err, machine.ErrSnapshot) {
		t.Errorf("without a format: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	data, err := snapshot.Encode(full())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := snapshot.Decode(data)
		if err != nil {
			return
		}
		again, err := snapshot.Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := snapshot.Decode(again)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(s, got); d != "" {
			t.Error(d)
		}
	})
}
