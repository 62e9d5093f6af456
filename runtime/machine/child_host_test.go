package machine_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	. "github.com/xsgen/xsgen/runtime/machine"
)

// hostedParent is an instance of a keyed host that invokes a machine.
type hostedParent struct {
	*keptParent
}

func (p *hostedParent) ChangeValue(c Change) any                                  { return c }
func (p *hostedParent) FailureValue(f Failure) any                                { return f }
func (p *hostedParent) DecodeMessage(string, []byte) (any, error)                 { return nil, nil }
func (p *hostedParent) PublishMessage(context.Context, string, string, any) error { return nil }

// TestChildrenOfInstances invokes a machine in an instance that is stored. What is
// sent to it is no message of the outbox, and where the instance is loaded again it
// begins again.
func TestChildrenOfInstances(t *testing.T) {
	ctx := t.Context()
	store := NewMemoryStore()
	var p *hostedParent
	var c *keptChild
	newHost := func() *Host {
		return NewHost(Maker{
			Chart: parentChart,
			New: func(key string) (*Core, error) {
				p = &hostedParent{newKeptParent(func() (Invocation, error) {
					c = newKeptChild()
					return c.invocation()
				})}
				chart := *parentChart
				chart.Kin = []string{"send.child.do"}
				p.core.Init(&chart, p, key, nil)
				return &p.core, nil
			},
			Encode: func(s *Snapshot) ([]byte, error) { return json.Marshal(s) },
			Decode: func(data []byte) (*Snapshot, error) {
				var s Snapshot
				return &s, json.Unmarshal(data, &s)
			},
		}, WithStore(store))
	}
	h := newHost()
	if err := errors.Join(h.Open(ctx), h.Send(ctx, "k", evInvoke, nil)); err != nil {
		t.Fatal(err)
	}
	first := c
	tell := func(context.Context) error { p.core.Emit(-2, toParent("told")); return nil }
	if err := h.Send(ctx, "k", evNote, tell); err != nil {
		t.Error(err)
	}
	p.saw(t, "note told")
	if err := h.Close(ctx); err != nil {
		t.Error(err)
	}
	<-first.stopped
	h = newHost()
	if err := errors.Join(h.Open(ctx), h.Send(ctx, "k", evNote, tell)); err != nil {
		t.Error(err)
	}
	if c == first {
		t.Error("the child did not begin again")
	}
	p.saw(t, "note told")
	if err := errors.Join(h.Send(ctx, "k", evLeave, nil), h.Close(ctx)); err != nil {
		t.Error(err)
	}
	<-c.stopped
}

func (p *hostedParent) TopicOf(string) string { return "" }
