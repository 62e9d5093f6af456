package model

import (
	"slices"
	"time"

	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
	"github.com/xsgen/xsgen/runtime/topic"
)

// Topology is a resolved topology: which machines run in which processes, and how
// events travel between them.
type Topology struct {
	File        *source.File
	ID          spec.Scalar
	Package     string
	Description string

	Machines      []*Participant
	Hosts         []*Host
	Nodes         []*Node
	Locations     [Locations]*Transport // what serves each location
	Transports    []*Transport          // those that serve a location, a link's via, or have settings; each once
	Profiles      []*Profile            // the declared ones
	Links         []*Link
	Groups        []*Group
	Broadcasts    []*Broadcast
	Subscriptions []*Subscription

	Published []*Published // all topics on which something may be published
}

// Participant is a machine of a topology.
type Participant struct {
	ID      spec.Scalar
	Machine *Machine // nil if its spec cannot be used, which has been reported
	Import  string   // the import path of its package, if it was given
	Store   Store
	Idle    time.Duration // 0 leaves it to the host
	Max     int           // 0 leaves it to the host
	Retain  time.Duration // 0 leaves it to the host
	Nodes   []*Node       // on which it runs, in document order
	// Spread is the group that the processes of a keyed machine are if there are several:
	// each of them owns keys. It has the machine's name, and is nil for other machines.
	Spread *Group
}

// Keyed reports whether the machine is known to be keyed.
func (p *Participant) Keyed() bool { return p.Machine != nil && p.Machine.Keyed }

// Processes is the number of processes in which the machine runs.
func (p *Participant) Processes() int {
	n := 0
	for _, node := range p.Nodes {
		n += node.Replicas
	}
	return n
}

// Store says where the instances of a keyed machine are kept.
type Store int

// The stores.
const (
	StoreMemory Store = iota // in each process
	StoreFiles               // in a directory, which the processes of one host share
	StoreShared              // given to the node when it starts; all processes share it
)

// Host is a computer.
type Host struct {
	Name    spec.Scalar
	Address *Setting // nil if there is none
}

// Node is a process, or several of one kind.
type Node struct {
	Name     spec.Scalar
	Host     *Host // nil if it is not known, which has been reported
	Machines []*Participant
	Replicas int
	Listen   *Setting // nil if there is none

	// What the node's own code may do, besides sending to Machines and broadcasting.
	Sends, Requests []*Link
	Subscriptions   []*Subscription

	Transports []*Transport // that the node needs, in the order of Topology.Transports
}

// Location says where the two ends of a link run, from near to far.
type Location int

// The locations.
const (
	SameThread  Location = iota // in one process, and the link is inline
	SameProcess                 // in one process
	SameMachine                 // in two processes of one host
	Remote                      // on two hosts
	Locations                   // their number
)

var locationNames = [Locations]string{"same-thread", "same-process", "same-machine", "remote"}

func (l Location) String() string { return locationNames[l] }

// Transport is a transport of a topology, with its settings.
type Transport struct {
	Kind     *TransportKind
	Pos      source.Pos // where it is first named; not valid for a default
	Settings []*Setting // one for each of the kind's, in its order; those that were not written have their defaults
}

// Setting is a value in which variables are replaced when a node starts.
type Setting struct {
	Key   string
	Text  spec.Scalar // as it was written; its place is not valid for a default
	Parts []Part      // joined, they are the value
}

// Part is a piece of a setting: text, a variable, or the system's directory for
// temporary files, in place of which a variable is used if it is set.
type Part struct {
	Text       string // of a text
	Variable   string // the name of an environment variable
	Default    string // used if the variable is unset or empty,
	HasDefault bool   // or else that is an error
	Temporary  bool
	Pos        source.Pos
}

// Published is a topic, or a family of topics that differ in a key, on which the
// processes of nodes publish.
type Published struct {
	Pattern topic.Pattern
	Nodes   []*Node
}

// Link says that what a machine or a node publishes comes to somebody.
type Link struct {
	Pos         source.Pos
	From        spec.Scalar
	FromMachine *Participant // nil if the link begins at a node's code
	FromNode    *Node
	Kind        spec.LinkKind
	To          spec.Scalar  // the name of the machine, the group or the broadcast
	ToMachine   *Participant // of a group its machine; nil for a broadcast
	ToGroup     *Group
	ToAll       *Broadcast
	Patterns    []topic.Pattern // of states: over the paths of states
	Routes      []*Route        // for each event that is taken, in document order; of states there is one
	Timeout     time.Duration   // of requests; 0 leaves it to the ctx
	Profile     *Profile        // never nil
	ProfileName spec.Scalar     // as it was written
	Via         *Transport      // between processes, in place of the locations' transports; nil if it was not written
	ViaName     spec.Scalar
	Inline      bool
	Pairs       []*Pair
	Spec        *spec.Link
}

