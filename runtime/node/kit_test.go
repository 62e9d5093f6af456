package node_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/codec"
	"github.com/xsgen/xsgen/runtime/node"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// said is the event of most tests. It counts how often it is encoded.
type said struct {
	From string
	N    uint64

	encoded *atomic.Int64 // nil if nobody wants to know
}

// AppendMsgpack implements what generated events have.
func (s *said) AppendMsgpack(b []byte) ([]byte, error) {
	if s.encoded != nil {
		s.encoded.Add(1)
	}
	b = codec.AppendMap(b, 2)
	b, err := codec.AppendString(b, "from", nil)
	b, err = codec.AppendString(b, s.From, err)
	b, err = codec.AppendString(b, "n", err)
	return codec.AppendUint(b, s.N), err
}

// UnmarshalMsgpack implements what generated events have.
func (s *said) UnmarshalMsgpack(b []byte) error {
	r := codec.NewReader(b)
	for fs := r.Struct(); fs.Next(&r); {
		switch string(fs.Key) {
		case "from":
			fs.Note(&r)
			s.From = r.String()
		case "n":
			fs.Note(&r)
			s.N = r.Uint(64)
		default:
			fs.Skip(&r)
		}
	}
	return r.Finish()
}

// Clone makes it an event whose copies may be changed.
func (s *said) Clone() *said {
	c := *s
	return &c
}

func (s *said) String() string { return fmt.Sprintf("%s%d", s.From, s.N) }

// text is what a handler notes of an event.
func text(e *bus.AnyEvent) string { return e.Value().(fmt.Stringer).String() }

// types are the events of the tests: all are of one Go type, but failures.
var types = []node.Type{
	{Pattern: "emit.ann.hello", Name: "Hello", Decode: node.Decode[said]},
	{Pattern: "emit.ann.bye", Name: "Bye", Decode: node.Decode[said]},
	{Pattern: "event.bob.ask", Name: "Ask", Decode: node.Decode[said]},
	{Pattern: "event.cell.+.grow", Name: "Grow", Decode: node.Decode[said]},
	{Pattern: "emit.cell.+.split", Name: "Split", Decode: node.Decode[said]},
	{Pattern: "broadcast.drain", Name: "Drain", Decode: node.Decode[said]},
	{Pattern: "error.#", Name: "Failure", Decode: node.Decode[transport.Failure]},
}

// machineOf is a machine that does nothing but hear.
func machineOf(id string, inboxes ...node.Inbox) node.Machine {
	nothing := func(context.Context) error { return nil }
	return node.Machine{ID: id, Open: nothing, Close: nothing, Inboxes: inboxes}
}

// heard is what somebody has heard, in order.
type heard struct {
	mu   sync.Mutex
	list []string
}

func (h *heard) note(s string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, s)
}

func (h *heard) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.list)
}

// take notes an event.
func (h *heard) take(_ context.Context, e *bus.AnyEvent) error {
	h.note(text(e))
	return nil
}

// expect has heard what was said, and nothing else, in this order.
func (h *heard) expect(t *testing.T, who string, want ...string) {
	t.Helper()
	if got := h.all(); !slices.Equal(got, want) {
		t.Errorf("%s has heard %q, want %q", who, got, want)
	}
}

// expectAnyOrder is expect for what comes in no order.
func (h *heard) expectAnyOrder(t *testing.T, who string, want ...string) {
	t.Helper()
	got := h.all()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s has heard %q, want %q", who, got, want)
	}
}

// troubles are what a node tells OnError.
type troubles struct{ heard }

func (o *troubles) tell(err error) { o.note(err.Error()) }

// none expects no trouble.
func (o *troubles) none(t *testing.T) {
	t.Helper()
	for _, s := range o.all() {
		t.Errorf("trouble: %s", s)
	}
}

// started starts a node, which the test's end shuts down.
func started(t *testing.T, n *node.Node) *node.Node {
	t.Helper()
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, n) })
	return n
}

// shut shuts down whatever may be, without a limit: nothing must be left.
func shut(t *testing.T, n interface{ Shutdown(context.Context) error }) {
	t.Helper()
	if err := n.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// publisher publishes on a node's bus.
func publisher(t *testing.T, b *bus.Bus, name topic.Name) *bus.Publisher[said] {
	t.Helper()
	p, err := bus.NewPublisher[said](b, name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// say publishes from+1 to from+n.
func say(t *testing.T, p *bus.Publisher[said], from string, n int) {
	t.Helper()
	for i := range n {
		if err := p.Publish(t.Context(), &said{From: from, N: uint64(i + 1)}); err != nil {
			t.Fatal(err)
		}
	}
}

// numbered are from1 to fromN.
func numbered(from string, n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("%s%d", from, i+1))
	}
	return list
}

var errNo = errors.New("no")
