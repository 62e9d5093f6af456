package transporttest

import (
	"fmt"
	"slices"
	"time"

	"github.com/xsgen/xsgen/runtime/transport"
)

// sticky has each key go to one member; when one leaves, only its keys move.
func sticky(e *env) {
	const n = 40
	owner := map[string]int{}
	boxes := make([]inbox, 3)
	var subs []transport.Subscription
	for i := range boxes {
		subs = append(subs, e.member(transport.Sticky, transport.Profile{}, boxes[i].Receive))
	}
	round := func(alive ...int) {
		var seen [3]int
		for i := range boxes {
			seen[i] = len(boxes[i].messages())
		}
		for k := range n {
			e.one(fmt.Sprint("k", k), "x", subs...)
		}
		for i := range boxes {
			for _, m := range boxes[i].messages()[seen[i]:] {
				if was, ok := owner[m.Key]; ok && was != i && slices.Contains(alive, was) {
					e.Errorf("key %s has moved from member %d to %d", m.Key, was, i)
				}
				owner[m.Key] = i
			}
		}
	}
	round(0, 1, 2)
	round(0, 1, 2)
	for i := range boxes {
		if len(boxes[i].messages()) == 0 {
			e.Errorf("member %d has no key", i)
		}
	}
	e.noError(subs[1].Close(e.ctx), "leaving")
	subs = []transport.Subscription{subs[0], subs[2]}
	before := len(boxes[1].messages())
	round(0, 2)
	if len(boxes[1].messages()) > before {
		e.Error("the member that has left got something")
	}
}

// stickyFull has two members and many keys. The first member has one message and does
// not settle it; the second one has settled all of its own. It returns the rest: how
// many keys are the first one's.
func stickyFull(e *env, keys int) (gates [2]*gate, subs []transport.Subscription, d *transport.Delivery, rest int) {
	for i := range gates {
		gates[i] = newGate()
		subs = append(subs, e.member(transport.Sticky, transport.Profile{}, gates[i].Receive))
	}
	for k := range keys {
		m := e.message("event.a", "x")
		m.Key = fmt.Sprint("k", k)
		e.noError(transport.Publish(e.ctx, e.pub, m), "publishing")
	}
	d = gates[0].take(e)
	for range keys { // all that the other one is to get
		select {
		case d := <-gates[1].held:
			e.noError(d.Settle(nil), "settling")
		case <-time.After(e.calm):
		}
	}
	rest = keys - len(gates[1].messages())
	if rest < 2 || rest == keys {
		e.Fatalf("of %d keys %d are the first one's", keys, rest)
	}
	if len(gates[0].messages()) != 1 {
		e.Errorf("the member that is full got %d", len(gates[0].messages()))
	}
	return gates, subs, d, rest
}

// stickyWaits has a member that is full: its keys wait for it, others go on.
func stickyWaits(e *env) {
	const n = 20
	gates, subs, d, rest := stickyFull(e, n)
	e.noError(d.Settle(nil), "settling")
	gates[0].settle(e, rest-1)
	if st := e.sum(n, subs...); st.Handled != n {
		e.Errorf("%+v", st)
	}
}

// stickyLeaves has that member leave: what waits for it goes to the other one.
func stickyLeaves(e *env) {
	const n = 20
	gates, subs, d, rest := stickyFull(e, n)
	left := make(chan error)
	go func() { left <- subs[0].Close(e.ctx) }()
	gates[1].settle(e, rest-1)
	e.noError(d.Settle(nil), "settling")
	e.noError(<-left, "leaving")
	if st := e.sum(n, subs...); st.Handled != n || subs[0].Stats().Handled != 1 {
		e.Errorf("%+v", st)
	}
}
