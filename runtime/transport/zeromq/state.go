package zeromq

import (
	"github.com/xsgen/xsgen/runtime/transport"
)

// refresh computes the state from what is connected and what is not.
func (t *Transport) refresh(err error) {
	if !t.looked.Load() {
		return // the first that are found may be connected before the others are found
	}
	t.refreshing.Lock()
	defer t.refreshing.Unlock()
	state := transport.Ready
	for _, in := range t.allInlets() {
		switch s := in.state(); {
		case s == transport.Reconnecting:
			state = s
		case s == transport.Connecting && state == transport.Ready:
			state = s
		}
	}
	for _, r := range t.allRemotes() {
		r.mu.Lock()
		if r.out == nil && r.epoch != "" {
			state = transport.Reconnecting
		}
		r.mu.Unlock()
	}
	if state == transport.Connecting && t.ready.Load() {
		return // others that come are no reason to wait
	}
	if state == transport.Ready {
		t.ready.Store(true)
	}
	t.status.Set(state, err)
}

// state is Connecting until the first attempt is over, and the peer that was found has
// connected as well.
func (in *inlet) state() transport.State {
	in.mu.Lock()
	peer, welcome, lost := in.peer, in.welcome, in.lost
	in.mu.Unlock()
	select {
	case <-in.tried:
		if lost {
			return transport.Reconnecting
		}
		return transport.Ready
	default:
	}
	if !welcome {
		return transport.Connecting
	}
	in.t.mu.Lock()
	r := in.t.remotes[peer]
	in.t.mu.Unlock()
	if r == nil || !r.came() {
		return transport.Connecting
	}
	return transport.Ready
}

// came reports whether the process has said hello.
func (r *remote) came() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.epoch != ""
}

// serves reports whether an inlet is connected to a node.
func (in *inlet) serves(node string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.welcome && in.peer == node
}
