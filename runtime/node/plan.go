package node

import (
	"fmt"

	"github.com/xsgen/xsgen/runtime/topic"
	"github.com/xsgen/xsgen/runtime/transport"
)

// Version1 is the contract between this package and generated code.
const Version1 = 1

// Plan is what a topology says of one node. It is not changed.
type Plan struct {
	Topology, Node string
	Transports     []TransportPlan // that the node opens, in this order
	Outgoing       []Outgoing      // what is published in the node and heard in other processes
	Types          []Type          // of events that may come by a transport; of several that match a topic the first counts
}

// TransportPlan is a transport that a node opens.
type TransportPlan struct {
	Name     string // as topologies call it
	Settings []Setting
	Listen   *Setting // at which other hosts reach the node; nil if there is none
	Peers    []PeerPlan
	Queues   []transport.Queue // what this node sends to
	Open     transport.Opener  // nil if it is not built in: then Config.Transports must have it
}

// PeerPlan is another node that the transport joins.
type PeerPlan struct {
	Node     string
	Replicas int
	Address  *Setting // nil if it is on this host
}

// Setting is a setting of a transport, or of the node for its transports. Its parts,
// joined, are its value. A `dir` that they put below the system's directory for temporary
// files gets the user's id.
type Setting struct {
	Key   string
	Parts []Part
}

// Part is a text, an environment variable, or the system's directory for temporary files; with
// Temporary and a variable it is the variable if that is set, and the directory otherwise.
type Part struct {
	Text       string
	Variable   string // its name
	Default    string // used if the variable is unset or empty;
	HasDefault bool   // without one that is an error
	Temporary  bool
}

// Outgoing are events that leave the process.
type Outgoing struct {
	Pattern topic.Pattern
	Via     string // the transport
	Profile transport.Profile
}

// Type is how the events of some topics are called and decoded. A pattern with one `+`
// and no other wildcard is that of a keyed topic; the `+` is the key.
type Type struct {
	Pattern topic.Pattern
	Name    string
	Decode  func(body []byte) (any, error) // returns a pointer; it does not keep body
}

// Decode reads a value, for Type. Its errors wrap transport.ErrDecode.
func Decode[T any, P interface {
	*T
	UnmarshalMsgpack(b []byte) error
}](b []byte) (any, error) {
	v := new(T)
	if err := P(v).UnmarshalMsgpack(b); err != nil {
		return nil, fmt.Errorf("%w: %T: %w", transport.ErrDecode, *v, err)
	}
	return v, nil
}
