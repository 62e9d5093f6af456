// Package model is the resolved machine and the resolved topology: pointers instead of
// names, document order and places kept, and no Go spelling. It is built from a spec
// once and never changed afterwards. Rules that need the whole of it are in package
// check; expressions are typed in package expr. What is known of transports and of the
// keys of profiles is here, too.
package model

import (
	"time"

	"github.com/xsgen/xsgen/gen/source"
	"github.com/xsgen/xsgen/gen/spec"
)

// Machine is a resolved machine.
type Machine struct {
	File        *source.File
	ID          spec.Scalar
	Package     string
	Keyed       bool
	Description string
	Strict      bool // unhandled: error
	Types       []*Named
	Context     []*Field
	Events      []*Event
	Emits       []*Event
	Internal    []*Event
	Sends       []*Role
	Services    []*Service
	Input       []*Field
	Output      []*Field
	Implicit    []*Event // done.… and error.… events that something waits for
	Children    []*Child // the machines that this one invokes
	ToChildren  []*Role  // what is sent to them, by the ids of their invocations
	ToParent    []*Event // those of Emits that are sent to the machine that invoked this one

	Root        *State
	States      []*State      // in document order; the index is the state's Index
	Transitions []*Transition // in document order; the index is the transition's Index
	Guards      []*Method     // named guards, in order of first use
	Actions     []*Method     // named actions, in order of first use
}

// Kind is the kind of a Type.
type Kind int

// The kinds of types.
const (
	Invalid Kind = iota
	String
	Bool
	Int
	Int8
	Int16
	Int32
	Int64
	Uint
	Uint8
	Uint16
	Uint32
	Uint64
	Float32
	Float64
	Bytes
	Time
	Duration
	Slice
	Map
	Struct
	Enum
)

// Type is the type of a field.
type Type struct {
	Kind     Kind
	Optional bool
	Elem     *Type  // of a slice or map
	Named    *Named // of a struct or enum
}

// Named is a declared type.
type Named struct {
	Name        spec.Scalar
	Description string
	Enum        bool
	Values      []spec.Scalar
	Fields      []*Field
}

// Field is a field of a struct, an event or the context.
type Field struct {
	Name        spec.Scalar
	Type        *Type
	Default     *spec.Value // a literal that fits Type, or nil
	Description string
}

// Required reports whether a value that is built must set the field.
func (f *Field) Required() bool { return !f.Type.Optional && f.Default == nil }

// Section says where an event was declared, or that the machine makes it itself.
type Section int

// The sections of events.
const (
	External   Section = iota // events:
	Internal                  // internal:
	Emitted                   // emits:
	Sent                      // sends:
	DoneState                 // done.state.<path>
	DoneInvoke                // done.invoke.<id>
	Failed                    // error.…
)

// Event is an event of any section.
type Event struct {
	Name        spec.Scalar
	Section     Section
	Description string
	Fields      []*Field
	HasReply    bool
	Reply       []*Field
	Role        *Role    // of a Sent event
	Of          *Event   // of one that is sent to an invoked machine: the event as that one declares it
	State       *State   // of a DoneState event
	Service     *Service // of a DoneInvoke event, if what is invoked is known
}

// Role is somebody the machine sends to. An invocation is one, of the id's name.
type Role struct {
	Name   spec.Scalar
	Events []*Event
	Child  *Child // of an invocation
}

// Child is a machine that another one invokes, as that one sees it.
type Child struct {
	Machine *Machine
	Service *Service // its input and output, in the parent's types
	Heard   []Heard  // what it sends to the parent
}

// Heard is an event that an invoked machine sends to its parent: as the child
// declares it, and as the parent does.
type Heard struct{ Sent, Event *Event }

// Service is something that the machine can invoke.
type Service struct {
	Name          spec.Scalar
	Description   string
	Input, Output []*Field
}

// StateKind is the type of a state.
type StateKind int

// The types of states.
const (
	Atomic StateKind = iota
	Compound
	Parallel
	Final
	History
)

func (k StateKind) String() string {
	return [...]string{"atomic", "compound", "parallel", "final", "history"}[k]
}

