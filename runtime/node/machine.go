package node

import (
	"context"

	"github.com/xsgen/xsgen/runtime/bus"
	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// Machine is a machine, or a host of its instances, as a node sees it.
type Machine struct {
	ID      string
	Connect func(b *bus.Bus) error          // makes its publishers; nil if it has none
	Open    func(ctx context.Context) error // starts it, and does not keep ctx; nil if there is nothing to start
	Close   func(ctx context.Context) error // stops it; it is called once Open was, even if that has failed; nil as Open
	Inboxes []Inbox                         // one for each profile and group
}

// Inbox is where events for a machine arrive. Until the machine is open they wait there.
type Inbox struct {
	Name    string // unique in the node; on transports it is <node>.<Name>, in processes but the first <node>.<replica>.<Name>
	Profile transport.Profile
	Direct  bool   // events are handled in the publisher's goroutine; on the bus only, and without a profile
	Group   string // of which it is a member; empty if it is in none
	Policy  transport.GroupPolicy
	Routes  []Route // of several that match an event the first counts
}

// Route is what an inbox hears, and what becomes of it.
type Route struct {
	Pattern topic.Pattern
	Local   bool     // it is heard on the bus
	Via     []string // transports by which it comes from other processes
	// Elsewhere are, by one of Via, nodes whose events come by another way: what they send
	// by this one is for others.
	Elsewhere map[string][]string
	// Where, unless it is nil, is asked for each event; if it returns false, the next route is
	// tried. It must not keep the event, and may be asked several times, from any goroutine.
	Where func(e *bus.AnyEvent) bool
	Take  func(ctx context.Context, e *bus.AnyEvent) error
}

// Subscription is code of the node that hears topics.
type Subscription struct {
	Name    string // unique among inboxes and subscriptions of the node
	Profile transport.Profile
	Shared  bool    // one of the node's processes hears each event
	Routes  []Route // Take is the handler in each
}
