package spec

import "github.com/xsgen/xsgen/gen/source"

// Topology is a topology file as it was written: nothing is resolved yet, and
// document order is kept everywhere.
type Topology struct {
	File          *source.File
	ID            Scalar
	Package       Scalar // absent: the id made a package name
	Description   Scalar
	Machines      []*Participant
	Hosts         []*Host
	Nodes         []*Node
	Locations     []*Choice
	Transports    []*Options
	Profiles      []*Profile
	Links         []*Link
	Groups        []*Group
	Broadcasts    []*Event
	Subscriptions []*Subscription
}

// Participant is a machine of a topology.
type Participant struct {
	ID     Scalar
	Spec   Scalar // the path of the machine's spec, relative to the topology
	Import Scalar // the import path of its package; absent: from its place
	Store  Scalar
	Idle   Scalar
	Max    Scalar
	Retain Scalar
}

// Host is a computer.
type Host struct {
	Name     Scalar
	Settings []*Setting
}

// Setting is a key whose value may have variables in it.
type Setting struct {
	Key   Scalar
	Value Scalar
}

// Node is a process.
type Node struct {
	Name     Scalar
	Host     Scalar
	Machines []Scalar
	Replicas Scalar
	Listen   Scalar
}

// Choice is a location and the transport that serves it.
type Choice struct{ Location, Transport Scalar }

// Options are the settings of a transport.
type Options struct {
	Name     Scalar
	Settings []*Setting
}

// Profile is a named set of values; those of Retry are keyed `retry.<key>`.
type Profile struct {
	Name   Scalar
	Base   Scalar
	Values []*Setting
}

// LinkKind says what a link takes from its source.
type LinkKind int

// The kinds of links.
const (
	Emits LinkKind = iota
	States
	Sends
	Requests
)

func (k LinkKind) String() string { return [...]string{"emits", "states", "sends", "requests"}[k] }

// Link is one entry of links.
type Link struct {
	Pos       source.Pos
	From      Scalar
	Kind      LinkKind
	KindKey   Scalar   // the key `emits`, `states`, `sends` or `requests`; absent if there is none
	Names     []Scalar // its values
	To        Scalar
	Broadcast Scalar
	Event     Scalar
	Map       *Value
	Where     *Value
	Key       *Value
	Timeout   Scalar
	Profile   Scalar
	Via       Scalar
	Inline    bool
	InlineKey Scalar // the key `inline`, if it is written
}

// Group is a set of processes of one machine that share its events.
type Group struct {
	Name    Scalar
	Machine Scalar
	Policy  Scalar
}

// Subscription is code of a node that hears topics.
type Subscription struct {
	Name    Scalar
	Node    Scalar
	Topics  []Scalar
	Profile Scalar
	Shared  bool
}