// State is a state; the machine itself is the root state.
type State struct {
	Index       int
	Name        spec.Scalar
	Path        string // from the root, dotted; empty for the root
	Kind        StateKind
	Deep        bool // of a history state
	Parent      *State
	Children    []*State
	Description string
	Tags        []spec.Scalar
	Initial     *Transition // of a compound state, of a history state its default; Source is the state itself
	Entry, Exit []*Action
	On          []*Transition // in document order, each with its descriptor
	Always      []*Transition
	After       []*Delay
	OnDone      []*Transition
	Invokes     []*Invoke
	Defer       []*Descriptor
	Output      *spec.Value
	Spec        *spec.State
}

// Leaf reports whether s can be a leaf of a configuration.
func (s *State) Leaf() bool { return s.Kind == Atomic || s.Kind == Final }

// Within reports whether s is t or a descendant of t.
func (s *State) Within(t *State) bool {
	for ; s != nil; s = s.Parent {
		if s == t {
			return true
		}
	}
	return false
}

// Delay is one entry of after: a constant, or an expression to evaluate when
// the state is entered.
type Delay struct {
	Index       int // among all delays of the machine
	Text        spec.Scalar
	Constant    time.Duration // 0 where the delay is an expression
	Broken      bool          // it is neither, which has been reported
	State       *State
	Transitions []*Transition
}

// Descriptor is an event descriptor and what it stands for.
type Descriptor struct {
	Text   spec.Scalar
	Events []*Event // in the order of their declaration, external ones first
	Any    bool     // it is `*`
}

// Cause says what a transition waits for.
type Cause int

// The causes of transitions.
const (
	OnEvent Cause = iota
	OnAlways
	OnDelay
	OnStateDone
	OnInvokeDone
	OnInvokeError
	OnInitial // an initial or a history default: no guard, always taken
)

// Transition is one candidate, or an initial.
type Transition struct {
	Index       int // among Machine.Transitions; -1 for an initial
	Pos         source.Pos
	Cause       Cause
	Source      *State
	Targets     []*State
	Lost        bool // a target names no state, which has been reported
	Guard       *Guard
	Actions     []*Action
	Reenter     bool
	Description string
	On          *Descriptor // of OnEvent
	Delay       *Delay      // of OnDelay
	Invoke      *Invoke     // of OnInvokeDone and OnInvokeError
}

// Guard is a condition.
type Guard struct {
	Kind   spec.GuardKind
	Pos    source.Pos
	Method *Method
	Expr   spec.Scalar
	State  *State
	Args   []*Guard
}

// Action is one action with what it names resolved.
type Action struct {
	Kind   spec.ActionKind
	Pos    source.Pos
	Method *Method     // of a named action
	Event  *Event      // raised, emitted or sent
	Self   bool        // a send without a receiver
	Parent bool        // a send to the parent
	Fields []*Field    // what With assigns or replies
	With   *spec.Value // nil where nothing was written
	After  *Delay      // of a delayed send
	ID     spec.Scalar // of a send, or what cancel names
}

// Invoke is a service or machine that runs while its state is active.
type Invoke struct {
	Pos     source.Pos
	State   *State
	ID      string
	Service *Service
	Machine string // the child's spec, relative to this one
	Child   *Child // nil where there is none, or nothing right
	Input   *spec.Value
	OnDone  []*Transition
	OnError []*Transition
}

// Payload says what a piece of a machine is given.
type Payload int

// The payloads.
const (
	NoPayload Payload = iota // nothing
	OneEvent                 // the struct of the one event that can arrive
	AnyOfThem                // the sealed interface: several events can arrive
	OutputOf                 // a service's output
	AnError                  // an error
)

// Arrival is what can arrive at a transition or a block of actions.
type Arrival struct {
	Payload Payload
	Event   *Event   // of OneEvent
	Service *Service // of OutputOf
}

// Method is a guard or an action written in Go.
type Method struct {
	Name    spec.Scalar // as at its first use
	Arrival Arrival
	Replies bool // an action used only under one event with a reply
	Uses    []source.Pos
}