// Group is the group to which the link brings events: one that was declared, or the
// processes of a keyed machine. It is nil where there is one receiver, or a broadcast.
func (l *Link) Group() *Group {
	if l.ToGroup == nil && l.ToMachine != nil {
		return l.ToMachine.Spread
	}
	return l.ToGroup
}

// Forwarded reports whether what the link takes is mapped and published anew beside its
// source: for everybody, or for somebody that a key of the receiver chooses.
func (l *Link) Forwarded() bool {
	if l.Kind != spec.Emits && l.Kind != spec.States {
		return false
	}
	g := l.Group()
	return l.ToAll != nil || g != nil && g.Policy == Sticky && l.Spec.Key != nil
}

// ByTopic reports whether what the link brings is published on the topic of its
// receiver's event, and not mapped when it is received.
func (l *Link) ByTopic() bool {
	return l.Kind == spec.Sends || l.Kind == spec.Requests || l.Forwarded()
}

// Brings reports whether the link has an event be published on the topic of its receiver.
func (l *Link) Brings(e *Event) bool {
	return l.ByTopic() && slices.ContainsFunc(l.Routes, func(r *Route) bool { return r.Target == e })
}

// Receivers are the machines to which the link brings events.
func (l *Link) Receivers() []*Participant {
	switch {
	case l.ToAll != nil:
		return l.ToAll.Hearers
	case l.ToMachine != nil:
		return []*Participant{l.ToMachine}
	}
	return nil
}

// Pair is where a link, a broadcast or a subscription passes from one node to
// another, which may be the same one.
type Pair struct {
	From, To  *Node
	Location  Location   // the farthest between a process of From and one of To
	Local     bool       // they are one node: if it has replicas, two ends may be one process, too
	Transport *Transport // of a link to a group the group's
}

// Route is the way of one event along a link.
type Route struct {
	Link   *Link
	Role   *Role    // of sends by a machine
	Source *Event   // nil for states, and for links from nodes: those make the target's event
	States []*State // of states: the leaves whose changes are taken
	Fields []*Field // what `event` has: those of Source, or of a state change
	Target *Event   // as the receiver declares it, or the broadcast
	Sets   []*Set   // how the target's fields are set, in the order of their declaration; the others have their defaults
	Where  *spec.Value
	Key    *spec.Value // nil: the source's key
}

// Set sets a field of the target: to an expression, or what is built of some, or to
// the source's field of the same name.
type Set struct {
	Field *Field
	Value *spec.Value
	From  *Field
}

// Policy says which member of a group gets an event.
type Policy int

// The policies.
const (
	RoundRobin Policy = iota
	LeastLoaded
	Random
	Sticky
)

var policyNames = []string{"round-robin", "least-loaded", "random", "sticky"}

func (p Policy) String() string { return policyNames[p] }

// Group is the processes of a machine, of which one gets each event: those of a declared
// group, or of a keyed machine.
type Group struct {
	Name      spec.Scalar
	Machine   *Participant // nil if it is not known, which has been reported
	Policy    Policy
	Links     []*Link
	Location  Location   // the farthest of all pairs of its links
	Transport *Transport // that all its members use; nil if there is no link
}

// Keyed reports whether the topics of the group's own events have a key: what a link
// sends to it goes to an instance, or to the member that a key belongs to.
func (g *Group) Keyed() bool {
	return g.Policy == Sticky || g.Machine != nil && g.Machine.Keyed()
}

// Broadcast is an event for everybody who declares it.
type Broadcast struct {
	Event      *Event
	Hearers    []*Participant // those that declare it with the same fields
	Mismatched []*Participant // those that declare it with others
	Pairs      []*Pair        // from every node to those of the hearers that are not spread
}

// Subscription is code of a node that hears topics.
type Subscription struct {
	Name        spec.Scalar
	Node        *Node
	Topics      []spec.Scalar
	Patterns    []topic.Pattern // of Topics; those that are not well-formed are left out
	Profile     *Profile        // never nil
	ProfileName spec.Scalar
	Shared      bool    // one of the node's processes hears each event, rather than all
	Pairs       []*Pair // from the nodes that may publish something of it
}
