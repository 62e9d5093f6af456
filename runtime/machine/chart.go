package machine

// Version1 is the contract between generated code and this package. Generated
// code refers to the constant of the contract that it was made for; one that is
// no longer kept is removed, so that a mismatch does not compile.
const Version1 = 1

// None stands for "there is none" wherever a table holds an index.
const None = -1

// Kind is the kind of a state.
type Kind uint8

// The kinds of states.
const (
	Atomic Kind = iota
	Compound
	Final
)

// Chart is a machine as tables. It is made by the generator and never changed;
// any number of machines share one.
//
// Event number 0 stands for "no event": its candidates are the eventless
// transitions. Numbers below len(Transitions) given to Take are transitions,
// the others blocks of actions.
type Chart struct {
	Machine     string
	Strict      bool         // an external event that nothing takes is an error
	States      []State      // in document order; the first is the machine itself
	Events      []string     // names by number
	Transitions []Transition // in document order
	Delays      []Delay
	// Index says, at a leaf's row plus the number of an event, which transitions are
	// tried: 0 is none, n > 0 is transition n-1 only, n < 0 those in Candidates from
	// -n-1 on.
	Index      []int32
	Candidates []int32 // transitions in the order in which they are tried, each list ended by None
	Steps      []Step  // what transitions enter, outermost state first
	Start      Transition
	Execution  int32 // the number of the event error.execution
	Comm       int32 // the number of the event error.communication
}

// State is a row of a chart's table of states.
type State struct {
	Path        string // dotted; empty for the machine itself
	Kind        Kind
	Parent      int32
	Entry, Exit int32 // blocks
	Done        int32 // the event that is raised when a child that is final is entered
	FirstDelay  int32 // Delays[FirstDelay:LastDelay] begin when the state is entered
	LastDelay   int32
}

// Delay is a row of a chart's table of delays.
type Delay struct {
	Event    int32 // what happens when it has passed
	Constant int64 // nanoseconds; 0 where Program.Delay computes it
}

// Transition is a row of a chart's table of transitions.
type Transition struct {
	Source  int32
	Domain  int32 // the innermost state that stays active; None where nothing is exited
	Leaf    int32 // the state that is active afterwards
	Row     int32 // where Leaf's part of Index begins
	First   int32 // Steps[First:Last] are entered
	Last    int32
	Actions int32 // the block that runs between exit and entry, unless Take runs it with the guard
	Flags   Flags
}

// Flags are properties of a transition.
type Flags uint8

// The flags of transitions.
const (
	Unguarded Flags = 1 << iota // it has no guard
	Quiet                       // no state on its way has entry, exit, delays or a final child
	NoCode                      // neither guard nor actions: Take need not be called
	Swift                       // Quiet, Take runs all of it, and no eventless transition can follow
)

// Step is one state that a transition enters.
type Step struct {
	State   int32
	Initial int32 // the block of the state's initial, where that is how its child is entered
	Inside  bool  // the state is active already: only its initial is followed
}

// leafPath is the path of the state with the given index.
func (c *Chart) leafPath(i int32) string { return c.States[i].Path }

// within reports whether state i is state of or a descendant of it.
func (c *Chart) within(i, of int32) bool {
	for ; i != None; i = c.States[i].Parent {
		if i == of {
			return true
		}
	}
	return false
}
