package transport_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/xsgen/xsgen/runtime/transport"
)

func TestFailureTravels(t *testing.T) {
	want := transport.Failure{Kind: "dead", Machine: "order", Key: "k", State: "a.b", Event: "e", Topic: "t.x", Message: "m", Attempts: 8, Original: []byte{1}}
	b, err := msgpack.Marshal(&want)
	if err != nil {
		t.Fatal(err)
	}
	var got transport.Failure
	if err := msgpack.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c := want.Clone(); cmp.Diff(want, *c) != "" || &c.Original[0] == &want.Original[0] || (*transport.Failure)(nil).Clone() != nil {
		t.Errorf("a clone is %+v", c)
	}
	if err := got.UnmarshalMsgpack([]byte{0x82, 0xa1, 'x', 1, 0xa1, 'x', 1}); err == nil {
		t.Error("a duplicate key was accepted")
	}
}
