package spec

import "github.com/xsgen/xsgen/gen/source"

// Machine is a machine file as it was written: nothing is resolved yet, and
// document order is kept everywhere.
type Machine struct {
	File        *source.File
	ID          Scalar
	Package     Scalar // absent: the id made a package name
	Keyed       bool
	Description Scalar
	Unhandled   Scalar // "ignore", "error" or absent
	Types       []*Type
	Context     []*Field
	Events      []*Event
	Emits       []*Event
	Internal    []*Event
	Sends       []*Role
	Services    []*Service
	Input       []*Field
	Output      []*Field
	Root        *State // its name is the machine's id
}

// Type is a named type: a struct with Fields, or an enum with Values.
type Type struct {
	Name        Scalar
	Description Scalar
	Fields      []*Field
	Enum        bool
	Values      []Scalar
}

// Field is one field of a struct, an event, the context, an input or an output.
type Field struct {
	Name        Scalar
	Type        Scalar
	Default     *Value
	Description Scalar
}

// Event is a declared event of any section.
type Event struct {
	Name        Scalar
	Description Scalar
	Fields      []*Field
	HasReply    bool
	Reply       []*Field
}

// Role is somebody the machine sends to.
type Role struct {
	Name   Scalar
	Events []*Event
}

// Service is something that the machine can invoke.
type Service struct {
	Name        Scalar
	Description Scalar
	Input       []*Field
	Output      []*Field
}

// State is a state, or the machine itself.
type State struct {
	Name        Scalar
	Pos         source.Pos
	Type        Scalar // absent: inferred
	Description Scalar
	Tags        []Scalar
	Initial     *Initial
	States      []*State
	Entry, Exit []*Action
	On          []*On
	Always      []*Transition
	After       []*After
	Invoke      []*Invoke
	OnDone      []*Transition
	Defer       []Scalar
	History     Scalar   // "shallow" or "deep"
	Target      *Initial // a history state's default
	Output      *Value   // of a final state of the root
}

// Initial says where a state starts, and what is done on the way.
type Initial struct {
	Pos     source.Pos
	Targets []Scalar
	Actions []*Action
}

// On is the transitions of one event descriptor.
type On struct {
	Event       Scalar
	Transitions []*Transition
}

// After is the transitions of one delay.
type After struct {
	Delay       Scalar
	Transitions []*Transition
}

// Transition is one candidate.
type Transition struct {
	Pos         source.Pos
	Targets     []Scalar
	Guard       *Guard
	Actions     []*Action
	Reenter     bool
	Description Scalar
}

// GuardKind tells the forms of a guard apart.
type GuardKind int

// The forms of a guard.
const (
	GuardName GuardKind = iota
	GuardExpr
	GuardNot
	GuardAnd
	GuardOr
	GuardIn
)

// Guard is a condition: a name, an expression or a state in Text, or operands.
type Guard struct {
	Kind GuardKind
	Pos  source.Pos
	Text Scalar
	Args []*Guard
}

// ActionKind tells the forms of an action apart.
type ActionKind int

// The forms of an action.
const (
	ActionName ActionKind = iota
	ActionAssign
	ActionRaise
	ActionEmit
	ActionSend
	ActionCancel
	ActionReply
	ActionLog
)

// Action is one action. Name is the method, the event or the id to cancel;
// With is what is assigned, replied, logged or sent along.
type Action struct {
	Kind  ActionKind
	Pos   source.Pos
	Name  Scalar
	With  *Value
	To    Scalar
	After Scalar
	ID    Scalar
}

// Invoke is a service or child machine that runs while a state is active.
type Invoke struct {
	Pos     source.Pos
	Src     Scalar
	Machine Scalar
	ID      Scalar
	Input   *Value
	OnDone  []*Transition
	OnError []*Transition
}
