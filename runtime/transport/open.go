package transport

import (
	"context"

	"github.com/xsgen/xsgen/runtime/topic"
)

// Opener opens the transport of a node. ctx bounds that, and not the transport's life.
// Whoever calls it closes the transport. Of a node that cannot reach the others yet it
// does not wait for them: connecting is the transport's affair, and its Status tells.
type Opener func(ctx context.Context, c Config) (Transport, error)

// Config is what the transport of a node is opened with. It is not changed.
type Config struct {
	Topology, Node string
	Replica        int               // which of the node's processes it is, from 0
	Settings       map[string]string // by the keys that topologies have for the transport, all of them
	// Listen is the address at which nodes of other hosts reach this one, as
	// tcp://host:port; empty if it has none. The host may be `*`.
	Listen string
	// Peers are the nodes with which this one shares the transport. It is among them itself
	// if there are several processes of it, which share it, too.
	Peers  []Peer
	Queues []Queue // the inboxes of others that this node sends to
	// OnError, if it is set, is told of what nobody else can be told of: peers that make no sense or
	// are not allowed, messages that are lost. It is called from any goroutine, several at
	// once, and must not block.
	OnError func(error)
}

// Peer is another node that a transport joins.
type Peer struct {
	Node     string
	Replicas int
	Address  string // at which it listens, as tcp://host:port; empty if it is on this host
}

// Queue is an inbox, or a group of them, of other nodes. What is sent to it before it was
// ever there should be kept for it, by a transport that can keep something.
type Queue struct {
	Node     string // whose it is; of a group with members on several nodes, empty
	Name     string // as SubscribeRequest.Name
	Group    string // as SubscribeRequest.Group
	Policy   GroupPolicy
	Patterns []topic.Pattern
	Profile  Profile
}
